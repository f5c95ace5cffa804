"""Float32 elementary functions that LLVM turns into vector instructions, for the CPU kernels.

``math.exp`` compiled by numba is a scalar library call, which costs more than the rest of the scan
together. These are written with plain arithmetic, so that loops over channels vectorise on any CPU
without a vector-math library. Relative error at most 3e-7 where the result is a normal float.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

__all__ = ["exp", "sigmoid", "softplus"]

# NaN and infinity keep their meaning: a diverged training run must show it.
FAST = {"contract", "nsz", "arcp"}

_f = np.float32
_ZERO, _ONE, _TWO = _f(0.0), _f(1.0), _f(2.0)
_LOG2E = _f(1.4426950408889634)
_LN2_HIGH, _LN2_LOW = _f(0.693359375), _f(-2.12194440e-4)
_LOWEST, _HIGHEST = _f(-87.0), _f(88.0)  # results stay normal floats
_E2, _E3, _E4, _E5, _E6 = _f(1 / 2), _f(1 / 6), _f(1 / 24), _f(1 / 120), _f(1 / 720)
_A3, _A5, _A7, _A9 = _f(1 / 3), _f(1 / 5), _f(1 / 7), _f(1 / 9)
_A11, _A13, _A15 = _f(1 / 11), _f(1 / 13), _f(1 / 15)


@intrinsic
def _power_of_two(typingctx: Any, n: Any) -> Any:  # noqa: ARG001
    """``2 ** n`` for an integral float32 n in [-126, 127], by writing the exponent bits."""

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        i32 = ir.IntType(32)
        k = builder.add(builder.fptosi(arguments[0], i32), ir.Constant(i32, 127))
        return builder.bitcast(builder.shl(k, ir.Constant(i32, 23)), ir.FloatType())

    return types.float32(types.float32), codegen


@intrinsic
def _nearest(typingctx: Any, x: Any) -> Any:  # noqa: ARG001
    """Nearest integer of a float32, as float32."""

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        rint = builder.module.declare_intrinsic("llvm.rint", [ir.FloatType()])
        return builder.call(rint, [arguments[0]])

    return types.float32(types.float32), codegen


@njit(inline="always", fastmath=FAST)
def exp(x: float) -> float:
    """Exponential: 2^n times a polynomial on [-ln 2 / 2, ln 2 / 2]; clamped to normal floats."""
    x = min(max(x, _LOWEST), _HIGHEST)
    n = _nearest(x * _LOG2E)
    r = (x - n * _LN2_HIGH) - n * _LN2_LOW
    p = _E3 + r * (_E4 + r * (_E5 + r * _E6))
    return (_ONE + r * (_ONE + r * (_E2 + r * p))) * _power_of_two(n)


@njit(inline="always", fastmath=FAST)
def sigmoid(x: float) -> float:
    """Logistic function."""
    return _ONE / (_ONE + exp(-x))


@njit(inline="always", fastmath=FAST)
def softplus(x: float) -> float:
    """log(1 + e^x) as max(x, 0) + 2 artanh(s), with relative precision also for tiny results."""
    e = exp(-abs(x))
    s = e / (_TWO + e)
    q = s * s
    p = _A7 + q * (_A9 + q * (_A11 + q * (_A13 + q * _A15)))
    return max(x, _ZERO) + _TWO * s * (_ONE + q * (_A3 + q * (_A5 + q * p)))
