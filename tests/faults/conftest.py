"""A folder of one's own with the finished tiny run, to break."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.faults.stages import Stage, stages
from tests.project import Project, finished_run

# The long form: every stage, many kills, the whole workflow. GEXPIPE_FAULTS=long asks for it.
LONG = os.environ.get("GEXPIPE_FAULTS") == "long"


@pytest.fixture(scope="session")
def finished(request: pytest.FixtureRequest) -> Project:
    """The finished tiny run; GEXPIPE_FINISHED names one that was made before."""
    made = os.environ.get("GEXPIPE_FINISHED")
    if made:
        return Project(Path(made))
    return finished_run(
        request.getfixturevalue("shared_folder") / "finished",
        request.getfixturevalue("tmp_path_factory").mktemp("finished") / "tiny",
    )


@pytest.fixture(scope="session")
def broken(finished: Project, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the finished run; every test leaves it as it was."""
    folder = tmp_path_factory.mktemp("faults") / "tiny"
    shutil.copytree(finished.folder, folder)
    return folder


@pytest.fixture(scope="session")
def jobs(finished: Project) -> dict[str, Stage]:
    return stages(finished)
