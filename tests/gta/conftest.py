"""Stand-ins with random weights, made once."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def stand_ins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with sei.pth, projvec_targets.npy and backbone/."""
    pytest.importorskip("transformers")
    from gexpipe.bins.release import unpack
    from gexpipe.bins.stand_ins import write_stand_ins

    folder = tmp_path_factory.mktemp("gta") / "stand_ins"
    write_stand_ins(folder)
    unpack(folder / "sei_model.tar.gz", folder)
    return folder
