from __future__ import annotations

import gzip
from pathlib import Path

import cooler
import numpy as np
import pandas as pd
import pyBigWig
import pysam
import pytest
from simulation_files import digest_tree, path_of

from gexpipe.contact.hictk import hictk
from gexpipe.errors import UserError
from gexpipe.files import checksum, read_json
from gexpipe.reference.genes import genes_from_gtf
from gexpipe.reference.mrna import mrna_from_gtf
from gexpipe.simulate.config import SimulationConfig
from gexpipe.simulate.contacts import Pixels, observed
from gexpipe.simulate.genes import MRNA_FEATURES, mrna_features
from gexpipe.simulate.genome_folder import simulate
from gexpipe.simulate.norms import NORMS, norm_vectors
from gexpipe.simulate.world import World


def test_equal_seeds_give_equal_bytes(
    config: SimulationConfig, simulated: Path, tmp_path: Path
) -> None:
    simulate(config, tmp_path / "again")
    simulate(config, tmp_path / "other", seed=config.seed + 1)
    first = digest_tree(simulated)
    assert digest_tree(tmp_path / "again") == first
    assert digest_tree(tmp_path / "other") != first


def test_a_folder_with_other_things_is_left_alone(config: SimulationConfig, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match=r"holds notes\.txt"):
        simulate(config, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_metadata_and_sheets_agree_with_the_files(simulated: Path, sheet: pd.DataFrame) -> None:
    assert not sheet.empty
    for row in sheet.to_dict("records"):
        path = row["path"]
        if row["source"] == "url":
            assert row["md5"] == checksum(path, "md5")
            continue
        home = path.parent if row["source"] == "fantom5" else path.parent.parent
        metadata = read_json(home / "metadata.json")
        assert metadata["accession"] == row["accession"]
        assert metadata["md5sum"] == checksum(path, "md5")
        assert metadata["file_size"] == path.stat().st_size


def test_bam(sheet: pd.DataFrame, world: World, tmp_path: Path) -> None:
    path = tmp_path / "reads.bam"
    path.write_bytes(path_of(sheet, "dnase_bam", "SIM1").read_bytes())
    pysam.index(str(path))
    assert pysam.quickcheck(str(path)) == ""
    with pysam.AlignmentFile(str(path)) as bam:
        assert bam.header.to_dict()["HD"]["SO"] == "coordinate"
        reads = list(bam)
        whole = bam.count("chr1", 0, 900_000, read_callback="nofilter")
    assert {read.query_length for read in reads} == {36}
    assert sum(read.reference_name == "chr1" for read in reads) == whole
    for name in ("is_duplicate", "is_secondary", "is_qcfail", "is_reverse"):
        assert any(getattr(read, name) for read in reads), name
    for read in reads[:: len(reads) // 50]:
        codes = world.genome[str(read.reference_name)]
        part = codes[read.reference_start : read.reference_end]
        assert read.query_sequence == "".join("ACGTN"[code] for code in part)


def test_bigwig_is_the_pile_up_of_the_bams(sheet: pd.DataFrame, tmp_path: Path) -> None:
    depth = np.zeros(900_000)
    for row in (0, 1):
        with pysam.AlignmentFile(str(path_of(sheet, "dnase_bam", "SIM1", row))) as bam:
            for read in bam:
                if read.reference_name == "chr1" and read.flag & ~16 == 0:
                    five = read.reference_end - 1 if read.is_reverse else read.reference_start
                    depth[max(0, five - 75) : five + 75] += 1
    with pyBigWig.open(str(path_of(sheet, "dnase_bigwig", "SIM1"))) as track:
        values = np.nan_to_num(track.values("chr1", 0, 900_000, numpy=True))
    unit = values[depth == 1][0]
    np.testing.assert_allclose(values / unit, depth, rtol=1e-5)


@pytest.mark.parametrize("resolution", [5_000, 10_000, 25_000])
def test_hic_normalises_as_its_vectors_say(
    sheet: pd.DataFrame, config: SimulationConfig, resolution: int
) -> None:
    file = hictk().File(str(path_of(sheet, "hic", "SIM1")), resolution)
    assert file.is_hic()
    assert set(file.avail_normalizations()) == set(NORMS)
    for chrom in config.chromosomes:
        raw = file.fetch(chrom).to_df()
        first = raw["bin1_id"].to_numpy() - file.bins().get_id(chrom, 0)
        second = raw["bin2_id"].to_numpy() - file.bins().get_id(chrom, 0)
        bins = -(-config.chromosomes[chrom] // resolution)
        vectors = norm_vectors(Pixels(bins, first, second, raw["count"].to_numpy()))
        for norm in NORMS:
            seen = file.fetch(chrom, normalization=norm).to_numpy("full")
            expected = raw["count"] / (vectors[norm][first] * vectors[norm][second])
            np.testing.assert_allclose(seen[first, second], expected, rtol=1e-5)
            if norm in ("KR", "SCALE"):
                sums = np.nansum(seen, axis=0)[np.isfinite(vectors[norm])]
                np.testing.assert_allclose(sums, sums.mean(), rtol=0.05)


def test_hic_straw_reads_the_same_values(sheet: pd.DataFrame) -> None:
    straw = pytest.importorskip("hicstraw")
    path = str(path_of(sheet, "hic", "SIM1"))
    for norm in ("NONE", *NORMS):
        records = straw.straw("observed", norm, path, "chr22", "chr22", "BP", 5_000)
        theirs = {(r.binX, r.binY): r.counts for r in records}
        file = hictk().File(path, 5_000)
        ours = file.fetch("chr22", normalization=norm, join=True).to_df()
        keys = list(zip(ours["start1"], ours["start2"], strict=True))
        found = np.array([theirs.get(key, np.nan) for key in keys])
        np.testing.assert_allclose(found, ours["count"], rtol=1e-5)


def test_mcool(sheet: pd.DataFrame) -> None:
    path = path_of(sheet, "hic", "SIM2")
    assert cooler.fileops.list_coolers(str(path)) == [
        f"/resolutions/{size}" for size in (5_000, 10_000, 25_000)
    ]
    clr = cooler.Cooler(f"{path}::/resolutions/5000")
    raw = clr.matrix(balance=False).fetch("chr22").astype(float)
    bins = clr.bins().fetch("chr22")
    vc = clr.matrix(balance="VC", divisive_weights=True).fetch("chr22")
    np.testing.assert_allclose(vc, raw / np.outer(bins["VC"], bins["VC"]), rtol=1e-5)
    sums = np.nansum(clr.matrix(balance=True).fetch("chr22"), axis=0)
    np.testing.assert_allclose(sums[bins["weight"].notna()], 1.0, rtol=0.05)
    matrix = hictk().File(f"{path}::/resolutions/5000")
    np.testing.assert_allclose(
        matrix.fetch("chr22", normalization="VC").to_numpy("full"), vc, rtol=1e-5
    )


def test_norm_vectors_keep_the_sum(world: World, config: SimulationConfig) -> None:
    pixels = observed(np.random.default_rng(0), world.contacts["SIM1"]["chr1"], config.contacts)
    for vector in norm_vectors(pixels).values():
        value = np.nan_to_num(pixels.count / (vector[pixels.row] * vector[pixels.column]))
        weight = np.where(pixels.row == pixels.column, 1, 2)
        assert (value * weight).sum() == pytest.approx((pixels.count * weight).sum(), rel=0.02)


def test_fasta_and_annotation(
    sheet: pd.DataFrame, world: World, config: SimulationConfig, tmp_path: Path
) -> None:
    plain = tmp_path / "genome.fa"
    plain.write_bytes(gzip.decompress(path_of(sheet, "fasta").read_bytes()))
    with pysam.FastaFile(str(plain)) as fasta:
        assert dict(zip(fasta.references, fasta.lengths, strict=True)) == config.chromosomes
        text = fasta.fetch("chr22")
    assert set("ACGTNacgt") <= set(text)
    assert text.upper() == "".join("ACGTN"[code] for code in world.genome["chr22"])
    genes = genes_from_gtf(path_of(sheet, "gtf"), list(config.chromosomes))
    expected = world.genes.set_index("gene_id").loc[genes["gene_id"]]
    assert len(genes) == len(world.genes)
    for column in ("chrom", "tss", "strand", "symbol"):
        assert list(genes[column]) == list(expected[column])


def test_annotation_gives_the_mrna_features(
    sheet: pd.DataFrame, world: World, config: SimulationConfig, tmp_path: Path
) -> None:
    plain = tmp_path / "genome.fa"
    plain.write_bytes(gzip.decompress(path_of(sheet, "fasta").read_bytes()))
    ids = list(world.genes["gene_id"])
    chromosomes = list(config.chromosomes)
    table = mrna_from_gtf(path_of(sheet, "gtf"), plain, chromosomes, ids)
    truth = mrna_features(world.genes, world.transcripts, world.genome)
    known = truth.notna().all(axis=1).to_numpy()
    for name in MRNA_FEATURES:
        seen = table.set_index("gene_id").loc[ids, name].to_numpy()[known]
        np.testing.assert_allclose(seen, truth[name][known], atol=1e-9)
