"""Files that a page of the documentation tells the reader to write: ```LANGUAGE PATH blocks."""

from __future__ import annotations

import re
from pathlib import Path

from tests.project import ROOT

FILE = re.compile(r"^```\w+ (?P<path>\S+)\n(?P<text>.*?)^```$", re.M | re.S)


def write_files(page: str, folder: Path) -> list[Path]:
    """Write every file that a page shows, at the path that it names."""
    written = []
    for found in FILE.finditer((ROOT / page).read_text()):
        path = folder / found["path"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(found["text"])
        written.append(path)
    return written
