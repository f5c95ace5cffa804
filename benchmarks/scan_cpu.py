"""Training steps on a CPU: our scan beside the published step-by-step one, and long windows.

The published PyTorch path makes the states' inputs of all tokens first and indexes them token by
token. The backward of every indexing fills a zero gradient of the whole length, so a step costs
L squared. It is measured at small lengths and extrapolated to 2,000 by that law from the largest.

    python benchmarks/scan_cpu.py --size published --size short --threads 1
"""

from __future__ import annotations

import argparse
import sys

import torch
from inputs import SIGNALS, random_windows, window_inputs
from measure import Cost, measure
from tabulate import tabulate
from torch import Tensor
from torch.nn import functional

from gexpipe.models import build
from gexpipe.models.blocks import mamba
from gexpipe.train.process import prepare

GENES, SHORT, LONG = 8, 2_000, 200_000
SIZES = ("published", "short", "long caduceus", "long seq2exp_soft")
PUBLISHED = (120, 480)
WARM_UP = 64  # tokens of the call that compiles


def published_scan(
    u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor, z: Tensor,
    delta_bias: Tensor, delta_softplus: bool = True, *, reverse: bool = False,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """The scan one token after the other by indexing (B, D, L, N) tensors; channels last."""
    assert delta_softplus
    u, delta, B, C = (x.flip(1) if reverse else x for x in (u, delta, B, C))
    delta = functional.softplus(delta + delta_bias)
    decay = torch.exp(torch.einsum("bld,dn->bdln", delta, A))
    drive = torch.einsum("bld,bln,bld->bdln", delta, B, u)
    state = u.new_zeros(u.shape[0], *A.shape)
    outputs = []
    for t in range(u.shape[1]):
        state = decay[:, :, t] * state + drive[:, :, t]
        outputs.append(torch.einsum("bdn,bn->bd", state, C[:, t]))
    y = torch.stack(outputs, dim=1) + u * D
    return (y.flip(1) if reverse else y) * functional.silu(z), state


def step(method: str, genes: int, length: int, published: bool, recompute: bool, threads: int):
    """Forward and backward of one batch at paper size; the loss."""
    prepare(threads)
    if published:
        mamba.selective_scan = published_scan
    torch.manual_seed(0)
    signals = () if method == "caduceus" else SIGNALS
    model = build(method, {}, window_inputs(length, signals))
    if recompute:
        model.recompute_layers()
    batch = random_windows(genes, length, len(signals))
    loss = model.loss(batch, model(batch))["total"]
    loss.backward()
    return float(loss.detach())


def cost_of(method: str, genes: int, length: int, recompute: bool, threads: int) -> Cost:
    warm_up = (method, genes, WARM_UP, False, recompute, threads)
    return measure(step, method, genes, length, False, recompute, threads, warm_up=warm_up)


def published_rows(threads: int) -> list[list]:
    """The published path at small lengths, and what follows for 2,000; the same loss as ours."""
    rows = []
    for length in PUBLISHED:
        warm_up = ("caduceus", 1, 8, True, False, threads)
        cost = measure(step, "caduceus", GENES, length, True, False, threads, warm_up=warm_up)
        ours = cost_of("caduceus", GENES, length, False, threads)
        assert abs(cost.result - ours.result) <= 1e-4 * abs(ours.result)
        rows.append(["caduceus, published scan", length, GENES, cost.cpu, cost.memory / 1024])
        rows.append(["caduceus, ours", length, GENES, ours.cpu, ours.memory / 1024])
    extrapolated = cost.cpu * (SHORT / length) ** 2
    rows.append(["caduceus, published scan, by L squared", SHORT, GENES, extrapolated, None])
    return rows


def main() -> None:
    """Measure, print."""
    parser = argparse.ArgumentParser(description="training steps on a CPU")
    parser.add_argument("--size", action="append", choices=SIZES, help="repeat; default: all")
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    sizes, threads, rows = given.size or SIZES, given.threads, []
    if "published" in sizes:
        rows += published_rows(threads)
    if "short" in sizes:
        cost = cost_of("caduceus", GENES, SHORT, False, threads)
        rows.append(["caduceus, ours", SHORT, GENES, cost.cpu, cost.memory / 1024])
    for method in ("caduceus", "seq2exp_soft"):
        if f"long {method}" in sizes:
            cost = cost_of(method, 1, LONG, True, threads)
            rows.append(
                [f"{method}, ours, recompute_layers", LONG, 1, cost.cpu, cost.memory / 1024]
            )
    names = ["step", "L", "batch", "CPU s a step", "peak GB"]
    sys.stdout.write(tabulate(rows, names, tablefmt="github", floatfmt=".3g") + "\n")


if __name__ == "__main__":
    main()
