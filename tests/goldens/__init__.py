"""Cases of numbers that the authors' own code produced: those of the repository, and further ones.

Every folder here holds one case (README.md); so does every folder below those that GEXPIPE_GOLDENS
names, joined by a colon. A case is known by the ``method`` of its meta.json, never by its folder.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

__all__ = ["COMMITTED", "arrays", "case_parameters", "cases", "meta"]

COMMITTED = Path(__file__).parent
BESIDE = Path(__file__).resolve().parents[3] / "shared" / "goldens"


def _roots() -> list[Path]:
    further = os.environ.get("GEXPIPE_GOLDENS", str(BESIDE)).split(os.pathsep)
    return [COMMITTED, *(Path(folder) for folder in further if folder and Path(folder).is_dir())]


def meta(folder: Path) -> dict[str, Any]:
    """The meta.json of a case."""
    return json.loads((folder / "meta.json").read_text())


def arrays(folder: Path) -> dict[str, np.ndarray]:
    """The arrays of a case, by name."""
    return dict(np.load(folder / "io.npz"))


def cases(*beginnings: str) -> list[Path]:
    """Folders of all cases whose method begins with one of ``beginnings``; of all without any."""
    found = [path.parent for root in _roots() for path in sorted(root.glob("*/meta.json"))]
    return [folder for folder in found if meta(folder)["method"].startswith(beginnings or "")]


def case_parameters(folders: Sequence[Path]) -> list[Any]:
    """``folders`` as parameters of a test; one that is skipped where there are none."""
    if not folders:
        why = "no such case in the repository; set GEXPIPE_GOLDENS to a folder of further ones"
        return [pytest.param(None, id="none", marks=pytest.mark.skip(reason=why))]
    return [
        pytest.param(folder, id=f"{'' if folder.parent == COMMITTED else 'further-'}{folder.name}")
        for folder in folders
    ]
