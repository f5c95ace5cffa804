"""How many CPU threads a run may use."""

from __future__ import annotations

import os

__all__ = ["limit_threads"]


def limit_threads(count: int) -> None:
    """Limit PyTorch, the numba kernels and the BLAS of NumPy to ``count`` threads.

    Variables that are already set stay: they are the user's.
    """
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
        os.environ.setdefault(variable, str(count))
    import torch

    torch.set_num_threads(count)
