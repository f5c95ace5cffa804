"""Fixtures every test may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def _folder(variable: str, default: Path) -> Path:
    folder = Path(os.environ.get(variable, default))
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there (set {variable} to the folder of reference data)")
    return folder


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder of real reference data, beside the project; the test is skipped where it is absent."""
    return _folder("GEXPIPE_SHARED", ROOT.parent / "shared")


@pytest.fixture(scope="session")
def goldens() -> Path:
    """Folder of numbers that the authors' own code produced."""
    return _folder("GEXPIPE_GOLDENS", ROOT.parent / "shared" / "goldens")
