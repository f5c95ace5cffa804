"""Every number that the authors' code produced, within the tolerance stated beside it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tests.models.golden_cases import RUN, Case

INPUTS = {
    "x", "grad_out", "inputs_embeds", "seq_idx", "seqs", "signals", "rna_feat", "y", "mask_regions",
    "peak_mask", "pe_code", "extra_feat", "train/z_sample", "input_ids",
}  # fmt: skip
ELSEWHERE = {
    "epinformer_encoding": "element table, tested with the windows",
    "hic_feature": "contact of the windows, tested there",
    "lr_schedule": "tested with training",
}
# First pattern that matches an array of the case: relative and absolute tolerance. Gradients of
# the models are absolute to the largest element ("of max").
TOLERANCES = [
    (r"selective_scan:.*grad_(A|delta_bias)$", 1e-4, 1e-3),
    (r"selective_scan:.*grad_", 1e-4, 1e-4),
    (r"selective_scan:", 1e-5, 1e-5),
    (r"mamba_block:y", 1e-5, 1e-6),
    (r"mamba_block:grad", 1e-4, 1e-5),
    (r"bimamba_wrapper:y", 1e-5, 2e-6),
    (r"bimamba_wrapper:grad", 1e-4, 2e-5),
    (r"caduceus_backbone:", 2e-5, 1e-5),
    (r"macs3_peak_mask:mask$", 0, 0),
    (r"gx_hyena:filter", 1e-4, 1e-6),
    (r"gx_hyena:(mixer|hidden)", 1e-4, 3e-5),
    (r"gx_hyena:", 2e-5, 2e-5),
    (r"seq2exp_retrain:mask$", 0, 0),
    (r"seq2exp_retrain:soft_mask$", 0, 1e-5),
    (r"seq2exp_hard:(train/)?mask$|valid_counts$", 0, 0),
    (r"epinformer.*:train/", 1e-4, 1e-4),
    (r"epinformer.*:attn", 1e-5, 2e-6),
    (r"(epinformer|enhancer_encoder).*:", 1e-5, 2e-5),
    (r":train/after/", 2e-5, 5e-6),
    (r"/(cnn_features|context_weights)$", 2e-5, 5e-6),
    (r":head_input$", 2e-5, 5e-6),
    (r"(hidden|embeds)_sub$|pooled$", 2e-5, 2e-5),
    (r"(alpha|beta|logits|z_mean)$", 2e-5, 2e-5),
    (r"kl_loss$", 2e-5, 1e-7),
    (r"", 2e-5, 1e-5),
]


def _cases() -> list[str]:
    default = Path(__file__).resolve().parents[3] / "shared" / "goldens"
    folder = Path(os.environ.get("GEXPIPE_GOLDENS", default))
    return sorted(p.parent.name for p in folder.glob("*/meta.json")) or ["none"]


@pytest.fixture(autouse=True)
def device(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The device that GEXPIPE_TEST_DEVICE names; full float32 there."""
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    with torch.device(os.environ.get("GEXPIPE_TEST_DEVICE", "cpu")):
        yield


@pytest.mark.parametrize("name", _cases())
def test_golden(goldens: Path, name: str) -> None:
    if name in ELSEWHERE:
        pytest.skip(ELSEWHERE[name])
    if name not in RUN:
        pytest.skip(f"the method of {name} is not implemented yet")
    case = Case.read(goldens / name)
    found = RUN[name](case)
    expected = {k: v for k, v in case.io.items() if not _is_input(name, k)}
    assert found.keys() == expected.keys()
    gradients = [v for k, v in expected.items() if k.startswith("train/grad/")]
    largest = max((float(v.abs().max()) for v in gradients), default=0.0)
    wrong = []
    for key, value in expected.items():
        relative, absolute = _tolerance(name, key, value, largest)
        ours = found[key].detach().to(value.dtype).reshape(value.shape)
        deviation = (ours - value).abs()
        print(f"{name} {key}: {float(deviation.max()):.2e}")
        if not torch.all(deviation <= absolute + relative * value.abs()):
            wrong.append(f"{key}: {float(deviation.max()):.2e}")
    assert not wrong


def _is_input(name: str, key: str) -> bool:
    if name == "selective_scan":
        return key[3:] not in ("out", "last_state") and (
            not key[3:].startswith("grad_") or key.endswith("grad_out")
        )
    return key in INPUTS and not (key == "y" and name.endswith(("_block", "_wrapper")))


def _tolerance(name: str, key: str, value: torch.Tensor, largest: float) -> tuple[float, float]:
    if key.startswith("train/grad/"):
        # Biases in front of a batch norm have no gradient at all: what is stored there is
        # rounding noise of the others, nine orders below them.
        return 1e-3, max(1e-4 * float(value.abs().max()), 1e-7 * largest)
    return next((r, a) for p, r, a in TOLERANCES if re.search(p, f"{name}:{key}"))
