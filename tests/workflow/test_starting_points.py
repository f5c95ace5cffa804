"""Cell types that start from files of others: which rules their rows stand for."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pysam
import pytest

from tests.project import Project, simulate

pytestmark = [pytest.mark.workflow, pytest.mark.slow]

STORE = "results/windows/SIM1.zarr/manifest.json"
SCORES = "results/abc/SIM1/predictions.parquet"
ONE = {"cells": ["SIM1"]}


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Project:
    folder = tmp_path_factory.mktemp("starting")
    simulate(folder)
    return Project(folder)


def with_rows(project: Project, out: Path, *rows: list[str]) -> Project:
    """The project with other rows for the accessibility of SIM1."""
    (out / "simulated").mkdir(parents=True)
    (out / "simulated/mirror").symlink_to(project.folder / "simulated/mirror")
    for path in (project.folder / "simulated").iterdir():
        if path.name not in ("mirror", "config"):
            (out / "simulated" / path.name).symlink_to(path)
    config = out / "simulated/config"
    config.mkdir()
    for path in (project.folder / "simulated/config").iterdir():
        (config / path.name).write_bytes(path.read_bytes())
    table = pd.read_csv(config / "files.tsv", sep="\t", dtype=str, keep_default_na=False)
    taken = (table["cell"] == "SIM1") & table["role"].isin(["dnase_bam", "dnase_bigwig"])
    names = ["role", "replicate", "accession", "format", "url"]
    new = pd.DataFrame(rows, columns=names).assign(cell="SIM1", source="path")
    pd.concat([table[~taken], new]).fillna("").to_csv(config / "files.tsv", sep="\t", index=False)
    return Project(out)


def test_abcs_files_stand_for_its_stages(simulated: Project, tmp_path: Path) -> None:
    project = with_rows(
        simulated, tmp_path / "abc",
        ["abc_elements", "", "list", "tsv", "EnhancerList.txt"],
        ["abc_genes", "", "genes", "tsv", "GeneList.txt"],
        ["abc_predictions", "1", "pairs", "tsv", "AllPutative.tsv.gz"],
        ["peaks", "", "peaks", "bed", "macs2_peaks.narrowPeak"],
        ["dnase_bigwig", "", "ENCFF904SIM", "bigWig", "dnase.bigWig"],
    )  # fmt: skip
    planned = project.planned(STORE, ONE) | project.planned(SCORES, ONE)
    assert {"activity_from_lists", "scores_from_predictions", "given_peaks"} <= set(planned)
    assert not {"peaks", "candidates", "activity", "scores", "sort_bam"} & set(planned)


def fragments(simulated: Project, out: Path) -> None:
    """Reads of the simulated alignments as fragments of 20 barcodes, 15 of them SIM1's."""
    mirror = simulated.folder / "simulated/mirror"
    (bam,) = mirror.rglob("ENCFF902SIM.bam")
    rng = np.random.default_rng(3)
    with (
        gzip.open(out / "fragments.tsv.gz", "wt") as handle,
        pysam.AlignmentFile(str(bam)) as reads,
    ):
        handle.write("# id=library\n")
        for read in reads:
            if not read.is_unmapped:
                start, barcode = read.reference_start, rng.integers(0, 20)
                size = reads.get_reference_length(read.reference_name)
                end = min(start + int(rng.integers(40, 300)), size)
                handle.write(f"{read.reference_name}\t{start}\t{end}\tBC{barcode}-1\t1\n")
    lines = [f"BC{n}-1\t{'SIM1' if n < 15 else 'B cells'}\n" for n in range(20)]
    (out / "labels.tsv").write_text("barcode\tlabel\n" + "".join(lines))


def test_fragments_become_peaks_activity_and_signal(simulated: Project, tmp_path: Path) -> None:
    project = with_rows(
        simulated, tmp_path / "single",
        ["atac_fragments", "1", "lib1", "fragments", "fragments.tsv.gz"],
        ["barcodes", "1", "lib1.labels", "tsv", "labels.tsv"],
    )  # fmt: skip
    fragments(simulated, project.folder)
    done = project.run("--quiet", "all", "--", STORE, SCORES, change=ONE)
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    log = (project.folder / "logs/peaks/pseudobulk.SIM1.lib1.log").read_text()
    assert "of 15 barcodes" in log and "fewer than the 3000000" in log
    elements = pd.read_parquet(project.folder / "results/abc/SIM1/elements.parquet")
    assert len(elements) > 50 and (elements["dnase_rpm"] > 0).any()
