"""What a GPU gives: golden tests, the scan backends side by side, training at paper size.

    python benchmarks/gpu.py --steps 300 --out docs/gpu.md

Where no GPU is seen it says so and ends. Also for other versions of torch than the locked one.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from inputs import SIGNALS, random_windows, window_inputs
from tabulate import tabulate
from torch import Tensor

from gexpipe.files import aside
from gexpipe.methods.settings import TrainOptions
from gexpipe.models import build
from gexpipe.models.blocks.mamba import MambaBlock
from gexpipe.models.scan import use
from gexpipe.models.scan.backends import available
from gexpipe.train.optimiser import learning_rate, make_optimiser

ROOT = Path(__file__).resolve().parents[1]
SHAPES = ((8, 2_000), (1, 200_000), (8, 200_000))  # genes, tokens of the layer
REFERENCE = 200_000  # the reference keeps 1 MB of states for 10 tokens: no more of them than this
PAPER = (8, 200_000)
WIDTH, STATE, TAPS, EXPAND = 128, 16, 4, 2


def goldens() -> str:
    """Last line of the golden tests on the GPU."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, "tests/models/test_goldens.py"], cwd=ROOT, capture_output=True, text=True,
        check=False, env={**os.environ, "GEXPIPE_TEST_DEVICE": "cuda"},
    )  # fmt: skip
    return done.stdout.strip().splitlines()[-1] if done.stdout.strip() else "no output"


def layer_pass(half: bool, genes: int, length: int, device: str) -> Callable[[], list[Tensor]]:
    """A call of one bidirectional layer: its output, the gradients of input and parameters."""
    torch.manual_seed(0)
    block = MambaBlock(WIDTH, STATE, TAPS, EXPAND, bidirectional=True).to(device)
    hidden = torch.randn(genes, length, WIDTH).to(device).requires_grad_()
    weight = torch.randn(genes, length, WIDTH).to(device)
    inputs = [hidden, *block.parameters()]

    def run() -> list[Tensor]:
        with torch.autocast(device, torch.bfloat16) if half else nullcontext():
            out = block(hidden)
        return [out.detach(), *torch.autograd.grad(out, inputs, weight.to(out.dtype))]

    return run


def seconds(call: Callable[[], Any], repeats: int) -> float:
    """Median time of a call, of the GPU's work."""
    times = []
    for _ in range(repeats):
        torch.cuda.synchronize()
        start = time.perf_counter()
        call()
        torch.cuda.synchronize()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def deviation(found: list[Tensor], expected: list[Tensor]) -> float:
    """Largest difference of an array, relative to its largest value."""
    pairs = zip(found, expected, strict=True)
    return max(float((a - b).abs().max() / b.abs().max()) for a, b in pairs)


def layer_rows(genes: int, length: int, half: bool) -> list[list[Any]]:
    """Every usable backend on one shape; the first that fits is what the others are held against.

    The reference comes first where it is not too large.
    """
    rows: list[list[Any]] = []
    expected = None
    names = [name for name, obstacle in available("cuda").items() if not obstacle]
    for name in sorted(names, key=lambda name: name != "reference"):
        if name == "reference" and genes * length > REFERENCE:
            continue
        head = [f"{genes} x {length:,}", "bf16" if half else "fp32", name]
        use(name)
        try:
            call = layer_pass(half, genes, length, "cuda")
            found = [x.float().cpu() for x in call()]  # compiles, too
            torch.cuda.reset_peak_memory_stats()
            spent = seconds(call, 1 if name == "reference" else 10)
            memory = torch.cuda.max_memory_allocated() / 1e9
        except torch.cuda.OutOfMemoryError:
            rows.append([*head, None, None, "out of memory"])
            continue
        finally:
            use("auto")
            torch.cuda.empty_cache()
        apart = "held against" if expected is None else f"{deviation(found, expected):.1e}"
        expected = expected or found
        rows.append([*head, spent * 1e3, memory, apart])
    return rows


def training(steps: int) -> list[list[Any]]:
    """Seq2Exp-soft at paper size on random windows, in bf16, one gene at a time."""
    genes, length = PAPER
    options = TrainOptions(steps=steps, warmup_steps=steps // 10)
    torch.manual_seed(0)
    model = build("seq2exp_soft", {}, window_inputs(length, SIGNALS)).cuda().train()
    model.recompute_layers()
    optimiser = make_optimiser(model, options)
    torch.cuda.reset_peak_memory_stats()
    losses, times = [], []
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(step, options)
        parts = [random_windows(1, length, len(SIGNALS), step * genes + g) for g in range(genes)]
        torch.cuda.synchronize()
        start = time.perf_counter()
        losses.append(_optimise(model, optimiser, parts, options.gradient_clip))
        torch.cuda.synchronize()
        times.append(time.perf_counter() - start)
    few = max(1, steps // 10)
    spent = statistics.median(times[1:] or times)
    return [
        ["seconds a step", f"{spent:.3f}"],
        ["genes a second", f"{genes / spent:.1f}"],
        ["peak memory, GB", f"{torch.cuda.max_memory_allocated() / 1e9:.2f}"],
        [f"mean loss, first {few} steps", f"{statistics.mean(losses[:few]):.4f}"],
        [f"mean loss, last {few} steps", f"{statistics.mean(losses[-few:]):.4f}"],
    ]


def _optimise(model: Any, optimiser: Any, parts: list[Any], clip: float) -> float:
    """One optimiser step over accumulated genes; the mean loss."""
    optimiser.zero_grad()
    total = 0.0
    for part in parts:
        batch = part.to("cuda")
        with torch.autocast("cuda", torch.bfloat16):
            loss = model.loss(batch, model(batch))["total"] / len(parts)
        loss.backward()
        total += float(loss.detach())
    torch.nn.utils.clip_grad_norm_(model.parameters(), clip, error_if_nonfinite=True)
    optimiser.step()
    return total


def report(steps: int) -> str:
    """The whole page."""
    states = "; ".join(f"{name}: {why or 'usable'}" for name, why in available("cuda").items())
    layers = [
        line for half in (False, True) for shape in SHAPES for line in layer_rows(*shape, half)
    ]
    names = [
        "genes x tokens",
        "precision",
        "backend",
        "ms",
        "peak GB",
        "largest relative deviation",
    ]
    genes, length = PAPER
    return "\n".join(
        [
            f"# {torch.cuda.get_device_name()}, torch {torch.__version__}",
            f"\nScan backends: {states}.",
            f"\nGolden tests: {goldens()}",
            f"\n## Bidirectional layer, d_model {WIDTH}, forward and backward\n",
            tabulate(layers, names, tablefmt="github", floatfmt=".3g"),
            f"\n## Seq2Exp-soft, {steps} steps of {genes} windows of {length:,} bases, bf16\n",
            tabulate(training(steps), ["what", "measured"], tablefmt="github"),
            "",
        ]
    )


def main(arguments: list[str] | None = None) -> None:
    """Measure, write, or say that there is no GPU."""
    parser = argparse.ArgumentParser(description="golden tests, scan backends, training on a GPU")
    parser.add_argument("--steps", type=int, default=300, help="training steps")
    parser.add_argument("--out", type=Path, default=Path("gpu.md"), help="Markdown to write")
    given = parser.parse_args(arguments)
    if not torch.cuda.is_available():
        sys.stdout.write("no GPU is seen: nothing is measured\n")
        return
    page = report(given.steps)
    with aside(given.out) as temporary:
        temporary.write_text(page)
    sys.stdout.write(page)


if __name__ == "__main__":
    main()
