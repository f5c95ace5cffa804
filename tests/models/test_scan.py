"""The backends of the scan agree, in values and gradients, and the choice among them is told."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import torch
from torch.nn import functional

from gexpipe.errors import UserError
from gexpipe.models.scan import backends, selective_scan
from gexpipe.models.scan.conv import causal_conv_silu


def inputs(genes: int, length: int, channels: int, states: int) -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    return {
        "u": torch.randn(genes, length, channels),
        "delta": torch.randn(genes, length, channels) - 2,
        "A": -torch.rand(channels, states) * 8,
        "B": torch.randn(genes, length, states),
        "C": torch.randn(genes, length, states),
        "D": torch.randn(channels),
        "z": torch.randn(genes, length, channels),
        "delta_bias": torch.randn(channels),
    }


def values_and_gradients(given: dict, backend: str, **options: object) -> dict[str, torch.Tensor]:
    given = {k: v.clone().requires_grad_() for k, v in given.items()}
    out, last = selective_scan(**given, delta_softplus=True, backend=backend, **options)
    weight = torch.randn(out.shape, generator=torch.Generator().manual_seed(1))
    (out * weight).sum().backward()
    return {"out": out.detach(), "last": last.detach(), **{k: v.grad for k, v in given.items()}}


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize(
    "shape", [(2, 64, 16, 16), (3, 65, 24, 5), (1, 1, 16, 1), (2, 300, 40, 8), (1, 2000, 32, 16)]
)
def test_backends_agree(shape: tuple[int, int, int, int], reverse: bool) -> None:
    given = inputs(*shape)
    expected = values_and_gradients(given, "reference", reverse=reverse)
    found = values_and_gradients(given, "numba", reverse=reverse)
    for name, value in expected.items():
        scale = float(value.abs().max())
        torch.testing.assert_close(found[name], value, rtol=1e-4, atol=3e-6 * scale, msg=name)


@pytest.mark.parametrize("missing", ["D", "z", "delta_bias"])
def test_optional_inputs(missing: str) -> None:
    given = inputs(2, 70, 16, 4)
    del given[missing]
    expected = values_and_gradients(given, "reference")
    for name, value in values_and_gradients(given, "numba").items():
        torch.testing.assert_close(value, expected[name], rtol=1e-4, atol=1e-4)


def test_reverse_is_flipping() -> None:
    given = inputs(2, 100, 16, 4)
    turned = {k: v.flip(1) if v.dim() == 3 else v for k, v in given.items()}
    for backend in ("reference", "numba"):
        back, _ = selective_scan(**given, delta_softplus=True, backend=backend, reverse=True)
        ahead, _ = selective_scan(**turned, delta_softplus=True, backend=backend)
        torch.testing.assert_close(back, ahead.flip(1))


@pytest.mark.slow
def test_long_sequence() -> None:
    given = inputs(1, 199_999, 16, 4)
    with torch.no_grad():
        expected, _ = selective_scan(**given, delta_softplus=True, backend="reference")
        found, _ = selective_scan(**given, delta_softplus=True, backend="numba")
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def test_extremes_stay_finite_and_nan_stays_nan() -> None:
    given = inputs(1, 50, 16, 4)
    given["delta"][:, ::7] = 500.0
    given["delta"][:, 1::7] = -500.0
    given["z"][:, ::5] = -300.0
    found = values_and_gradients(given, "numba")
    expected = values_and_gradients(given, "reference")
    for name, value in found.items():
        assert torch.isfinite(value).all(), name
    torch.testing.assert_close(found["out"], expected["out"], rtol=1e-4, atol=1e-3)
    given["u"][0, 20, 3] = torch.nan
    out, _ = selective_scan(**given, delta_softplus=True, backend="numba")
    assert torch.isnan(out[0, 20:, 3]).all()
    assert torch.isfinite(out[0, :20]).all()


def test_threads_change_no_bit() -> None:
    given = inputs(3, 200, 64, 8)
    before = torch.get_num_threads()
    results = []
    try:
        for count in (1, 2):
            torch.set_num_threads(count)
            results.append(values_and_gradients(given, "numba"))
    finally:
        torch.set_num_threads(before)
    for name, value in results[0].items():
        assert torch.equal(value, results[1][name]), name


def test_half_precision_inputs() -> None:
    given = {k: v.bfloat16() if v.dim() == 3 else v for k, v in inputs(2, 64, 16, 4).items()}
    out, _ = selective_scan(**given, delta_softplus=True, backend="numba")
    expected, _ = selective_scan(**given, delta_softplus=True, backend="reference")
    assert out.dtype == torch.bfloat16
    torch.testing.assert_close(out, expected, rtol=2e-2, atol=2e-2)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("length", [1, 3, 4, 300])
def test_convolution(length: int, reverse: bool) -> None:
    torch.manual_seed(0)
    x, weight, bias = torch.randn(2, length, 32), torch.randn(32, 4), torch.randn(32)
    given = [v.requires_grad_() for v in (x, weight, bias)]
    turned = given[0].flip(1) if reverse else given[0]
    padded = functional.pad(turned.transpose(1, 2), (3, 0))
    expected = functional.conv1d(padded, weight[:, None], bias, groups=32)
    expected = functional.silu(expected).transpose(1, 2)
    expected = expected.flip(1) if reverse else expected
    found = causal_conv_silu(*given, reverse=reverse)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
    slope = torch.randn_like(found)
    for a, b in zip(
        torch.autograd.grad(found, given, slope),
        torch.autograd.grad(expected, given, slope),
        strict=True,
    ):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4)


def test_choice_is_told() -> None:
    choice = backends.choose("cpu")
    assert choice.name == "numba"
    assert "CUDA only" in choice.reason
    assert backends.choose("cpu", "reference").name == "reference"
    with pytest.raises(UserError, match=r"mamba_ssm.*cannot run on cpu"):
        backends.choose("cpu", "mamba_ssm")
    with pytest.raises(UserError, match=r"train\.scan_backend: no scan backend 'fast'"):
        backends.use("fast")


def test_kernels_leave_the_thread_count_of_torch() -> None:
    code = (
        "import torch; torch.set_num_threads(1)\n"
        "from gexpipe.models.scan import selective_scan\n"
        "x = torch.ones(1, 4, 16); b = torch.ones(1, 4, 2)\n"
        "selective_scan(x, x, -torch.ones(16, 2), b, b, backend='numba')\n"
        "assert torch.get_num_threads() == 1, torch.get_num_threads()\n"
    )
    environment = {k: v for k, v in os.environ.items() if not k.endswith("_NUM_THREADS")}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
