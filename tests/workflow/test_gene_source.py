"""The gene table is made from the file that ``genes.source`` names."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.conftest import ROOT

pytestmark = [pytest.mark.workflow, pytest.mark.slow]


@pytest.mark.parametrize("sheet_has_it", [True, False])
def test_own_bed(tmp_path: Path, sheet_has_it: bool) -> None:
    rows = (ROOT / "config/reference.tsv").read_text()
    own = f"genes_bed\tpath\tmine\tbed\t{tmp_path}\t\n" if sheet_has_it else ""
    (tmp_path / "reference.tsv").write_text(rows + own)
    change = {"genes": {"source": "bed"}, "reference": {"files": "reference.tsv"}}
    (tmp_path / "change.yaml").write_text(yaml.safe_dump(change))
    done = subprocess.run(
        [
            sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"),
            "--directory", str(tmp_path), "--configfile", "change.yaml", "--dry-run",
            "--printshellcmds", "--cores", "1", "results/genes/genes.tsv",
        ],
        capture_output=True, text=True, check=False, cwd=tmp_path,
    )  # fmt: skip
    text = done.stdout + done.stderr
    if sheet_has_it:
        assert done.returncode == 0, text
        assert "reference genes --source bed --table resources/files/mine.bed" in text
    else:
        assert done.returncode != 0
        assert "no row with role 'genes_bed'" in text
