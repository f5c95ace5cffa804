"""Every number that the authors' code produced, within the tolerance stated beside it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tests.goldens import COMMITTED, arrays, case_parameters, cases, meta
from tests.models.golden_cases import KINDS, RUN, Case, kind_of

INPUTS = {
    "x", "grad_out", "inputs_embeds", "seq_idx", "seqs", "signals", "rna_feat", "y", "mask_regions",
    "peak_mask", "pe_code", "extra_feat", "train/z_sample", "input_ids",
}  # fmt: skip
# Beginnings of the methods that are no models: tests of elements, contact and training have them.
ELSEWHERE = (
    "EPInformer promoter-enhancer encoding",
    "per-base Hi-C contact feature",
    "learning-rate schedule",
)
# First pattern that matches "kind:array": relative and absolute tolerance.
# Gradients of the models are absolute to the largest element ("of max").
TOLERANCES = [
    (r"selective_scan:.*grad_(A|delta_bias)$", 1e-4, 1e-3),
    (r"selective_scan:.*grad_", 1e-4, 1e-4),
    (r"selective_scan:", 1e-5, 1e-5),
    (r"bidirectional mamba_block:y", 1e-5, 2e-6),
    (r"bidirectional mamba_block:grad", 1e-4, 2e-5),
    (r"mamba_block:y", 1e-5, 1e-6),
    (r"mamba_block:grad", 1e-4, 1e-5),
    (r"caduceus_backbone:", 2e-5, 1e-5),
    (r"macs3:mask$", 0, 0),
    (r"hyena:filter", 1e-4, 1e-6),
    (r"hyena:(mixer|hidden)", 1e-4, 3e-5),
    (r"hyena:", 2e-5, 2e-5),
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


@pytest.fixture(autouse=True)
def device(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The device that GEXPIPE_TEST_DEVICE names; full float32 there."""
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    with torch.device(os.environ.get("GEXPIPE_TEST_DEVICE", "cpu")):
        yield


def test_a_case_is_known_by_its_method_not_its_folder() -> None:
    assert kind_of("Prism") == kind_of("Prism, four contexts") == "prism"
    assert kind_of("EPInformer PE-Activity, released checkpoint") == "epinformer"
    assert kind_of("bidirectional Mamba wrapper, strategy add") == "mamba_block"
    assert kind_of("a method of the future") == ""
    assert {kind for _, kind in KINDS} == set(RUN)


def _of_models() -> list[Path]:
    return [folder for folder in cases() if not meta(folder)["method"].startswith(ELSEWHERE)]


@pytest.mark.parametrize("folder", case_parameters(_of_models()))
def test_golden(folder: Path) -> None:
    case = Case.read(folder)
    method, kind = case.meta["method"], case.kind
    assert kind, f"no method here computes {method!r}"
    found = RUN[kind](case)
    expected = {k: v for k, v in case.io.items() if not _is_input(kind, k)}
    assert expected and not expected.keys() - found.keys()
    gradients = [v for k, v in expected.items() if k.startswith("train/grad/")]
    largest = max((float(v.abs().max()) for v in gradients), default=0.0)
    wrong = []
    for key, value in expected.items():
        which = f"bidirectional {kind}" if method.startswith("bidirectional") else kind
        relative, absolute = _tolerance(which, key, value, largest)
        ours = found[key].detach().to(value.dtype).reshape(value.shape)
        deviation = (ours - value).abs()
        print(f"{folder.name} {key}: {float(deviation.max()):.2e}")
        if not torch.all(deviation <= absolute + relative * value.abs()):
            wrong.append(f"{key}: {float(deviation.max()):.2e}")
    assert not wrong


def test_the_repository_holds_a_case_of_these_methods() -> None:
    found = {kind_of(meta(path.parent)["method"]) for path in COMMITTED.glob("*/meta.json")}
    assert found - {""} == {
        "mamba_block", "caduceus", "hyena", "macs3", "seq2exp_soft", "seq2exp_hard",
        "seq2exp_retrain", "prism", "epinformer",
    }  # fmt: skip


def test_what_the_repository_holds_is_small_and_says_where_it_is_from() -> None:
    assert sum(p.stat().st_size for p in COMMITTED.rglob("*") if p.is_file()) < 8_000_000
    for path in COMMITTED.glob("*/meta.json"):
        case = meta(path.parent)
        assert re.match(r"[0-9a-f]{40}\b", case["reference"]["commit"]), path
        assert case["reference"]["repository"] and case["reference"]["files"], path
        assert case["arrays"].keys() >= arrays(path.parent).keys(), path
        assert all(array["what"] for array in case["arrays"].values()), path


def _is_input(kind: str, key: str) -> bool:
    if kind == "selective_scan":
        array = key.split("/")[1]
        return array not in ("out", "last_state") and (
            not array.startswith("grad_") or array == "grad_out"
        )
    return key in INPUTS and not (key == "y" and kind == "mamba_block")


def _tolerance(kind: str, key: str, value: torch.Tensor, largest: float) -> tuple[float, float]:
    if key.startswith("train/grad/"):
        # Biases in front of a batch norm have no gradient at all: what is stored there is
        # rounding noise of the others, nine orders below them.
        return 1e-3, max(1e-4 * float(value.abs().max()), 1e-7 * largest)
    return next((r, a) for p, r, a in TOLERANCES if re.search(p, f"{kind}:{key}"))
