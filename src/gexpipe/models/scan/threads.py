"""One thread count for PyTorch and for the numba kernels."""

from __future__ import annotations

import numba
import torch

__all__ = ["use_torch_threads"]


def use_torch_threads() -> int:
    """Let numba use as many threads as PyTorch; return that number.

    Called before every kernel. When numba starts its threads, the first time, it sets the thread
    count of OpenMP, which is also PyTorch's: without putting it back, PyTorch would then use all
    cores, and wait for them when other processes have them.
    """
    count = torch.get_num_threads()
    most = numba.config.NUMBA_NUM_THREADS  # type: ignore[attr-defined]
    numba.set_num_threads(min(count, most))
    if torch.get_num_threads() != count:
        torch.set_num_threads(count)
    return count
