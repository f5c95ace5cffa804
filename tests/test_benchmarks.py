"""The benchmarks' two ways agree, on small inputs; nothing is timed here."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

FOLDER = Path(__file__).resolve().parents[1] / "benchmarks"


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))
    for path in FOLDER.glob("*.py"):
        monkeypatch.delitem(sys.modules, path.stem, raising=False)


@pytest.fixture
def one_thread() -> Iterator[None]:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_counting(tmp_path):
    import counting

    given = counting.inputs("small", tmp_path)
    np.testing.assert_array_equal(counting.ours(*given), counting.plain(*given))


def test_abc_scores(tmp_path):
    import abc_scores

    elements, genes = abc_scores.inputs("small")
    given = (elements[:300], genes[:20])
    pairs, total = abc_scores.plain(*given, str(tmp_path / "plain.tsv.gz"))
    assert abc_scores.ours(*given, str(tmp_path / "ours.parquet"))[0] == pairs
    found = abc_scores.total_score(str(tmp_path / "ours.parquet"))
    np.testing.assert_allclose(found, total, rtol=1e-5)


@pytest.mark.parametrize("kind", ["cool", "hic"])
def test_contacts(tmp_path, kind):
    import contacts

    if kind == "hic":
        pytest.importorskip(
            "hicstraw", reason="hic-straw is an extra: pip install 'gexpipe[straw]'"
        )
    matrix, genes, length = contacts.inputs("small", kind, tmp_path)
    records = str(tmp_path / "records.csv")
    contacts.plain_read(matrix, records)
    rows = contacts.ours_read(matrix, genes, length)
    plain = contacts.plain_feature(records, genes[:3])
    np.testing.assert_allclose(contacts.expanded(rows)[:3], plain, rtol=1e-6)
    assert contacts.stored(rows).shape == (20, 41)


def test_the_cost_of_a_call_is_its_own():
    import measure

    cost = measure.measure(np.zeros, 3_000_000)
    assert cost.result.shape == (3_000_000,)
    assert cost.cpu < 5
    line = measure.row(
        "small", "step", measure.Cost(2.0, 90.0, None), measure.Cost(0.5, 30.0, None)
    )
    assert line == ["small", "step", 2.0, 0.5, 4.0, 90.0, 30.0, 3.0]
    assert "| small" in measure.table([line])


@pytest.mark.parametrize("reverse", [False, True])
def test_published_scan(reverse, one_thread):
    import torch
    from scan_cpu import published_scan

    from gexpipe.models.scan import check, selective_scan

    given = check.random_inputs(2, 50, 16, 4)
    found = published_scan(**given, reverse=reverse)[0]
    expected = selective_scan(**given, delta_softplus=True, reverse=reverse, backend="reference")
    torch.testing.assert_close(found, expected[0], rtol=1e-4, atol=1e-5)


def test_epinformer(monkeypatch, one_thread):
    import epinformer_cpu

    from gexpipe.models import epinformer

    monkeypatch.setattr(epinformer_cpu, "prepare", lambda threads: None)
    for training in (True, False):
        ours = epinformer_cpu.run(training, False, "small")
        with monkeypatch.context() as changed:  # puts back what the published run replaces
            changed.setattr(epinformer, "distinct", epinformer.distinct)
            for kind in (epinformer_cpu.ElementEncoder, epinformer_cpu.ElementSummary):
                changed.setattr(kind, "forward", kind.forward)
            plain = epinformer_cpu.run(training, True, "small")
        found = epinformer_cpu.deviations(ours, plain, epinformer_cpu.TOLERANCES)
        assert set(found) == ({*epinformer_cpu.TOLERANCES} if training else {"prediction"})


def test_loader(tmp_path, monkeypatch, one_thread):
    import loader
    import store
    import tracks

    monkeypatch.setitem(tracks.INPUTS, "small", (3, 600_000))
    monkeypatch.setattr(loader, "LINKS", 1000)
    world = tracks.make("small", tmp_path)
    loader.prepare(world)
    store.ours(world, str(tmp_path))
    for length in (200_000, 2_000):
        for run in (loader.run_plain, loader.run_ours):
            run(tmp_path, length, 0)
        plain, ours = (run(tmp_path, length, 8) for run in (loader.run_plain, loader.run_ours))
        loader.compare(plain, ours)
    sizes = {name: value for _, name, value in store.size_rows("small", tmp_path, 3)}
    assert 0 < sizes["signals and contact"] < sizes["sequence"] < 60


def test_epoch(tmp_path, monkeypatch, one_thread):
    import epoch
    import tracks

    monkeypatch.setitem(tracks.INPUTS, "small", (11, 600_000))
    row = epoch.epoch("small", 8, 0, tmp_path)
    assert row["epoch"] == 1 and 0 < row["data_wait"] < 1


def test_gpu_says_that_there_is_none(monkeypatch, capsys, tmp_path):
    import gpu
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    gpu.main(["--out", str(tmp_path / "gpu.md")])
    assert capsys.readouterr().out == "no GPU is seen: nothing is measured\n"
    assert not (tmp_path / "gpu.md").exists()


def test_every_part_of_the_gpu_page_on_a_cpu(monkeypatch, one_thread):
    import gpu
    import tracks

    monkeypatch.setitem(tracks.INPUTS, "small", (11, 600_000))
    page = gpu.report(2, gpu.SMALL)
    assert "Golden tests: 1 passed" in page
    assert "| 2 x 24           | fp32        | numba" in page
    rows = [[cell.strip() for cell in line.split("|")] for line in page.splitlines()]
    runs = {row[1]: row for row in rows if len(row) == 11}
    # Two longer ones with the loader, one that starts from another's weights, one on elements.
    assert runs["prism"][2] == runs["seq2exp_soft"][2] == "2"
    for name in ("prism", "seq2exp_soft", "seq2exp_retrain"):
        assert runs[name][5].endswith(" %") and float(runs[name][3]) > 0, runs[name]
    assert float(runs["epinformer"][4]) > 0
    assert "Table 1 takes" in page and "enformer (method enformer: inputs.length" in page
    named = {row[1] for row in rows if len(row) == 4}
    assert {"Sei: bins a second", "GTA: seconds a step"} <= named


KERNELS = """
import sys, types
import torch
sys.path.insert(0, "benchmarks")

def fused(u, delta, A, B, C, D, z, bias, softplus, last):
    # mamba-ssm's kernel wants channels first.
    given = [x if x is None else x.transpose(1, 2) for x in (u, delta, B, C, z)]
    u, delta, B, C, z = given
    out, state = reference_scan(u, delta, A, B, C, D, z, bias, softplus, False)
    return out.transpose(1, 2), state

for name in ("mamba_ssm", "mamba_ssm.ops", "mamba_ssm.ops.selective_scan_interface"):
    sys.modules[name] = types.ModuleType(name)
sys.modules[name].selective_scan_fn = fused

import gpu
from gexpipe.models.scan import backends, gpu as kernels
from gexpipe.models.scan.reference import reference_scan

kernels.CHUNK, kernels.BLOCK, kernels.TILE, kernels.GROUP = 8, 4, 2, 2
usable = {"mamba_ssm": "", "triton": "", "reference": ""}
backends.available = gpu.available = lambda device: usable
for row in gpu.layer_rows(gpu.SMALL, 1, 20, False):
    print(*row)
"""


def test_the_kernels_of_a_gpu_side_by_side_in_the_interpreter():
    pytest.importorskip("triton")
    environment = {**os.environ, "TRITON_INTERPRET": "1"}
    done = subprocess.run(
        [sys.executable, "-c", KERNELS], cwd=FOLDER.parent, env=environment,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    rows = [line.split() for line in done.stdout.splitlines()]
    assert [row[4] for row in rows] == ["reference", "mamba_ssm", "triton"]
    assert all(float(row[-1]) < 1e-4 for row in rows[1:])


def test_the_files_of_a_genome_are_what_their_formats_say(tmp_path):
    """A thousandth of the real size: what the workflow reads of each, at the sizes asked for."""
    import big_genome
    import pyBigWig
    import pysam

    from gexpipe.contact.readers import open_matrix
    from gexpipe.reference.genes import genes_from_table
    from gexpipe.reference.genome import prepare_genome, read_sizes
    from gexpipe.reference.gtf import read_gtf

    sizes = big_genome.sizes_of(0.001)
    made = big_genome.make_files(tmp_path, sizes)
    prepare_genome(made["fasta"], tmp_path / "genome.fa", tmp_path / "sizes.tsv")
    assert read_sizes(tmp_path / "sizes.tsv") == sizes.chromosomes
    bases = pysam.FastaFile(str(tmp_path / "genome.fa"))
    for assay, number in sizes.reads.items():
        bam = str(made[f"{assay}_bam"])
        pysam.index(bam)  # in order
        with pysam.AlignmentFile(bam) as reads:
            assert abs(reads.mapped - number) < 25  # rounded on every chromosome
            read = next(reads.fetch("chr1", 100_000))
            place = (read.reference_name, read.reference_start, read.reference_end)
            assert read.query_sequence == bases.fetch(*place).upper()
    genes = genes_from_table(made["gene_table"], sizes.with_genes, "TSS_xpresso")
    assert len(genes) == sizes.genes
    assert set(read_gtf(made["gtf"], sizes.with_genes)["gene_id"]) == set(genes["gene_id"])
    for name in ("dnase_bigwig", "h3k27ac_bigwig"):
        assert pyBigWig.open(str(made[name])).chroms() == sizes.chromosomes
    matrix = open_matrix(made["hic"], 5000)
    band, sums = matrix.band("1", 10, "VC"), matrix.row_sums("1", "VC")
    assert len(band.first) > 300 and len(sums) == 50 and np.nanmax(sums) > 0


def test_the_report_of_the_real_size_shows_what_was_taken_and_asked(tmp_path):
    import json

    import real_size

    folder = tmp_path / "results/benchmarks/peaks"
    folder.mkdir(parents=True)
    record = {
        "s": 61.0, "cpu_time": 59.5, "max_rss": "NA", "threads": 1, "input_size_mb": {"a": 7.0},
        "resources": {"mem_mb": 4000, "runtime": 720},
    }  # fmt: skip
    (folder / "K562.jsonl").write_text(json.dumps(record) + "\n")
    line = real_size.report(real_size.jobs(tmp_path)).splitlines()[2]
    assert [cell.strip() for cell in line.strip("|").split("|")] == [
        "peaks K562", "7", "60", "61", "0", "4,000", "720", "1",
    ]  # fmt: skip
