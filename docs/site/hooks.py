"""Reference pages of the site, and links that GitHub follows, too.

Pages link to files of the repository by relative paths, which work on GitHub. On the site such a
file is a page (Markdown), the reference page that is written from it, or offered as it is.
"""

from __future__ import annotations

import posixpath
import re
from typing import Any

import reference
from mkdocs.structure.files import File, Files

LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)(#[^)\s]*)?\)")
NAMED_FILE = re.compile(r"^```(\w+) (\S+)$", re.M)  # ```yaml PATH: a file that the reader writes
WRITTEN = {
    "workflow/schemas/config.schema.yaml": "reference/configuration.md",
    "workflow/schemas/files.schema.yaml": "reference/sheets.md",
    "config/methods": "reference/methods.md",
}


def on_files(files: Files, config: Any) -> Files:
    """Add the reference pages, and the files of the repository that pages link to."""
    for name, write in reference.PAGES.items():
        files.append(File.generated(config, name, content=write()))
    wanted = {"README.md", "CHANGELOG.md", "CONTRIBUTING.md"}
    for file in files.documentation_pages():
        if file.generated_by is None:
            wanted |= outside(file)
    for name in sorted(wanted - set(WRITTEN)):
        path = reference.ROOT / name
        if not path.exists():
            raise SystemExit(f"docs: a page links to {name}, which is not there")
        if path.is_file():
            files.append(File.generated(config, f"repository/{name}", abs_src_path=str(path)))
    return files


def outside(file: File) -> set[str]:
    """Files of the repository outside docs/ that a page links to, by their path in it."""
    links = (target(file.src_uri, found[1]) for found in LINK.finditer(file.content_string))
    return {link for link in links if not link.startswith("docs/")}


def target(page: str, link: str) -> str:
    """Path in the repository of a link on a page; pages below repository/ stand for its root."""
    inside = page.startswith("repository/")
    base = posixpath.dirname(page.removeprefix("repository/") if inside else f"docs/{page}")
    return posixpath.normpath(posixpath.join(base, link))


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Turn links and the names of shown files into what the site has."""
    here = page.file.src_uri
    if here in reference.PAGES:
        return markdown

    def linked(found: re.Match[str]) -> str:
        path = target(here, found[1])
        place = WRITTEN.get(path)
        if place is None and path.startswith("docs/"):
            place = path.removeprefix("docs/")
        elif place is None:
            place = f"repository/{path}"
        if (
            files.get_file_from_path(place) is None
        ):  # a folder, or a file that no page of docs/ shows
            return f"] (`{path}`)" if here.startswith("repository/") else found[0]
        return f"]({posixpath.relpath(place, posixpath.dirname(here) or '.')}{found[2] or ''})"

    return NAMED_FILE.sub(r'```\1 title="\2"', LINK.sub(linked, markdown))
