from __future__ import annotations

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from gexpipe.cli.reference import app
from gexpipe.errors import UserError
from gexpipe.reference.agreement import agreement
from gexpipe.reference.genes import write_table


def test_a_straight_line_is_found_without_missing_genes():
    log_tpm = np.array([0.0, 1.0, 2.0, 3.0, 1.5])
    tpm, cage = 10**log_tpm - 1, 10 ** (0.5 * log_tpm + 0.25) - 1
    tpm[4] = np.nan
    found = agreement(cage, tpm)
    assert found["genes"] == 4
    assert found["slope"] == pytest.approx(0.5)
    assert found["intercept"] == pytest.approx(0.25)
    assert found["pearson"] == pytest.approx(1)
    assert found["spearman"] == pytest.approx(1)


def test_poor_agreement_is_warned_of(caplog):
    caplog.set_level("WARNING", logger="gexpipe")
    agreement(np.array([5.0, 4, 3, 2]), np.array([1.0, 2, 3, 4]))
    assert "CAGE and RNA-seq agree poorly: Spearman's correlation -1.00" in caplog.text
    with pytest.raises(UserError, match="2 genes with CAGE and RNA-seq that vary"):
        agreement(np.array([1.0, 2, np.nan]), np.array([1.0, 2, 3]))


def test_the_command_reads_both_files(genes, tmp_path):
    write_table(genes, tmp_path / "genes.tsv")
    lines = [("chr1", 1000, 9), ("chr1", 2000, 99), ("chr2", 100, 999)]
    text = "".join(f"{c}\t{s}\t{s + 1}\tx\t{n}\t+\n" for c, s, n in lines)
    (tmp_path / "ctss.bed").write_text(text)
    (tmp_path / "tpm.tsv").write_text("G1\t9\nG2\t99\nG3\t999\n")
    command = [
        "agreement",
        "--genes",
        str(tmp_path / "genes.tsv"),
        "--out",
        str(tmp_path / "a.json"),
    ]
    command += ["--cage", str(tmp_path / "ctss.bed"), "--rnaseq", str(tmp_path / "tpm.tsv")]
    assert CliRunner().invoke(app, command, catch_exceptions=False).exit_code == 0
    assert json.loads((tmp_path / "a.json").read_text())["slope"] == pytest.approx(1)
