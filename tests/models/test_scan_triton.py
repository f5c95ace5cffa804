"""The Triton kernels without a GPU: values in the interpreter, and compilation for two cards."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytest.importorskip("triton")

VALUES = """
import torch
from gexpipe.models.scan import gpu
from gexpipe.models.scan.gpu import triton_scan
from gexpipe.models.scan.reference import reference_scan

def results(scan, genes, length, channels, states, gated, reverse, softplus):
    torch.manual_seed(1)
    given = [
        torch.randn(genes, length, channels), torch.randn(genes, length, channels) - 2,
        -torch.rand(channels, states) - 0.1, torch.randn(genes, length, states),
        torch.randn(genes, length, states), torch.randn(channels),
        torch.randn(genes, length, channels) if gated else None, torch.randn(channels),
    ]
    if not softplus:
        given[1], given[7] = given[1].sigmoid(), given[7].sigmoid()
    given = [x if x is None else x.requires_grad_() for x in given]
    out, last = scan(*given, softplus, reverse)
    out.backward(torch.linspace(-1, 1, out.numel()).view_as(out))
    return [out, last, *(x.grad for x in given if x is not None)]

# Small chunks and blocks, so that short inputs have several of each, and some that are not full.
gpu.CHUNK, gpu.BLOCK, gpu.TILE, gpu.GROUP = 8, 4, 2, 2
for case in [(2, 30, 6, 4, True, False, True), (2, 30, 6, 4, True, True, True),
             (1, 5, 17, 3, False, False, True), (1, 41, 1, 16, True, True, False)]:
    for a, b in zip(results(reference_scan, *case), results(triton_scan, *case)):
        largest = max(1.0, float(a.detach().abs().max()))
        torch.testing.assert_close(b, a, rtol=1e-4, atol=1e-5 * largest)
"""

COMPILED = """
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from gexpipe.models.scan import gpu, triton_kernels

fixed = dict(CHUNK=gpu.CHUNK, GROUP=gpu.GROUP, BLOCKS=8, STATES=16, REVERSE=True, SOFTPLUS=True,
             GATED=True, BACK=True)
half = {"u", "delta", "b", "c", "z", "out", "grad", "gu", "gdelta", "gz"}
counts = {"length", "channels", "states", "chunks"}
walks, tiles = (gpu.BLOCK, 1), (gpu.TILE, 8)
for name, (block, warps) in {"chunk_states": walks, "chunk_outputs": walks, "join": tiles,
                             "chunk_adjoints": walks, "chunk_gradients": tiles}.items():
    kernel = getattr(triton_kernels, name)
    for kind, card in (("fp32", 80), ("bf16", 90)):
        names, given = kernel.arg_names, {**fixed, "BLOCK": block}
        signature = {
            n: "constexpr" if n in given else "i32" if n in counts
            else "*" + (kind if n in half else "fp32")
            for n in names
        }
        values = {(names.index(n),): v for n, v in given.items() if n in names}
        source = ASTSource(fn=kernel, signature=signature, constexprs=values)
        target = GPUTarget("cuda", card, 32)
        made = triton.compile(source, target=target, options={"num_warps": warps})
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
