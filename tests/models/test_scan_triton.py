"""The Triton kernels without a GPU: values in the interpreter, and compilation for two cards."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytest.importorskip("triton")

VALUES = """
import torch
from gexpipe.models.scan.gpu import triton_scan
from gexpipe.models.scan.reference import reference_scan

def results(scan, length, channels, states, gated, reverse, softplus):
    torch.manual_seed(1)
    given = [
        torch.randn(2, length, channels), torch.randn(2, length, channels) - 2,
        -torch.rand(channels, states) - 0.1, torch.randn(2, length, states),
        torch.randn(2, length, states), torch.randn(channels),
        torch.randn(2, length, channels) if gated else None, torch.randn(channels),
    ]
    if not softplus:
        given[1], given[7] = given[1].sigmoid(), given[7].sigmoid()
    given = [x if x is None else x.requires_grad_() for x in given]
    out, last = scan(*given, softplus, reverse)
    out.backward(torch.linspace(-1, 1, out.numel()).view_as(out))
    return [out, last, *(x.grad for x in given if x is not None)]

for case in [(70, 6, 4, True, False, True), (70, 6, 4, True, True, True),
             (5, 33, 3, False, False, True), (130, 3, 16, True, True, False)]:
    for a, b in zip(results(reference_scan, *case), results(triton_scan, *case)):
        torch.testing.assert_close(b, a, rtol=1e-4, atol=1e-5 * max(1.0, float(a.abs().max())))
"""

COMPILED = """
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from gexpipe.models.scan import triton_kernels

fixed = dict(CHUNK=64, BLOCK=32, STATES=16, REVERSE=True, SOFTPLUS=True, GATED=True)
half = {"u", "delta", "b", "c", "z", "out", "grad", "gu", "gdelta", "gz"}
counts = {"length", "channels", "states", "chunks"}
for kernel in (triton_kernels.scan_forward, triton_kernels.scan_backward):
    for kind in ("fp32", "bf16"):
        names = kernel.arg_names
        signature = {
            n: "constexpr" if n in fixed else "i32" if n in counts
            else "*" + (kind if n in half else "fp32")
            for n in names
        }
        values = {(names.index(n),): v for n, v in fixed.items()}
        source = ASTSource(fn=kernel, signature=signature, constexprs=values)
        for card in (80, 90):
            made = triton.compile(source, target=GPUTarget("cuda", card, 32))
            assert made.asm["cubin"]
"""


@pytest.mark.parametrize(("code", "interpreted"), [(VALUES, "1"), (COMPILED, "0")])
def test_kernels(code: str, interpreted: str) -> None:
    """In a process of its own: Triton reads the variable once, when it is imported."""
    environment = {**os.environ, "TRITON_INTERPRET": interpreted}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
