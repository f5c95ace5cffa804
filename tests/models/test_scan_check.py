"""The self-check of the scan passes here, and tells when a backend is wrong."""

from __future__ import annotations

import pytest
import torch
from typer.testing import CliRunner

from gexpipe.cli.doctor import app
from gexpipe.models.scan import backends, check, reference

SIZE = ["--self-check", "--length", "70", "--width", "16", "--batch", "1", "--state", "4"]


def test_the_chosen_backend_passes() -> None:
    found = check.deviations(1, 70, 16, 4)
    assert len(found) == 2 * 2 * 9  # precisions, directions; the output and eight gradients
    assert all(d.passed for d in found), found
    done = CliRunner().invoke(app, SIZE)
    assert done.exit_code == 0, done.output
    assert "numba on cpu: batch 1, length 70, width 16, state 4" in done.output
    assert "scan reversed grad delta_bias" in done.output
    assert "scan bf16 reversed grad delta_bias" in done.output


@pytest.mark.parametrize("wrong", [1.001, torch.nan])
def test_a_wrong_backend_fails(wrong: float, monkeypatch: pytest.MonkeyPatch) -> None:
    def off(*given: object) -> tuple[torch.Tensor, torch.Tensor]:
        out, last = reference.reference_scan(*given)  # type: ignore[arg-type]
        return out * wrong, last

    given = backends.function
    monkeypatch.setattr(
        "gexpipe.models.scan.function", lambda name: off if name == "numba" else given(name)
    )
    done = CliRunner().invoke(app, SIZE)
    assert done.exit_code == 1
    assert "failed" in done.output
