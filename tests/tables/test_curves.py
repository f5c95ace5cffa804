"""Error in the course of training, as a figure."""

from __future__ import annotations

from pathlib import Path

import pytest
from matplotlib import pyplot as plt

from gexpipe.errors import UserError
from gexpipe.tables.figures import training_curves


def test_a_line_a_run_and_a_dot_at_its_smallest_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = []
    monkeypatch.setattr(plt, "close", kept.append)
    for name, errors in (("a", (0.9, 0.4, 0.5)), ("b", (0.8, 0.3))):
        lines = [f"{10 * (step + 1)},{error}" for step, error in enumerate(errors)]
        (tmp_path / f"{name}.csv").write_text("\n".join(["step,valid_mse", *lines]) + "\n")
    runs = [tmp_path / "a.csv", tmp_path / "b.csv"]
    training_curves({"Prism": runs}, "SIM1", tmp_path / "out.png")
    assert (tmp_path / "out.png").stat().st_size > 1000
    (axis,) = kept[0].axes
    assert axis.get_yscale() == "log" and "log10(1 + expression)" in axis.get_ylabel()
    dots = [tuple(float(v[0]) for v in line.get_data()) for line in axis.lines[1::2]]
    assert dots == [(pytest.approx(2 / 3), 0.4), (1.0, 0.3)]
    assert [text.get_text() for text in axis.get_legend().get_texts()] == ["Prism"]
    training_curves({f"M{i}": runs[:1] for i in range(14)}, "SIM1", tmp_path / "out.png")
    lines = kept[1].axes[0].lines[::2]
    assert len({(line.get_color(), line.get_linestyle()) for line in lines}) == 14
    with pytest.raises(UserError, match="training history"):
        training_curves({"Prism": [tmp_path / "none.csv"]}, "SIM1", tmp_path / "out.png")
