"""Vectors of 16 float32 for numba kernels: what a C compiler would call intrinsics.

Loops over arrays are only turned into vector instructions when LLVM can prove that the arrays do
not overlap, which it mostly cannot. Here a kernel says what it wants: `load` 16 neighbouring
values, compute with ``+ - *`` and the functions below, `store` them. LLVM maps a vector to one
AVX-512 register, two of AVX2 or four of SSE and NEON.

The elementary functions have a relative error of at most 3e-7 where the result is a normal float.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core.datamodel import models, register_default
from numba.extending import intrinsic, overload

__all__ = ["WIDTH", "exp", "load", "sigmoid", "softplus", "splat", "store", "total"]

WIDTH = 16

_VECTOR = ir.VectorType(ir.FloatType(), WIDTH)
_INTEGERS = ir.VectorType(ir.IntType(32), WIDTH)


class VectorType(types.Type):
    """Numba's type of a vector; lives in registers, never crosses into Python."""

    def __init__(self) -> None:
        super().__init__(name="float32x16")


vector = VectorType()


@register_default(VectorType)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, _VECTOR)


def _constant(value: float) -> ir.Constant:
    return ir.Constant(_VECTOR, [float(np.float32(value))] * WIDTH)


def _declared(builder: Any, name: str, result: Any, given: list[Any]) -> Any:
    """An LLVM intrinsic for vectors, declared once in a module."""
    full = f"{name}.v{WIDTH}f32"
    known = builder.module.globals.get(full)
    return known or ir.Function(builder.module, ir.FunctionType(result, given), full)


def _address(context: Any, builder: Any, kind: Any, value: Any, place: Any) -> Any:
    array = context.make_array(kind)(context, builder, value)
    return builder.bitcast(builder.gep(array.data, [place]), _VECTOR.as_pointer())


# Numba passes a typing context first, which callers do not: to a type checker these are anything.
_intrinsic: Any = intrinsic


@_intrinsic
def load(typing: Any, array: Any, place: Any) -> Any:
    """16 values of a contiguous float32 array, from flat index ``place``."""

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        address = _address(context, builder, signature.args[0], *arguments)
        return builder.load(address, align=4)

    return vector(array, types.intp), codegen


@_intrinsic
def store(typing: Any, array: Any, place: Any, value: Any) -> Any:
    """Write a vector to a contiguous float32 array, at flat index ``place``."""

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        address = _address(context, builder, signature.args[0], *arguments[:2])
        builder.store(arguments[2], address, align=4)
        return context.get_dummy_value()

    return types.void(array, types.intp, vector), codegen


@_intrinsic
def splat(typing: Any, value: Any) -> Any:
    """The same float32 in all 16 places."""

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        one = builder.insert_element(
            ir.Constant(_VECTOR, ir.Undefined), arguments[0], ir.Constant(ir.IntType(32), 0)
        )
        zeros = ir.Constant(_INTEGERS, [0] * WIDTH)
        return builder.shuffle_vector(one, ir.Constant(_VECTOR, ir.Undefined), zeros)

    return vector(types.float32), codegen


@_intrinsic
def total(typing: Any, value: Any) -> Any:
    """Sum of the 16 values, by halves."""

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        value, size = arguments[0], WIDTH
        while size > 1:  # fold the upper half onto the lower one
            size //= 2
            upper = ir.Constant(ir.VectorType(ir.IntType(32), size), list(range(size, 2 * size)))
            lower = ir.Constant(ir.VectorType(ir.IntType(32), size), list(range(size)))
            value = builder.fadd(
                builder.shuffle_vector(value, value, lower),
                builder.shuffle_vector(value, value, upper),
            )
        return builder.extract_element(value, ir.Constant(ir.IntType(32), 0))

    return types.float32(vector), codegen


def _operation(emit: Callable[..., Any], count: int) -> Any:
    """An intrinsic from ``count`` vectors to a vector."""
    if count == 1:

        @intrinsic
        def unary(typing: Any, a: Any) -> Any:
            return vector(vector), lambda c, b, s, v: emit(b, *v)

        return unary

    @intrinsic
    def binary(typing: Any, a: Any, b: Any) -> Any:
        return vector(vector, vector), lambda c, b, s, v: emit(b, *v)

    return binary


_CONTRACT = ("contract",)  # a * b + c may become one instruction
_add = _operation(lambda b, x, y: b.fadd(x, y, flags=_CONTRACT), 2)
_subtract = _operation(lambda b, x, y: b.fsub(x, y, flags=_CONTRACT), 2)
_multiply = _operation(lambda b, x, y: b.fmul(x, y, flags=_CONTRACT), 2)


def _overload(symbol: Any, function: Any) -> None:
    @overload(symbol)  # numba compares the names and annotations of both signatures
    def chosen(a, b):  # type: ignore[no-untyped-def]
        if isinstance(a, VectorType) and isinstance(b, VectorType):
            return lambda a, b: function(a, b)
        return None


for _symbol, _function in (
    (operator.add, _add),
    (operator.sub, _subtract),
    (operator.mul, _multiply),
):
    _overload(_symbol, _function)


class _Emitter:
    """Arithmetic on vectors while LLVM code is written."""

    def __init__(self, builder: Any) -> None:
        self.builder = builder

    def add(self, x: Any, y: Any) -> Any:
        return self.builder.fadd(x, y, flags=_CONTRACT)

    def multiply(self, x: Any, y: Any) -> Any:
        return self.builder.fmul(x, y, flags=_CONTRACT)

    def polynomial(self, x: Any, coefficients: list[float]) -> Any:
        """Horner's scheme, constant term first."""
        value = _constant(coefficients[-1])
        for coefficient in coefficients[-2::-1]:
            value = self.add(_constant(coefficient), self.multiply(x, value))
        return value

    def call(self, name: str, value: Any) -> Any:
        """An LLVM intrinsic from a vector to a vector."""
        return self.builder.call(_declared(self.builder, name, _VECTOR, [_VECTOR]), [value])

    def exp(self, x: Any) -> Any:
        """2^n times a polynomial on [-ln 2 / 2, ln 2 / 2]; clamped to normal floats; NaN stays."""
        b = self.builder
        for predicate, bound in (("<", -87.0), (">", 88.0)):
            limit = _constant(bound)
            x = b.select(b.fcmp_ordered(predicate, x, limit), limit, x)
        n = self.call("llvm.rint", self.multiply(x, _constant(1.4426950408889634)))
        high = self.multiply(n, _constant(-0.693359375))
        r = self.add(self.add(x, high), self.multiply(n, _constant(2.12194440e-4)))
        p = self.polynomial(r, [1, 1, 1 / 2, 1 / 6, 1 / 24, 1 / 120, 1 / 720])
        bits = b.add(b.fptosi(n, _INTEGERS), ir.Constant(_INTEGERS, [127] * WIDTH))
        scale = b.bitcast(b.shl(bits, ir.Constant(_INTEGERS, [23] * WIDTH)), _VECTOR)
        return self.multiply(p, scale)

    def sigmoid(self, x: Any) -> Any:
        one = _constant(1.0)
        return self.builder.fdiv(one, self.add(one, self.exp(self.builder.fneg(x))))

    def softplus(self, x: Any) -> Any:
        """max(x, 0) + 2 artanh(s), s = e / (2 + e), e = exp(-|x|): precise for tiny results too."""
        b = self.builder
        e = self.exp(b.fneg(self.call("llvm.fabs", x)))
        s = b.fdiv(e, self.add(_constant(2.0), e))
        p = self.polynomial(self.multiply(s, s), [2 / k for k in range(1, 16, 2)])
        positive = b.select(b.fcmp_ordered("<", x, _constant(0.0)), _constant(0.0), x)
        return self.add(positive, self.multiply(s, p))


exp = _operation(lambda b, x: _Emitter(b).exp(x), 1)
sigmoid = _operation(lambda b, x: _Emitter(b).sigmoid(x), 1)
softplus = _operation(lambda b, x: _Emitter(b).softplus(x), 1)
