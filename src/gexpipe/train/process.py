"""What a training process asks of the machine before it starts."""

from __future__ import annotations

import ctypes
import os
import sys

__all__ = ["prepare"]

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # glibc's names for mallopt


def prepare(threads: int) -> None:
    """Limit CPU threads, and keep memory that was asked for once.

    Threads of PyTorch, the numba kernels and NumPy's BLAS; environment variables that are already
    set stay. By default glibc hands every large block back to the system when it is freed, so that
    each step pays for its page faults again: on a CPU these cost as much as the arithmetic.
    """
    variables = ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"]
    if "numba" not in sys.modules:
        # Once numba is loaded, a changed variable makes the next compilation fail.
        variables.append("NUMBA_NUM_THREADS")
    for variable in variables:
        os.environ.setdefault(variable, str(threads))
    try:
        libc = ctypes.CDLL(None)
        libc.mallopt(_MMAP_THRESHOLD, 1 << 30)
        libc.mallopt(_TRIM_THRESHOLD, (1 << 31) - 1)
    except (OSError, AttributeError):  # another C library: nothing to keep
        pass
    import torch

    torch.set_num_threads(threads)
    if "numba" in sys.modules:
        numba = sys.modules["numba"]
        numba.set_num_threads(min(threads, numba.config.NUMBA_NUM_THREADS))
