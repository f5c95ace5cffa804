"""What a GPU gives: golden tests, scan kernels side by side, training, and what table 1 takes.

    python benchmarks/gpu.py --steps 300 --out docs/gpu.md

Where no GPU is seen it says so and ends. Also for other versions of torch than the locked one.
Genes, tracks and weights are random; the sizes are those of the papers. `SMALL` is for a CPU.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from inputs import neighbouring_genes
from store import ours
from tabulate import tabulate
from torch import Tensor
from tracks import make

from gexpipe.batch import Batch
from gexpipe.bins.sei import BIN, Sei, SeiSizes, both_strands, encode_bins
from gexpipe.bins.stand_ins import write_backbone
from gexpipe.config import load_yaml
from gexpipe.data.windows import WindowData
from gexpipe.errors import UserError
from gexpipe.files import aside
from gexpipe.methods.settings import MethodConfig, TrainOptions
from gexpipe.models import Inputs, build
from gexpipe.models.blocks.mamba import MambaBlock
from gexpipe.models.scan import use
from gexpipe.models.scan.backends import available
from gexpipe.study import read_study
from gexpipe.tables.costs import duration
from gexpipe.train.optimiser import learning_rate, make_optimiser
from gexpipe.train.run import train

ROOT = Path(__file__).resolve().parents[1]
STATE, TAPS, EXPAND = 16, 4, 2
FOLD, SEED = 11, 2
GENES, BINS = 18_377, 251  # of the K562 table, and around each of them, as GTA reads
CLASSES = 33  # features of a bin


@dataclass(frozen=True)
class Sizes:
    """What is measured, and where."""

    device: str = "cuda"
    precision: str = "bf16-mixed"
    # Genes and tokens of one layer; the reference keeps 1 MB of states for 10 tokens.
    shapes: tuple[tuple[int, int], ...] = ((8, 2_000), (1, 200_000), (8, 200_000))
    reference: int = 200_000
    width: int = 128
    repeats: int = 10
    # The generated chromosome, changes of every method on windows, and steps of those that table 1
    # has beside the two that are trained longer.
    world: str = "chr22"
    length: int = 200_000
    changes: dict[str, Any] = field(default_factory=dict)
    few: int = 30
    # Slots of a gene, elements in them, bases of each.
    elements: tuple[int, int, int] = (61, 30, 2_000)
    sei: SeiSizes = field(default_factory=SeiSizes)
    sei_batch: int = 64
    # Llama 3 8B's width, the blocks that GTA runs, its vocabulary.
    language: tuple[int, int, int] = (4096, 8, 128_256)
    gta: dict[str, Any] = field(default_factory=dict)
    gta_bins: int = BINS
    gta_batch: int = 16
    golden: str = "tests/models/test_goldens.py"


PAPER = Sizes()
SMALL = Sizes(
    device="cpu", precision="32-true", shapes=((2, 24),), reference=100, width=8, repeats=1,
    world="small", length=2_000, few=1,
    changes={
        "model": {"d_model": 8, "center": 200}, "inputs": {"length": 2_000},
        "train": {"batch_size": 2},
    },
    elements=(3, 2, 800), sei=SeiSizes((8, 8, 8), 40), sei_batch=2, language=(32, 2, 300),
    gta={"dtype": "float32", "blocks": 2, "bins": 9, "selected": 3, "context": 64}, gta_bins=9,
    gta_batch=2,
    golden="tests/models/test_goldens.py::test_the_repository_holds_a_case_of_these_methods",
)  # fmt: skip


def goldens(sizes: Sizes) -> str:
    """Last line of the golden tests on the device."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", sizes.golden]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False,
        env={**os.environ, "GEXPIPE_TEST_DEVICE": sizes.device},
    )  # fmt: skip
    return done.stdout.strip().splitlines()[-1] if done.stdout.strip() else "no output"


def layer_pass(
    half: bool, genes: int, length: int, device: str, width: int = 128
) -> tuple[Callable[[], Tensor], Callable[[], list[Tensor]]]:
    """Calls of one bidirectional layer: its output; that and the gradients of all it has."""
    torch.manual_seed(0)
    block = MambaBlock(width, STATE, TAPS, EXPAND, bidirectional=True).to(device)
    hidden = torch.randn(genes, length, width).to(device).requires_grad_()
    weight = torch.randn(genes, length, width).to(device)
    inputs = [hidden, *block.parameters()]

    def forward() -> Tensor:
        with torch.autocast(device, torch.bfloat16) if half else nullcontext():
            return block(hidden)

    def both() -> list[Tensor]:
        out = forward()
        return [out.detach(), *torch.autograd.grad(out, inputs, weight.to(out.dtype))]

    return torch.no_grad()(forward), both


def wait(device: str) -> None:
    """Until the device has done what it was given."""
    if device == "cuda":
        torch.cuda.synchronize()


def seconds(call: Callable[[], Any], repeats: int, device: str) -> float:
    """Median time of a call, of the device's work."""
    times = []
    for _ in range(repeats):
        wait(device)
        start = time.perf_counter()
        call()
        wait(device)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def fresh(device: str) -> None:
    """Nothing of what was measured before counts as memory."""
    if device == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


def peak(device: str) -> float | None:
    """Largest memory of the device since `fresh`, GB; None on a CPU."""
    return torch.cuda.max_memory_allocated() / 1e9 if device == "cuda" else None


def deviation(found: list[Tensor], expected: list[Tensor]) -> float:
    """Largest difference of an array, relative to its largest value."""
    pairs = zip(found, expected, strict=True)
    return max(float((a - b).abs().max() / b.abs().max()) for a, b in pairs)


def layer_rows(sizes: Sizes, genes: int, length: int, half: bool) -> Iterator[list[Any]]:
    """Every usable backend on one shape; the first that fits is what the others are held against.

    The reference comes first where it is not too large.
    """
    expected, device = None, sizes.device
    names = [name for name, obstacle in available(device).items() if not obstacle]
    for name in sorted(names, key=lambda name: name != "reference"):
        if name == "reference" and genes * length > sizes.reference:
            continue
        head = [f"{genes} x {length:,}", "bf16" if half else "fp32", name]
        use(name)
        try:
            forward, both = layer_pass(half, genes, length, device, sizes.width)
            found = [x.float().cpu() for x in both()]  # compiles, too
            repeats = 1 if name == "reference" else sizes.repeats
            fresh(device)
            ahead = seconds(forward, repeats, device)
            spent = seconds(both, repeats, device)
        except torch.cuda.OutOfMemoryError:
            yield [*head, None, None, None, "out of memory"]
            continue
        finally:
            use("auto")
        apart = "held against" if expected is None else f"{deviation(found, expected):.1e}"
        expected = expected or found
        yield [*head, ahead * 1e3, spent * 1e3, peak(device), apart]


@dataclass(frozen=True)
class Cost:
    """What training costs: seconds of a step, genes in it, share of waiting for data, GB."""

    seconds: float
    genes: int
    wait: float | None = None
    memory: float | None = None


def on_windows(settings: dict[str, Any], sizes: Sizes, world: Path, steps: int, out: Path) -> Cost:
    """Training as the workflow does it, with the loader, on the windows of the generated genes."""
    config = MethodConfig.from_mapping(settings)
    options = replace(
        config.train, steps=steps, warmup_steps=min(steps, config.train.warmup_steps),
        patience=0, precision=sizes.precision, validations_per_epoch=1.0,
    )  # fmt: skip
    inputs = replace(config.inputs, mixed_cells=())
    data = WindowData(
        world / "sequence.zarr", world / "cell.zarr", world / "examples.parquet",
        length=inputs.length, signal_names=list(inputs.signals),
    )  # fmt: skip
    fresh(sizes.device)
    start = out.parent / config.start_from / "best.ckpt" if config.start_from else None
    whole = replace(config, train=options, inputs=inputs)
    train(whole, data, FOLD, SEED, out, ("valid",), start)
    # The first row has what is compiled in it.
    rows = pd.read_csv(out / "history.csv")
    rows = rows.tail(-1) if len(rows) > 1 else rows
    genes = options.batch_size * options.accumulate
    memory = json.loads((out / "run.json").read_text())["peak_memory"] / 1e9
    rate = float(rows["genes_per_second"].mean())
    return Cost(genes / rate, genes, float(rows["data_wait"].mean()), memory)


def of_steps(model: Any, batch: Batch, options: TrainOptions, sizes: Sizes, steps: int) -> Cost:
    """Optimiser steps on one batch that lies on the device: no loader."""
    device, half = sizes.device, sizes.precision.startswith("bf16")
    model, batch = model.to(device).train(), batch.to(device)
    optimiser = make_optimiser(model, options)

    def step() -> None:
        optimiser.zero_grad()
        with torch.autocast(device, torch.bfloat16) if half else nullcontext():
            loss = model.loss(batch, model(batch))["total"]
        loss.backward()
        optimiser.step()

    for group in optimiser.param_groups:
        group["lr"] = learning_rate(0, options)
    step()
    fresh(device)
    return Cost(seconds(step, steps, device), len(batch.gene), None, peak(device))


def on_elements(settings: dict[str, Any], sizes: Sizes) -> Cost:
    """EPInformer, on genes that share no element."""
    config = MethodConfig.from_mapping(settings)
    slots, used, slot = sizes.elements
    genes = config.train.batch_size
    torch.manual_seed(0)
    model = build(config.architecture, {"slot": slot}, Inputs(2, elements=True))
    batch = neighbouring_genes(genes, slots, used, slot, used)
    return of_steps(model, batch, config.train, sizes, sizes.few)


def of_sei(sizes: Sizes) -> list[list[str]]:
    """Sei at its published size with random weights, both strands."""
    torch.manual_seed(0)
    network = Sei(sizes.sei).to(sizes.device).eval()
    codes = torch.randint(0, 4, (sizes.sei_batch, BIN), dtype=torch.uint8)
    sequence = encode_bins(codes.to(sizes.device))
    fresh(sizes.device)
    with torch.no_grad():
        both_strands(network, sequence)
        spent = seconds(lambda: both_strands(network, sequence), sizes.repeats, sizes.device)
    rate = sizes.sei_batch / spent
    return [
        ["Sei: bins a second", f"{rate:,.1f}"],
        [f"Sei: {BINS} bins of {GENES:,} genes", duration(GENES * BINS / rate / 3600)],
        ["Sei: peak memory", _gb(peak(sizes.device))],
    ]


def of_gta(settings: dict[str, Any], sizes: Sizes, folder: Path) -> Cost:
    """GTA over a language model of random weights."""
    width, blocks, vocabulary = sizes.language
    write_backbone(folder / "backbone", width=width, blocks=blocks, vocabulary=vocabulary)
    config = MethodConfig.from_mapping(settings)
    options = {**settings["model"], **sizes.gta, "backbone": str(folder / "backbone")}
    model = build("gta", options, Inputs(BIN))
    genes, draw = sizes.gta_batch, torch.Generator().manual_seed(0)
    none = torch.zeros(genes, 0, dtype=torch.bool)
    batch = Batch(
        gene=torch.arange(genes), codes=none.byte(), peaks=none, blacklist=none,
        signals=torch.randn(genes, CLASSES, sizes.gta_bins, generator=draw),
        features=torch.zeros(genes, 0), target=torch.randn(genes, generator=draw),
        prompt=torch.randint(1, 200, (genes, 12), generator=draw),
    )  # fmt: skip
    return of_steps(model, batch, config.train, sizes, sizes.few)


def table_one(sizes: Sizes, world: Path, steps: int) -> tuple[list[list[str]], str]:
    """A row a trained run of the shipped table 1, with its hours; and their sum in words."""
    before = Path.cwd()
    os.chdir(ROOT)  # the sheets are named from here
    try:
        study = read_study(load_yaml(ROOT / "config/config.yaml"), ROOT)
    finally:
        os.chdir(before)
    wanted = study.trainings("table1")
    rows, together, missing = [], 0.0, []
    runs = sorted({run for _, run, _, _ in wanted} & set(study.networks))
    # What starts from another's weights comes after it.
    for run in sorted(runs, key=lambda run: bool(study.trained[run].get("start_from"))):
        settings = study.trained[run]
        count = sum(own == run for _, own, _, _ in wanted)
        longer = steps if run in ("prism", "seq2exp_soft") else sizes.few
        try:
            cost = _cost(run, settings, sizes, world, longer)
        except (UserError, torch.cuda.OutOfMemoryError) as error:
            missing.append(f"{run} ({str(error).splitlines()[0]})")
            continue
        hours = count * settings["train"]["steps"] * cost.seconds / 3600
        together += hours
        rows.append(
            [
                run, longer, f"{cost.seconds:.3f}", f"{cost.genes / cost.seconds:,.1f}",
                "-" if cost.wait is None else f"{100 * cost.wait:.1f} %", _gb(cost.memory),
                count, f"{settings['train']['steps']:,}", duration(hours),
            ]
        )  # fmt: skip
    said = f"Table 1 takes {duration(together)} of one device in all, by these figures"
    return rows, f"{said}; not measured: {'; '.join(missing)}." if missing else f"{said}."


def _cost(run: str, settings: dict[str, Any], sizes: Sizes, world: Path, steps: int) -> Cost:
    """What a run of table 1 costs."""
    if settings["inputs"].get("elements"):
        return on_elements(settings, sizes)
    reads = MethodConfig.from_mapping(settings).declared.reads
    if reads != "windows":
        raise UserError(f"it reads {reads}")
    changed = {
        key: settings[key] | {k: v for k, v in more.items() if _has(settings, key, k)}
        for key, more in sizes.changes.items()
    }
    return on_windows({**settings, **changed}, sizes, world, steps, world / "runs" / run)


def _has(settings: dict[str, Any], key: str, name: str) -> bool:
    return key != "model" or name in settings[key]


def _gb(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f} GB"


def report(steps: int, sizes: Sizes) -> str:
    """The whole page."""
    device = sizes.device
    where = torch.cuda.get_device_name() if device == "cuda" else "CPU, small sizes"
    states = "; ".join(f"{name}: {why or 'usable'}" for name, why in available(device).items())
    layers = [
        row
        for half in (False, True)
        for shape in sizes.shapes
        for row in layer_rows(sizes, *shape, half)
    ]
    names = [
        "genes x tokens", "precision", "backend", "forward, ms", "with backward, ms", "peak GB",
        "largest relative deviation",
    ]  # fmt: skip
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ours(make(sizes.world, folder), str(folder))
        runs, said = table_one(sizes, folder, steps)
        settings = load_yaml(ROOT / "config/methods/gta.yaml")
        gta = of_gta(settings, sizes, folder)
    further = [
        *of_sei(sizes),
        ["GTA: seconds a step", f"{gta.seconds:.3f} ({gta.genes} genes)"],
        ["GTA: peak memory", _gb(gta.memory)],
        [
            f"GTA: a training of {settings['train']['steps']:,} steps",
            duration(settings["train"]["steps"] * gta.seconds / 3600),
        ],
    ]
    heads = [
        "run", "steps measured", "s a step", "genes a second", "waits for data", "peak memory",
        "trainings", "steps each", "in all",
    ]  # fmt: skip
    return "\n".join(
        [
            f"# {where}, torch {torch.__version__}",
            f"\nScan backends: {states}.",
            f"\nGolden tests: {goldens(sizes)}",
            f"\n## Bidirectional layer, d_model {sizes.width}\n",
            tabulate(layers, names, tablefmt="github", floatfmt=".3g", missingval="-"),
            "\n## Training, and what table 1 takes\n",
            "Prism and Seq2Exp-soft are trained longer than the others; methods on windows with "
            "the loader, EPInformer on one batch.\n",
            tabulate(runs, heads, tablefmt="github", disable_numparse=True),
            f"\n{said}",
            "\n## Sei and GTA, random weights\n",
            tabulate(further, ["what", "measured"], tablefmt="github", disable_numparse=True),
            "",
        ]
    )


def main(arguments: list[str] | None = None) -> None:
    """Measure, write, or say that there is no GPU."""
    parser = argparse.ArgumentParser(description="golden tests, scan kernels, training on a GPU")
    parser.add_argument("--steps", type=int, default=300, help="training steps")
    parser.add_argument("--out", type=Path, default=Path("gpu.md"), help="Markdown to write")
    given = parser.parse_args(arguments)
    if not torch.cuda.is_available():
        sys.stdout.write("no GPU is seen: nothing is measured\n")
        return
    page = report(given.steps, PAPER)
    with aside(given.out) as temporary:
        temporary.write_text(page)
    sys.stdout.write(page)


if __name__ == "__main__":
    main()
