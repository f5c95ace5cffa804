"""A Markdown text as a page: what a browser shows, alone or within Snakemake's report."""

from __future__ import annotations

from html import escape
from pathlib import Path

from markdown_it import MarkdownIt

from gexpipe.files import aside

__all__ = ["to_page", "write_page"]

STYLE = """
body { font-family: sans-serif; margin: 2em; color: #222; }
table { border-collapse: collapse; margin: 1em 0; }
th, td { border-bottom: 1px solid #ddd; padding: 0.3em 0.8em; text-align: left; }
th { border-bottom: 2px solid #888; }
img { max-width: 100%; }
img:not(:only-child) { width: 32%; min-width: 20em; }
tr:hover td { background: #f4f4f4; }
"""


def to_page(markdown: str) -> str:
    """HTML of a Markdown text with tables; its first heading is the page's title."""
    heading = next((line for line in markdown.splitlines() if line.startswith("# ")), "# gexpipe")
    body = MarkdownIt("commonmark", {"html": False}).enable("table").render(markdown)
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f"<title>{escape(heading[2:])}</title>\n<style>{STYLE}</style>\n</head>\n"
        f"<body>\n{body}</body>\n</html>\n"
    )


def write_page(markdown: str, out: Path) -> None:
    """Write `to_page` to a file."""
    with aside(out) as temporary:
        temporary.write_text(to_page(markdown), encoding="utf-8")
