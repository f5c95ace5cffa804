"""One thread count for PyTorch and for the numba kernels."""

from __future__ import annotations

import numba
import torch

__all__ = ["use_torch_threads"]


def use_torch_threads() -> int:
    """Let numba use as many threads as PyTorch; return that number.

    Called before every kernel, because both counts belong to the calling thread.
    """
    most = numba.config.NUMBA_NUM_THREADS  # type: ignore[attr-defined]
    count = min(torch.get_num_threads(), most)
    if numba.get_num_threads() != count:
        numba.set_num_threads(count)
    return count
