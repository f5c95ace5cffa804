"""Fixtures every test may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.project import Project, finished_run

ROOT = Path(__file__).resolve().parents[1]


def _folder(variable: str, default: Path) -> Path:
    folder = Path(os.environ.get(variable, default))
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there (set {variable} to the folder of reference data)")
    return folder


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with whole runs first: one that begins last would keep one process waiting for it.

    The rehearsal leads, since it does not wait for the finished run that the others share.
    """
    whole = {item.path for item in items if item.get_closest_marker("workflow")}
    items.sort(key=lambda item: (item.path not in whole, "rehearsal" not in item.path.parts))


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder of real reference data, beside the project; the test is skipped where it is absent."""
    return _folder("GEXPIPE_SHARED", ROOT.parent / "shared")


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all test processes of this run see."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.fixture(scope="session")
def finished(shared_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The tiny configuration, run to table 1 and the controls; one copy for each test process."""
    return finished_run(shared_folder / "finished", tmp_path_factory.mktemp("finished") / "tiny")
