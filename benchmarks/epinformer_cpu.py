"""EPInformer on a CPU: each distinct element encoded once, beside encoding every slot.

A training batch has genes from anywhere, which share the empty slots only; genes that are evaluated
come in order and share most of their elements with their neighbours. Predictions, gradients and
batch-norm statistics of both ways are compared.

    python benchmarks/epinformer_cpu.py --size paper
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import torch
from inputs import neighbouring_genes
from measure import chosen_sizes, measure, row, table
from torch import Tensor

from gexpipe.models import Inputs, build, epinformer
from gexpipe.train.process import prepare

# Genes of a training and of an evaluated batch, slots, elements of a gene, bp a slot.
INPUTS = {"small": (2, 4, 12, 6, 800), "paper": (2, 16, 61, 30, 2000)}
SHARE = 3.5  # genes that an element belongs to, as on chromosome 22
# Of the largest value; of gradients as in the golden tests.
TOLERANCES = {"prediction": 1e-4, "statistics": 1e-4, "gradient": 1e-3}


def every_slot(codes: Tensor) -> tuple[Tensor, Tensor, None]:
    """In place of `distinct`: all rows, unweighted."""
    rows = codes.flatten(0, 1)
    return rows, torch.arange(len(rows)), None


def run(training: bool, all_slots: bool, size: str) -> dict[str, Any]:
    """One training step without the optimiser, or one batch of predictions."""
    prepare(1)
    if all_slots:
        epinformer.distinct = every_slot
    train, evaluated, slots, used, slot = INPUTS[size]
    new = used if training else round(used / SHARE)
    batch = neighbouring_genes(train if training else evaluated, slots, used, slot, new)
    torch.manual_seed(0)
    model = build("epinformer", {"slot": slot}, Inputs(2, elements=True)).train(training)
    with torch.set_grad_enabled(training):
        output = model(batch)
    found = {"prediction": output.prediction.detach().numpy()}
    if training:
        model.loss(batch, output)["total"].backward()
        parameters = [p.grad.flatten() for p in model.parameters() if p.grad is not None]
        found["gradient"] = torch.cat(parameters).numpy()
        statistics = [b.flatten().float() for n, b in model.named_buffers() if "running" in n]
        found["statistics"] = torch.cat(statistics).numpy()
    return found


def deviations(ours: dict[str, Any], plain: dict[str, Any]) -> dict[str, float]:
    """Largest difference of each array, relative to its largest value; checked."""
    found = {k: float(np.abs(ours[k] - plain[k]).max() / np.abs(plain[k]).max()) for k in plain}
    assert all(value <= TOLERANCES[k] for k, value in found.items()), found
    return found


def main() -> None:
    """Measure, compare, print."""
    rows, lines = [], []
    for size in chosen_sizes("EPInformer's encoder", INPUTS):
        for training in (True, False):
            warm_up = (training, False, "small")
            plain = measure(run, training, True, size, warm_up=(training, True, "small"))
            ours = measure(run, training, False, size, warm_up=warm_up)
            what = "training step" if training else "evaluation"
            for name, value in deviations(ours.result, plain.result).items():
                lines.append(f"{size}, {what}: {name} deviates by {value:.1e} of its largest value")
            rows.append(row(size, what, plain, ours))
    sys.stdout.write("\n".join([table(rows), "", *lines, ""]))


if __name__ == "__main__":
    main()
