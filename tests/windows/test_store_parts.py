"""Stores are built whole, built again only where something changed, and from any track."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pandas as pd
import pybigtools
import pyBigWig
import pysam
import pytest
import zarr
from pyfaidx import Fasta

from gexpipe.contact.window import WindowContact, window_bins
from gexpipe.download.one_file import download
from gexpipe.download.portals import Request
from gexpipe.errors import UserError
from gexpipe.files import checksum
from gexpipe.windows import store
from gexpipe.windows.inspect import read_gene
from gexpipe.windows.layout import GENES_PER_SHARD, encode, unpack_bases
from gexpipe.windows.reader import ShardedArray
from gexpipe.windows.sequence import build_sequence
from gexpipe.windows.signals import SignalSources, build_signals
from gexpipe.windows.store import read_manifest
from gexpipe.windows.tracks import signal_track

SIZES = {"chr1": 60_000, "chr3": 30_000, "chr22": 24_000}


def contents(store: Path) -> dict[str, bytes]:
    return {str(p.relative_to(store)): p.read_bytes() for p in store.rglob("*") if p.is_file()}


def no_contact(genes: pd.DataFrame, length: int) -> WindowContact:
    shape = (len(genes), window_bins(length, 5000))
    none = np.zeros(len(genes), np.int64)
    return WindowContact(np.zeros(shape, np.float32), none.astype(bool), none)


def build(world: Path, out: Path, length: int = 16_000, workers: int = 1, **signals: Path) -> None:
    genes = pd.read_csv(world / "genes.tsv", sep="\t")
    given = {"H3K27ac": world / "h3k27ac.bigWig", "DNase": world / "dnase.bigWig", **signals}
    build_signals(
        SignalSources(given, peaks=world / "peaks.bed"), genes, SIZES, length,
        no_contact(genes, length), out, resolution=5000, workers=workers,
    )  # fmt: skip


def test_only_what_changed_is_built(world: Path, tmp_path: Path, caplog) -> None:
    build(world, tmp_path / "cell.zarr")
    before = contents(tmp_path / "cell.zarr")
    with caplog.at_level("INFO", logger="gexpipe"):
        build(world, tmp_path / "cell.zarr", DNase=world / "h3k27ac.bigWig")
    assert "9 of 12 parts did not change" in caplog.text
    after = contents(tmp_path / "cell.zarr")
    changed = {name for name in before if before[name] != after[name]}
    assert changed and all("signals/DNase" in n or n == "manifest.json" for n in changed)
    build(world, tmp_path / "clean.zarr", DNase=world / "h3k27ac.bigWig")
    assert after == contents(tmp_path / "clean.zarr")


def test_a_source_edited_with_its_size_and_time_kept_is_seen(world: Path, tmp_path: Path) -> None:
    mine, fasta = tmp_path / "mine.fa", tmp_path / "files" / "genome.fa"
    shutil.copy(world / "genome.fa", mine)
    download(Request("path", "genome", "fasta", url=str(mine)), fasta)
    genes = pd.read_csv(world / "genes.tsv", sep="\t")
    build_sequence(fasta, genes, 16_000, tmp_path / "s.zarr")
    first, before = contents(tmp_path / "s.zarr"), mine.stat()
    text = mine.read_bytes()
    mine.write_bytes(text.translate(bytes.maketrans(b"AaTt", b"TtAa")))
    os.utime(mine, ns=(before.st_atime_ns, before.st_mtime_ns))
    build_sequence(fasta, genes, 16_000, tmp_path / "s.zarr")
    assert contents(tmp_path / "s.zarr") != first
    source = read_manifest(tmp_path / "s.zarr")[1]["sources"][0]
    assert source["sha256"] == checksum(mine) and "accession" not in source


def test_parts_of_other_versions_are_built_again(
    world: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(world, tmp_path / "cell.zarr")
    monkeypatch.setattr(store, "_versions", lambda: {"zarr": "0"})
    with caplog.at_level("INFO", logger="gexpipe"):
        build(world, tmp_path / "cell.zarr")
    assert "did not change" not in caplog.text
    assert read_manifest(tmp_path / "cell.zarr")[1]["versions"] == {"zarr": "0"}


def test_a_damaged_part_is_built_again(world: Path, tmp_path: Path) -> None:
    build(world, tmp_path / "cell.zarr")
    before = contents(tmp_path / "cell.zarr")
    shard = tmp_path / "cell.zarr/chr1/signals/DNase/values/c/0/0"
    shard.write_bytes(b"\0" + shard.read_bytes()[1:])
    build(world, tmp_path / "cell.zarr")
    assert contents(tmp_path / "cell.zarr") == before


def test_a_chromosome_that_is_left_out_leaves(world: Path, tmp_path: Path) -> None:
    genes = pd.read_csv(world / "genes.tsv", sep="\t")
    build_sequence(world / "genome.fa", genes, 16_000, tmp_path / "s.zarr")
    shutil.copytree(tmp_path / "s.zarr", tmp_path / ".s.zarr.building")  # of a build cut off
    few = genes[genes["chrom"] != "chr3"].reset_index(drop=True)
    build_sequence(world / "genome.fa", few, 16_000, tmp_path / "s.zarr")
    names = {p.name for p in (tmp_path / "s.zarr").iterdir()}
    assert names == {"chr1", "chr22", "zarr.json", "manifest.json"}


SLOW = """
import sys, time
from pathlib import Path
import pandas as pd
from gexpipe.windows import sequence

world, out = Path(sys.argv[1]), Path(sys.argv[2])
write = sequence.write_arrays

def slow(folder, *rest):
    write(folder, *rest)
    if "chr22" in str(folder) or "chr22" in str(folder.parent):
        print("second part is half written", flush=True)
        time.sleep(60)

sequence.write_arrays = slow
genes = pd.read_csv(world / "genes.tsv", sep="\\t")
sequence.build_sequence(world / "genome.fa", genes, 16_000, out)
"""


def test_a_killed_build_looks_unfinished_and_goes_on(world: Path, tmp_path: Path, caplog) -> None:
    store = tmp_path / "s.zarr"
    command = [sys.executable, "-c", SLOW, str(world), str(store)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and "half written" in process.stdout.readline()
    genes = pd.read_csv(world / "genes.tsv", sep="\t")
    with pytest.raises(UserError, match="another process is building this store"):
        build_sequence(world / "genome.fa", genes, 16_000, store)
    process.send_signal(signal.SIGKILL)
    process.wait()
    with pytest.raises(UserError, match="not a finished window store"):
        read_manifest(store)
    with caplog.at_level("INFO", logger="gexpipe"):
        build_sequence(world / "genome.fa", genes, 16_000, store)
    assert "1 of 3 parts did not change" in caplog.text
    assert contents(store) == contents(world / "sequence.zarr")
    assert [p.name for p in tmp_path.iterdir()] == ["s.zarr"]


def test_workers_and_processes_give_the_same_bytes(world: Path, tmp_path: Path) -> None:
    build(world, tmp_path / "one.zarr")
    begun = time.monotonic()
    build(world, tmp_path / "two.zarr", workers=2)
    assert time.monotonic() - begun < 120
    assert contents(tmp_path / "one.zarr") == contents(tmp_path / "two.zarr")


@pytest.mark.parametrize("length", [200_000, 1_000_000])
def test_windows_longer_than_their_chromosome(world: Path, tmp_path: Path, length: int) -> None:
    build(world, tmp_path / "cell.zarr", length)
    genes = pd.read_csv(world / "genes.tsv", sep="\t")
    for gene, chrom, tss in zip(genes["gene_id"], genes["chrom"], genes["tss"], strict=True):
        found = read_gene(tmp_path / "cell.zarr", gene)
        values, valid = signal_track(world / "dnase.bigWig", chrom, SIZES[chrom])
        start = length // 2 - tss
        expected, known = np.zeros(length, np.float16), np.zeros(length, bool)
        expected[start : start + len(values)] = values
        known[start : start + len(values)] = valid
        np.testing.assert_array_equal(found["signals"]["DNase"], expected)
        np.testing.assert_array_equal(found["valid"]["DNase"], known)


@pytest.mark.parametrize("suffix", ["bigBed", "bb"])
def test_a_big_bed_is_one_inside_its_intervals(world: Path, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"sites.{suffix}"
    intervals = [(21_990, 22_010), (25_000, 25_001), (29_000, 30_500), (30_000, 31_000)]
    entries = (("chr1", start, end, "") for start, end in intervals)
    pybigtools.open(str(path), "w").write(SIZES, entries)
    build(world, tmp_path / "cell.zarr", CTCF=path)
    expected = np.zeros(SIZES["chr1"])
    for start, end in intervals:
        expected[start:end] = 1
    for gene, tss in (("G0", 30_000), ("G2", 31_000)):
        found = read_gene(tmp_path / "cell.zarr", gene)
        np.testing.assert_array_equal(found["signals"]["CTCF"], expected[tss - 8_000 : tss + 8_000])
        assert found["valid"]["CTCF"].all()
    absent = read_gene(tmp_path / "cell.zarr", "G1")  # the file knows nothing of chr22
    assert not absent["signals"]["CTCF"].any() and not absent["valid"]["CTCF"].any()


def test_values_keep_the_stated_error(tmp_path: Path) -> None:
    rng = np.random.default_rng(7)
    given = np.concatenate([[1e6, 65_504.0, 6.1e-5, 1e-7, 0.0], rng.lognormal(0, 6, 2000)])
    given = np.minimum(given, 1e6).astype(np.float32)
    path = tmp_path / "x.bigWig"
    with pyBigWig.open(str(path), "w") as track:
        track.addHeader([("chr1", 5000)])
        track.addEntries("chr1", 100, values=given.astype(float), span=1, step=1)
    values, valid = signal_track(path, "chr1", 5000)
    assert valid.sum() == len(given) and valid[100 : 100 + len(given)].all()
    assert not values[~valid].any()
    kept = np.minimum(given, 65_504)
    np.testing.assert_allclose(values[valid].astype(np.float64), kept, rtol=2**-11, atol=3e-8)


def test_values_beyond_the_largest_are_counted_and_told(
    world: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "deep.bigWig"
    with pyBigWig.open(str(path), "w") as track:
        track.addHeader(list(SIZES.items()))
        track.addEntries("chr1", 30_000, values=[70_000.0, 1e6, 5.0], span=1, step=1)
    with caplog.at_level("WARNING", logger="gexpipe"):
        build(world, tmp_path / "cell.zarr", deep=path)
    assert "2 bases of chr1 are beyond 65,504" in caplog.text
    store = zarr.open_group(tmp_path / "cell.zarr", mode="r")
    said = [
        array.attrs["bases_cut_to_largest"]
        for _, array in store.members(max_depth=None)
        if "bases_cut_to_largest" in array.attrs
    ]
    assert sorted(set(said)) == [0, 2]


@pytest.mark.parametrize("indexed", [True, False])
def test_coverage_of_a_bam_equals_samtools_depth(
    world: Path, tmp_path: Path, indexed: bool
) -> None:
    rng = np.random.default_rng(4)
    path = tmp_path / "reads.bam"
    header = {"HD": {"SO": "coordinate"}, "SQ": [{"SN": n, "LN": s} for n, s in SIZES.items()]}
    cigars = [
        [(0, 50)],
        [(0, 20), (2, 5), (0, 30)],
        [(4, 10), (0, 40)],
        [(0, 20), (3, 100), (0, 30)],
    ]
    with pysam.AlignmentFile(str(path), "wb", header=header) as out:
        for start in np.sort(rng.integers(20_000, 40_000, 3000)).tolist():
            read = pysam.AlignedSegment()
            read.query_name, read.query_sequence = "r", "A" * 50
            read.reference_id, read.reference_start = 0, start
            read.cigartuples = cigars[rng.integers(4)]
            read.flag = int(rng.choice([0, 16, 256, 512, 1024]))
            out.write(read)
    if indexed:
        pysam.index(str(path))
    build(world, tmp_path / "cell.zarr", ATAC=path)
    depth = np.zeros(SIZES["chr1"])
    for line in pysam.depth("-a", str(path)).splitlines():
        chrom, position, count = line.split("\t")
        if chrom == "chr1":
            depth[int(position) - 1] = int(count)
    assert depth.max() > 3
    for gene, tss in (("G0", 30_000), ("G2", 31_000)):
        found = read_gene(tmp_path / "cell.zarr", gene)
        np.testing.assert_array_equal(found["signals"]["ATAC"], depth[tss - 8_000 : tss + 8_000])
        assert found["valid"]["ATAC"].all()
    assert not read_gene(tmp_path / "cell.zarr", "G1")["signals"]["ATAC"].any()
    assert Path(f"{path}.bai").exists() == indexed


def test_coverage_takes_seven_bytes_a_base(tmp_path: Path) -> None:
    """An int32 depth, turned into float16 and a mask, and no wider copy: four processes do it."""
    size, path = 4_000_000, tmp_path / "reads.bam"
    header = {"HD": {"SO": "coordinate"}, "SQ": [{"SN": "chr1", "LN": size}]}
    with pysam.AlignmentFile(str(path), "wb", header=header) as out:
        read = pysam.AlignedSegment(out.header)
        read.query_name, read.query_sequence, read.cigarstring = "r", "A" * 50, "50M"
        read.reference_id, read.reference_start = 0, 1000
        out.write(read)
    pysam.index(str(path))
    tracemalloc.start()
    try:
        values, valid = signal_track(path, "chr1", size)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert values.sum() == 50 and valid.all()
    assert peak < 7.5 * size


def test_genes_of_several_shards(world: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    tss = rng.integers(0, SIZES["chr1"], 2 * GENES_PER_SHARD + 44)
    genes = pd.DataFrame(
        {"gene_id": [f"g{t}" for t in range(len(tss))], "chrom": "chr1", "strand": "+"}
    )
    build_sequence(world / "genome.fa", genes.assign(tss=tss), 64, tmp_path / "s.zarr")
    folder = tmp_path / "s.zarr/chr1/sequence"
    with Fasta(str(world / "genome.fa")) as genome:
        letters = f"{'N' * 32}{genome['chr1'][:].seq}{'N' * 32}"
    mine = {name: ShardedArray(folder / name) for name in ("bases", "unknown")}
    theirs = {name: zarr.open_array(folder / name, mode="r") for name in mine}
    for row, start in enumerate(tss.tolist()):
        found = [mine[name].read(row) for name in mine]
        np.testing.assert_array_equal(unpack_bases(*found), encode(letters[start : start + 64]))
    for name, array in mine.items():
        whole = np.stack([array.read(row) for row in range(len(tss))])
        np.testing.assert_array_equal(whole, theirs[name][:])
        assert len([p for p in (folder / name / "c").rglob("*") if p.is_file()]) == 3


def test_files_for_the_papers_genes_stay_few() -> None:
    genes, chromosomes = 18_377, 23
    shards = genes // GENES_PER_SHARD + chromosomes  # each chromosome may end in a part of one
    assert shards + chromosomes <= 300  # and one description a chromosome
