"""EPInformer on a CPU: our encoder beside the published one, which encodes every slot.

The published order of operations is re-created: 1-d convolutions channels first, ELU before the
pooling, plain batch norm, each slot of each gene a row. Ours encodes each distinct element once.
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
from torch import Tensor, nn
from torch.nn import functional

from gexpipe.models import Inputs, build, epinformer
from gexpipe.models.blocks.element_encoder import STEM, ElementEncoder, ElementSummary
from gexpipe.train.process import prepare

# Genes of a training and of an evaluated batch, slots, elements of a gene, bp a slot.
INPUTS = {"small": (2, 4, 12, 6, 800), "paper": (2, 16, 61, 30, 2000)}
SHARE = 3.5  # genes that an element belongs to, as on chromosome 22
# Of the largest value; of gradients as in the golden tests.
TOLERANCES = {"prediction": 1e-4, "statistics": 1e-4, "gradient": 1e-3}
EXACT = dict.fromkeys(TOLERANCES, 1e-9)


def every_slot(codes: Tensor) -> tuple[Tensor, Tensor, None]:
    """In place of `distinct`: all rows, unweighted."""
    rows = codes.flatten(0, 1)
    return rows, torch.arange(len(rows)), None


def plain_norm(norm: nn.BatchNorm1d, x: Tensor) -> Tensor:
    """Batch norm of (R, C, L), without weights."""
    if norm.training:
        norm.num_batches_tracked += 1
    statistics = (norm.running_mean, norm.running_var, norm.weight, norm.bias)
    return functional.batch_norm(x, *statistics, norm.training, norm.momentum, norm.eps)


def published_encoder(self: ElementEncoder, x: Tensor, counts: None) -> Tensor:
    """The convolutional tower in the published order."""
    x = functional.elu(self.stem(functional.pad(x, ((STEM - 1) // 2, STEM // 2))))
    for conv, norm, residual in zip(self.convolutions, self.norms, self.residuals, strict=True):
        x = functional.max_pool1d(functional.elu(plain_norm(norm, conv(x))), 2)
        x = functional.elu(residual(x)) + x
    return x


def published_summary(self: ElementSummary, x: Tensor, counts: None) -> Tensor:
    """The dilated convolutions in the published order."""
    for conv, norm in zip(self.convolutions, self.norms, strict=True):
        x = functional.elu(plain_norm(norm, conv(x)))
    return functional.elu(self.along(x)).flatten(1)


def run(training: bool, published: bool, size: str, double: bool = False) -> dict[str, Any]:
    """One training step without the optimiser, or one batch of predictions."""
    prepare(1)
    if published:
        epinformer.distinct = every_slot
        ElementEncoder.forward, ElementSummary.forward = published_encoder, published_summary
    torch.set_default_dtype(torch.float64 if double else torch.float32)
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
        statistics = [b.flatten() for n, b in model.named_buffers() if "running" in n]
        found["statistics"] = torch.cat(statistics).numpy()
    return found


def deviations(
    ours: dict[str, Any], plain: dict[str, Any], tolerances: dict[str, float]
) -> dict[str, float]:
    """Largest difference of each array, relative to its largest value; checked."""
    found = {k: float(np.abs(ours[k] - plain[k]).max() / np.abs(plain[k]).max()) for k in plain}
    assert all(value <= tolerances[k] for k, value in found.items()), found
    return found


def main() -> None:
    """Measure, compare, print; agreement once more in float64, at the small size."""
    rows, lines = [], []
    exact = [measure(run, True, published, "small", True).result for published in (False, True)]
    for name, value in deviations(*exact, EXACT).items():
        lines.append(f"small, training step in float64: {name} deviates by {value:.1e}")
    for size in chosen_sizes("EPInformer's encoder", INPUTS):
        for training in (True, False):
            warm_up = (training, False, "small")
            plain = measure(run, training, True, size, warm_up=(training, True, "small"))
            ours = measure(run, training, False, size, warm_up=warm_up)
            what = "training step" if training else "evaluation"
            for name, value in deviations(ours.result, plain.result, TOLERANCES).items():
                lines.append(f"{size}, {what}: {name} deviates by {value:.1e} of its largest value")
            rows.append(row(size, what, plain, ours))
    sys.stdout.write("\n".join([table(rows), "", *lines, ""]))


if __name__ == "__main__":
    main()
