"""A method that reads no signals has nothing to drop."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from gexpipe.data.loading import Loading, augment


class Genes(SimpleNamespace):
    """Two genes; nothing of them is looked at when nothing is to be changed."""

    def __len__(self) -> int:
        return 2


def test_no_signals_leave_a_training_batch_as_it_is() -> None:
    batch: Any = Genes()
    draw = np.random.default_rng(0)
    assert augment(batch, Loading(), [], np.zeros(2, bool), draw) is batch
