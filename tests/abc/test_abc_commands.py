"""The sub-commands from end to end on a small BAM, and from count tables."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pysam
import pytest
from typer.testing import CliRunner

from gexpipe.abc.from_counts import artefacts, library_reads, read_counts
from gexpipe.cli.abc import app
from gexpipe.errors import UserError
from gexpipe.reference.genome import read_sizes

GENES = """gene_id\tsymbol\tchrom\ttss\tstrand\tstart\tend\tsource
g1\tA\tchr1\t600\t+\t600\t1800\ttest
g2\tB\tchr2\t2400\t-\t900\t2400\ttest
"""
PEAKS = """chr1\t1500\t1700\tp1\t9\t.\t1\t1\t1\t100
chr1\t2000\t2150\tp2\t9\t.\t1\t1\t1\t75
chr1\t2600\t2700\tp3\t9\t.\t1\t1\t1\t50
chr2\t300\t400\tp4\t9\t.\t1\t1\t1\t50
"""


def call(*arguments: object) -> None:
    result = CliRunner().invoke(app, [str(a) for a in arguments])
    if result.exception is not None:
        raise result.exception


def test_an_element_of_adapter_reads_is_left_out_of_the_path_from_alignments(
    folder, bam, make_bam, caplog
):
    (folder / "candidates.bed").write_text("chr1\t0\t2600\nchr2\t0\t300\nchr2\t300\t600\n")
    common = ["--genes", folder / "genes.tsv", "--chrom-sizes", folder / "sizes.tsv"]
    outputs = [f"--out-{n}={folder / n}" for n in ("elements", "genes", "quality")]
    begin = ["activity", "--candidates", folder / "candidates.bed", "--dnase", bam, *common]
    call(*begin, *outputs, "--largest-share", 0.5)
    kept = pd.read_parquet(folder / "elements")
    assert (kept["chrom"] + ":" + kept["start"].astype(str)).tolist() == ["chr2:0", "chr2:300"]
    assert (kept["dnase_rpm"] > 0).all()
    assert "chr1:0-2600" in caplog.text
    call(*begin, *outputs)  # three elements are too few for a share of 0.01
    assert len(pd.read_parquet(folder / "elements")) == 3


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "genes.tsv").write_text(GENES)
    (tmp_path / "sizes.tsv").write_text("chr1\t5000\nchr2\t3000\n")
    (tmp_path / "peaks.narrowPeak").write_text(PEAKS)
    (tmp_path / "black.bed").write_text("chr1\t2650\t2651\n")
    return tmp_path


def test_from_peaks_and_alignments_to_elements(folder, bam, make_bam):
    second = make_bam(folder / "second.bam", 2000, seed=8)
    common = ["--genes", folder / "genes.tsv", "--chrom-sizes", folder / "sizes.tsv"]
    call(
        *["candidates", "--peaks", folder / "peaks.narrowPeak", "--bam", bam, "--bam", second],
        *["--blacklist", folder / "black.bed", "--extend", 100, "--promoter-extend", 50],
        *[*common, "--out", folder / "candidates.bed"],
    )
    lines = (folder / "candidates.bed").read_text().splitlines()
    expected = ["chr1\t550\t650", "chr1\t1500\t1700", "chr1\t1975\t2175", "chr2\t250\t450"]
    assert lines == [*expected, "chr2\t2350\t2450"]

    outputs = [f"--out-{n}" for n in ("elements", "genes", "quality")]
    paths = [folder / n for n in ("elements.parquet", "genes.parquet", "quality.json")]
    written = [x for pair in zip(outputs, paths, strict=True) for x in pair]
    call(
        *["activity", "--candidates", folder / "candidates.bed", "--dnase", bam],
        *["--dnase", second, "--h3k27ac", second, *common, *written, "--largest-share", 1],
    )
    elements, genes = pd.read_parquet(paths[0]), pd.read_parquet(paths[1])
    kinds = ["promoter", "genic", "intergenic", "intergenic", "promoter"]
    assert elements["class"].tolist() == kinds
    assert elements["name"][1] == "genic|chr1:1500-1700"
    with pysam.AlignmentFile(str(bam)) as one, pysam.AlignmentFile(str(second)) as two:
        rpm = [1e6 * f.count("chr1", 100, 1100) / f.mapped for f in (one, two)]
    assert genes["dnase_rpm"][0] == pytest.approx(np.mean(rpm))
    product = genes["dnase_rpm"] * genes["h3k27ac_rpm"]
    np.testing.assert_allclose(genes["promoter_activity"], np.sqrt(product))
    quality = json.loads(paths[2].read_text())
    assert quality["elements"] == {"value": 5, "expected": [60000, 250000], "ok": False}
    assert quality["dnase_files"]["value"] == 2
    assert quality["quantile_normalized"]["value"] == 0

    predictions, table = folder / "predictions.parquet", folder / "table.parquet"
    call("scores", "--elements", paths[0], "--genes", folder / "genes.tsv", "--out", predictions)
    found = pd.read_parquet(predictions)
    assert len(found) == 5
    assert found["is_self_promoter"].tolist() == [True, False, False, False, True]
    options = ["--min-distance", 500, "--max-distance", 2000, "--slot", 100]
    call(
        *["elements", "--predictions", predictions, "--genes", folder / "genes.tsv"],
        *[*options, "--out", table],
    )
    slots = pd.read_parquet(table)
    assert slots[["gene_id", "start", "end"]].values.tolist() == [
        ["g1", 1550, 1650],
        ["g1", 2025, 2125],
    ]


def test_reads_on_x_and_y_count_twice_where_it_is_asked_for(folder):
    tags = "".join(f"chr{n}\t{100 + i}\t{140 + i}\tN\t0\t+\n" for n in "1XY" for i in range(10))
    (folder / "reads.tagAlign").write_text(tags)
    (folder / "sizes.tsv").write_text("chr1\t5000\nchr2\t3000\nchrX\t5000\nchrY\t5000\n")
    (folder / "candidates.bed").write_text("".join(f"chr{n}\t50\t300\n" for n in "1XY"))
    (folder / "genes.tsv").write_text(GENES.replace("\tchr2\t", "\tchrX\t"))
    outputs = [f"--out-{n}={folder / n}" for n in ("elements", "genes", "quality")]
    command = ["activity", "--candidates", folder / "candidates.bed", "--dnase"]
    command += [folder / "reads.tagAlign", "--genes", folder / "genes.tsv"]
    command += ["--chrom-sizes", folder / "sizes.tsv", *outputs]
    for option, expected in (((), [1, 1, 1]), (("--double-sex",), [1, 2, 2])):
        call(*command, *option)
        rpm = pd.read_parquet(folder / "elements")["dnase_rpm"] / (1e6 * 10 / 30)
        np.testing.assert_allclose(rpm, expected)


def test_the_outputs_are_the_same_bytes_twice(folder, bam):
    common = ["--genes", folder / "genes.tsv", "--chrom-sizes", folder / "sizes.tsv"]
    (folder / "candidates.bed").write_text("chr1\t550\t650\nchr2\t250\t450\n")
    outputs = []
    for run in ("one", "two"):
        paths = [folder / f"{run}.{n}" for n in ("elements", "genes", "quality")]
        call(
            *["activity", "--candidates", folder / "candidates.bed", "--dnase", bam, *common],
            *["--out-elements", paths[0], "--out-genes", paths[1], "--out-quality", paths[2]],
            *["--largest-share", 1],
        )
        scores = folder / f"{run}.scores"
        call("scores", "--elements", paths[0], "--genes", folder / "genes.tsv", "--out", scores)
        outputs.append([path.read_bytes() for path in (*paths, scores)])
    assert outputs[0] == outputs[1]


def counts(folder: Path, name: str, *rows: tuple) -> Path:
    path = folder / name
    path.write_text("".join("\t".join(map(str, row)) + "\n" for row in rows))
    return path


def count_options(folder: Path, elements: list[int]) -> list[object]:
    places = [("chr1", 100 * i, 100 * i + 50) for i in range(len(elements))]
    tss = [("chr1", 100, 1100), ("chr2", 1900, 2900)]
    dnase = counts(folder, "e1", *[(*p, n) for p, n in zip(places, elements, strict=True)])
    h3k27ac = counts(folder, "e2", *[(*p, 7) for p in places])
    promoters = counts(folder, "p.bed", (*tss[1], "g2", 0, "-"), (*tss[0], "g1", 0, "+"))
    at_tss = counts(folder, "p1", (*tss[0], 8), (*tss[1], 18))
    marks = counts(folder, "p2", (*tss[0], 2), (*tss[1], 2))
    return [
        *["from-counts", "--element-dnase", dnase, "--element-h3k27ac", h3k27ac],
        *["--promoter-dnase", at_tss, "--promoter-h3k27ac", marks, "--promoters", promoters],
        *["--genes", folder / "genes.tsv", "--chrom-sizes", folder / "sizes.tsv"],
        *["--out-elements", folder / "e.parquet", "--out-genes", folder / "g.parquet"],
        *["--out-quality", folder / "q.json"],
    ]


def test_from_counts_drops_artefacts_and_joins_promoters_by_name(folder):
    options = count_options(folder, [5, 10**6, 6])
    call(*options, "--dnase-total", 2e6, "--largest-share", 0.4)
    elements = pd.read_parquet(folder / "e.parquet")
    assert elements["dnase_rpm"].tolist() == [2.5, 3.0]
    assert elements["start"].tolist() == [0, 200]
    genes = pd.read_parquet(folder / "g.parquet")
    assert genes["gene_id"].tolist() == ["g1", "g2"]
    assert genes["dnase_rpm"].tolist() == [4.0, 9.0]


def test_count_tables_that_disagree_are_refused(folder):
    options = count_options(folder, [5, 5, 6])
    counts(folder, "e2", ("chr1", 0, 50, 7), ("chr1", 99, 150, 7), ("chr1", 200, 250, 7))
    with pytest.raises(UserError, match=r"e2, row 2: found chr1:99-150, expected chr1:100-150"):
        call(*options)
    options = count_options(folder, [5, 5, 6])
    counts(folder, "p2", ("chr1", 100, 1100, 2))
    with pytest.raises(UserError, match="no promoter count for 1 genes, such as g2"):
        call(*options)
    options = count_options(folder, [5, -5, 6])
    with pytest.raises(UserError, match="row 2: the count is '-5', expected a number >= 0"):
        call(*options)


def test_the_real_k562_table_has_one_artefact(shared):
    table = shared / "data/k562_counts_hg38/Enhancers.DHS.ENCFF257HEE.bam.CountReads.bedgraph.gz"
    sizes = read_sizes(shared / "data/reference_hg38/GRCh38_EBV.no_alt.chrom.sizes.tsv")
    counted = read_counts(table, sizes)
    reads = library_reads(counted, sizes, 1e6)
    found = counted[artefacts(counted, 0.01, reads, table)]
    assert found[["chrom", "start"]].values.tolist() == [["chr11", 24159285]]
