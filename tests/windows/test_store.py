"""Window stores equal what pyBigWig, pyfaidx and the contact rows say."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pyBigWig
import pytest
import zarr
from pyfaidx import Fasta

from gexpipe.data.windows import WindowData
from gexpipe.errors import UserError
from gexpipe.windows import inspect as look
from gexpipe.windows.layout import CENTRE, encode, pack_bases, unpack_bases
from gexpipe.windows.reader import ShardedArray
from gexpipe.windows.sequence import build_sequence
from gexpipe.windows.store import MANIFEST, read_manifest, verify

LENGTH = 16_000
SIZES = {"chr1": 60_000, "chr3": 30_000, "chr22": 24_000}


def open_data(world: Path, length: int = LENGTH, elements: bool = False) -> WindowData:
    return WindowData(
        world / "sequence.zarr", world / "cell.zarr", world / "examples.parquet",
        world / "elements.zarr" if elements else None,
        length=length, signal_names=["H3K27ac", "DNase", "contact"],
    )  # fmt: skip


def truth(world: Path, row: int, length: int) -> tuple[np.ndarray, np.ndarray]:
    """Codes and raw signals of a window, read base by base from the source files."""
    genes = pd.read_csv(world / "genes.tsv", sep="\t")
    chrom, start = genes["chrom"][row], int(genes["tss"][row]) - length // 2
    codes = np.full(length, 4, np.uint8)
    signals = np.zeros((2, length))
    low, high = max(start, 0), min(start + length, SIZES[chrom])
    with Fasta(str(world / "genome.fa")) as fasta:
        codes[low - start : high - start] = encode(str(fasta[chrom][low:high]))
    for k, name in enumerate(("h3k27ac", "dnase")):
        with pyBigWig.open(str(world / f"{name}.bigWig")) as track:
            signals[k, low - start : high - start] = np.nan_to_num(track.values(chrom, low, high))
    return codes, signals


@pytest.mark.parametrize("length", [LENGTH, 9_000, 2_001, 130, 1])
def test_batches_equal_the_source_files(world: Path, length: int) -> None:
    batch = open_data(world, length).batch(np.arange(6))
    for row in range(6):
        codes, signals = truth(world, row, length)
        np.testing.assert_array_equal(batch.codes[row].numpy(), codes)
        np.testing.assert_allclose(
            batch.signals[row].float().numpy(), signals, rtol=2**-11, atol=3e-8
        )


@pytest.mark.parametrize("length", [12_000, 11_999])
def test_contact_is_expanded_bin_by_bin_and_zero_off_the_chromosome(
    world: Path, length: int
) -> None:
    data = open_data(world, length)
    dense = data.batch(np.arange(6)).dense()
    values = np.load(world / "contact.npy")
    for row, (chrom, tss) in enumerate(zip(data.table["chrom"], data.table["tss"], strict=True)):
        position = np.arange(length) + tss - length // 2
        inside = (position >= 0) & (position < SIZES[chrom])
        offset = np.clip(position // 5000 - tss // 5000 + 4, 0, 8)
        pseudocount = np.exp(-4.80 + 11.63 * 0.87) * np.exp(-0.87 * np.log(1_000_001))
        expected = np.where(inside, np.log10(1 + values[row, offset] + pseudocount), 0)
        np.testing.assert_allclose(dense.signals[row, 2].numpy(), expected, rtol=1e-5)


def test_direct_reader_is_bit_equal_to_zarr_python(world: Path) -> None:
    for store, count in (("cell.zarr", 2 * 4 + 2 + 3), ("sequence.zarr", 2)):
        members = zarr.open_group(world / store, mode="r").members(max_depth=None)
        arrays = [(name, found) for name, found in members if isinstance(found, zarr.Array)]
        assert len(arrays) == count * len(SIZES)
        for name, array in arrays:
            mine = ShardedArray(world / store / name)
            for row in range(array.shape[0]):
                np.testing.assert_array_equal(mine.read(row), array[row])


def test_masks_and_centre(world: Path) -> None:
    assert LENGTH > CENTRE
    batch = open_data(world, 2_000).batch(np.array([0]))
    assert batch.peaks[0].sum() == 500 - 0  # 29,000-29,500 lies in 29,000-31,000
    assert batch.peaks[0, :500].all()
    tracks = look.read_gene(world / "cell.zarr", "G0")
    assert not tracks["valid"]["DNase"].all()


def test_elements_are_stored_once_and_fill_slots_nearest_first(world: Path) -> None:
    data = open_data(world, 2_000, elements=True)
    elements = data.batch(np.array([0, 1, 2])).elements
    assert elements is not None and elements.codes.shape == (3, 5, 2000)
    np.testing.assert_allclose(elements.features[0, 1:3, 0].numpy(), [2.1, 3.2])
    assert (elements.codes[0, 1] == elements.codes[2, 1]).all()
    assert (elements.codes[1, 1:] == 4).all() and (elements.features[1] == 0).all()
    codes, _ = truth(world, 0, 2_000)
    np.testing.assert_array_equal(elements.codes[0, 0].numpy(), codes)
    bases = zarr.open_group(world / "elements.zarr", mode="r")["bases"]
    assert bases.shape[0] == 2


@pytest.mark.parametrize("length", [0, LENGTH + 1])
def test_a_length_that_is_not_stored_is_refused(world: Path, length: int) -> None:
    with pytest.raises(UserError, match=f"{length} bp asked; the stores hold 16000"):
        open_data(world, length)


def test_split_leaves_out_genes_without_target(world: Path) -> None:
    data = open_data(world)
    assert data.split(11, "train").tolist() == [0, 3, 5]
    with pytest.raises(UserError, match="no fold_5"):
        data.split(5, "train")


def test_rebuilding_gives_identical_bytes_also_in_parallel(world: Path, tmp_path: Path) -> None:
    genes = pd.read_csv(world / "genes.tsv", sep="\t")
    build_sequence(world / "genome.fa", genes, LENGTH, tmp_path / "again.zarr", workers=2)
    first = {
        p.relative_to(world / "sequence.zarr"): p.read_bytes()
        for p in (world / "sequence.zarr").rglob("*")
        if p.is_file()
    }
    again = {
        p.relative_to(tmp_path / "again.zarr"): p.read_bytes()
        for p in (tmp_path / "again.zarr").rglob("*")
        if p.is_file()
    }
    assert first == again


def test_unfinished_store_is_refused(world: Path, tmp_path: Path) -> None:
    (tmp_path / "half.zarr").mkdir()
    with pytest.raises(UserError, match="not a finished window store"):
        look.describe(tmp_path / "half.zarr")


def test_tss_off_the_chromosome_is_refused(world: Path, tmp_path: Path) -> None:
    genes = pd.read_csv(world / "genes.tsv", sep="\t")
    genes.loc[1, "tss"] = 24_000
    with pytest.raises(UserError, match="of gene G1 lies outside chr22"):
        build_sequence(world / "genome.fa", genes, LENGTH, tmp_path / "x.zarr")
    assert list(tmp_path.iterdir()) == []


def test_damaged_shard_is_named(world: Path, tmp_path: Path) -> None:
    shutil.copytree(world / "cell.zarr", tmp_path / "cell.zarr")
    shard = tmp_path / "cell.zarr/chr22/signals/DNase/values/c/0/0"
    shard.write_bytes(shard.read_bytes()[:-40])
    with pytest.raises(UserError, match="chr22/signals/DNase/values/c/0/0"):
        look.read_gene(tmp_path / "cell.zarr", "G1")


@pytest.mark.parametrize("place", [0.2, 0.5, 0.9, 0.999])
@pytest.mark.parametrize(
    ("store", "shard"),
    [
        ("cell.zarr", "signals/DNase/values/c/0/0"),
        ("cell.zarr", "masks/masks/c/0/0/0"),
        ("cell.zarr", "contact/bins/c/0/0"),
        ("sequence.zarr", "sequence/bases/c/0/0"),
        ("sequence.zarr", "sequence/unknown/c/0/0"),
    ],
)
def test_one_flipped_bit_is_noticed(
    world: Path, tmp_path: Path, store: str, shard: str, place: float
) -> None:
    shutil.copytree(world / store, tmp_path / store)
    path = tmp_path / store / "chr22" / shard
    data = bytearray(path.read_bytes())
    data[int(place * len(data))] ^= 8
    path.write_bytes(data)
    genes = json.loads((tmp_path / store / "manifest.json").read_text())["genes"]
    with pytest.raises(UserError, match=re.escape(str(path))):
        for gene in genes:
            look.read_gene(tmp_path / store, gene)
    with pytest.raises(UserError, match="not those that were written"):
        verify(tmp_path / store)


def test_a_missing_shard_is_an_error_not_zeros(world: Path, tmp_path: Path) -> None:
    shutil.copytree(world / "sequence.zarr", tmp_path / "s.zarr")
    assert verify(tmp_path / "s.zarr") == verify(world / "sequence.zarr") > 4
    shard = tmp_path / "s.zarr/chr22/sequence/bases/c/0/0"
    shard.unlink()
    with pytest.raises(UserError, match=f"{re.escape(str(shard))}: the shard is missing"):
        ShardedArray(tmp_path / "s.zarr/chr22/sequence/bases").read(0)
    with pytest.raises(UserError, match="1 of its 19 files are missing"):
        look.read_gene(tmp_path / "s.zarr", "G1")


@pytest.mark.parametrize("store", ["sequence.zarr", "cell.zarr", "elements.zarr"])
def test_a_manifest_without_its_arrays_is_refused(world: Path, tmp_path: Path, store: str) -> None:
    """As a storage keeps it that was told of nothing else; also one of an earlier version."""
    (tmp_path / store).mkdir()
    manifest = json.loads((world / store / MANIFEST).read_text())
    for known in (manifest, {k: v for k, v in manifest.items() if k != "files"}):
        (tmp_path / store / MANIFEST).write_text(json.dumps(known))
        with pytest.raises(UserError, match="are missing"):
            read_manifest(tmp_path / store)
    shutil.copytree(world / store, tmp_path / "whole")
    (tmp_path / "whole" / MANIFEST).write_text(json.dumps(known))
    read_manifest(tmp_path / "whole")


def test_what_a_workflow_leaves_in_a_store_is_none_of_it(world: Path, tmp_path: Path) -> None:
    shutil.copytree(world / "sequence.zarr", tmp_path / "s.zarr")
    (tmp_path / "s.zarr/.snakemake_timestamp").touch()
    assert verify(tmp_path / "s.zarr") == verify(world / "sequence.zarr")


def test_a_gene_is_found_by_id_or_symbol(world: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="'x' is the symbol of G0, G1, G2, G3, G4: give the id"):
        look.read_gene(world / "cell.zarr", "x")
    shutil.copytree(world / "cell.zarr", tmp_path / "cell.zarr")
    manifest = tmp_path / "cell.zarr/manifest.json"
    known = json.loads(manifest.read_text())
    manifest.write_text(json.dumps(known | {"symbols": ["A", "MYC", "B", "C", "D", "E"]}))
    found = look.read_gene(tmp_path / "cell.zarr", "MYC")
    expected = look.read_gene(world / "cell.zarr", "G1")
    np.testing.assert_array_equal(found["contact"], expected["contact"])
    manifest.write_text(json.dumps({k: v for k, v in known.items() if k != "symbols"}))
    assert look.read_gene(tmp_path / "cell.zarr", "G1")["resolution"] == 5000


def test_inspect_prints_and_draws(world: Path, tmp_path: Path) -> None:
    text = "\n".join(look.describe(world / "cell.zarr"))
    assert "6 genes" in text and "H3K27ac" not in text.split("\n")[0]
    assert "float16" in text
    look.draw_gene(world / "cell.zarr", "G0", tmp_path / "g.png")
    assert (tmp_path / "g.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(UserError, match="no gene 'nope'"):
        look.draw_gene(world / "cell.zarr", "nope", tmp_path / "h.png")


def test_packing_round_trip() -> None:
    codes = np.random.default_rng(1).integers(0, 5, (3, 64)).astype(np.uint8)
    np.testing.assert_array_equal(unpack_bases(*pack_bases(codes)), codes)


def test_log_activity_changes_only_the_last_feature(world: Path) -> None:
    plain = open_data(world, 2_000)
    logged = WindowData(
        world / "sequence.zarr", world / "cell.zarr", world / "examples.parquet",
        length=2_000, signal_names=["DNase"], log_activity=True,
    )  # fmt: skip
    raw, log = plain.batch(np.array([0])).features, logged.batch(np.array([0])).features
    np.testing.assert_array_equal(raw[:, :-1].numpy(), log[:, :-1].numpy())
    activity = plain.table["promoter_activity"].to_numpy()[0]
    np.testing.assert_allclose(log[0, -1].item(), np.log10(0.1 + activity), rtol=1e-6)


def test_windows_off_the_chromosome_are_named_in_one_line(
    world: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    genes = pd.read_csv(world / "genes.tsv", sep="\t")
    with caplog.at_level("WARNING", logger="gexpipe"):
        build_sequence(world / "genome.fa", genes, LENGTH, tmp_path / "s.zarr")
    lines = [r.getMessage() for r in caplog.records]
    assert len(lines) == 2  # chr1 has two such genes, chr3 one
    assert "chr1 (60,000 bp): 2 windows" in lines[0] and "G3" in lines[0]
    assert "chr3 (30,000 bp): 1 windows" in lines[1] and "G4" in lines[1]


def test_a_lost_or_damaged_chunk_of_elements_is_an_error(world: Path, tmp_path: Path) -> None:
    def opened() -> WindowData:
        return WindowData(
            world / "sequence.zarr", world / "cell.zarr", world / "examples.parquet",
            tmp_path / "elements.zarr", length=LENGTH, signal_names=[],
        )  # fmt: skip

    shutil.copytree(world / "elements.zarr", tmp_path / "elements.zarr")
    opened().batch(np.array([0]))
    chunk = tmp_path / "elements.zarr/features/c/0/0"
    data = bytearray(chunk.read_bytes())
    data[-3] ^= 1
    chunk.write_bytes(data)
    with pytest.raises(UserError, match=r"elements.zarr: a damaged chunk of features"):
        opened().batch(np.array([0]))
    data = opened()
    chunk.unlink()
    with pytest.raises(UserError, match=r"elements.zarr: 1 of 1 chunks of features are missing"):
        data.batch(np.array([0]))
    with pytest.raises(UserError, match=r"elements.zarr: 1 of its \d+ files are missing"):
        opened()
