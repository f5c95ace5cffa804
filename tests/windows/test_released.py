"""Seq2Exp's data folder as a window store: what the authors' loader gives is what it holds."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pyBigWig
import pytest

from gexpipe.errors import UserError
from gexpipe.reference.genes import read_genes
from gexpipe.windows.inspect import read_gene
from gexpipe.windows.released import build_released
from tests.windows.conftest import SIZES

TOTAL, LENGTH = 20_000, 16_000


def vector(chrom: str, tss: int, rng: np.random.Generator) -> np.ndarray:
    """Contact as the release has it: a value a bin of 5 kb, 0 off the chromosome."""
    place = np.arange(tss - TOTAL // 2, tss + TOTAL // 2)
    of_bin = rng.gamma(1, 1, 100)
    return np.where((place >= 0) & (place < SIZES[chrom]), of_bin[place // 5000], 0.0)


@pytest.fixture
def release(world: Path, tmp_path: Path) -> tuple[Path, dict[str, np.ndarray]]:
    """A folder in the layout of the release, and its vectors."""
    data, rng = tmp_path / "GeneExp/promo_enhan_inter", np.random.default_rng(5)
    for place, name in (("H3K27ac", "h3k27ac"), ("DNase-seq", "dnase")):
        (data / place / "K562").mkdir(parents=True)
        (data / place / "K562" / f"ENCFF_{name}.bigWig").symlink_to(world / f"{name}.bigWig")
    peaks = data / "DNase-seq/K562/peaks/peaks_bigWig"
    peaks.mkdir(parents=True)
    with pyBigWig.open(str(peaks / "macs3.bigWig"), "w") as track:
        track.addHeader(list(SIZES.items()))
        track.addEntries(["chr1"], [29_000], ends=[29_500], values=[1.0])
    (data / "HiC/K562").mkdir(parents=True)
    genes, vectors = read_genes(world / "genes.tsv"), {}
    for chrom, rows in genes.groupby("chrom"):
        with h5py.File(data / f"HiC/K562/hic_feat_{chrom}.h5", "w") as file:
            for gene, tss in zip(rows["gene_id"], rows["tss"], strict=True):
                vectors[gene] = vector(str(chrom), tss, rng)
                if gene == "G2":
                    vectors[gene][:] = np.nan  # too little coverage
                file.create_dataset(f"{chrom}_{tss}", data=vectors[gene].tolist())
    return tmp_path / "GeneExp", vectors


def build(world: Path, root: Path, out: Path, **changes: object) -> Path:
    genes = read_genes(world / "genes.tsv").assign(**changes)
    build_released(root, "K562", genes, SIZES, LENGTH, out)
    return out


def test_the_store_holds_what_was_released(
    world: Path, release: tuple[Path, dict[str, np.ndarray]], tmp_path: Path
) -> None:
    root, vectors = release
    store = build(world, root, tmp_path / "K562.zarr")
    cut = slice((TOTAL - LENGTH) // 2, (TOTAL + LENGTH) // 2)
    for gene in read_genes(world / "genes.tsv").itertuples():
        tracks = read_gene(store, gene.gene_id)
        ours = read_gene(world / "cell.zarr", gene.gene_id)
        for name in ("H3K27ac", "DNase"):
            assert np.array_equal(tracks["signals"][name], ours["signals"][name])
        place = np.arange(gene.tss - LENGTH // 2, gene.tss + LENGTH // 2)
        inside = (place >= 0) & (place < SIZES[gene.chrom])
        bins = (np.arange(LENGTH) + tracks["contact_start"]) // 5000
        expected = np.log10(1 + np.nan_to_num(vectors[gene.gene_id][cut]))
        assert np.allclose(tracks["contact"][bins][inside], expected[inside], atol=1e-6)
    peaks = read_gene(store, "G0")["masks"]["peaks"]
    assert peaks.sum() == 500 and peaks[7_000:7_500].all()


def test_what_is_not_the_release_is_one_line(
    world: Path, release: tuple[Path, dict[str, np.ndarray]], tmp_path: Path
) -> None:
    root, _ = release
    with pytest.raises(UserError, match=r"no contact of 4 of 4 TSSs, such as chr1_30001 \(G0\)"):
        build(world, root, tmp_path / "a.zarr", tss=read_genes(world / "genes.tsv")["tss"] + 1)
    genes = read_genes(world / "genes.tsv")
    with pytest.raises(UserError, match=r"0 bigWigs of H1 .*cell types there: K562"):
        build_released(root, "H1", genes, SIZES, LENGTH, tmp_path / "a.zarr")
    path = root / "promo_enhan_inter/HiC/K562/hic_feat_chr22.h5"
    with h5py.File(path, "a") as file:
        file["chr22_12000"][9_000] = 99.0
    with pytest.raises(UserError, match="chr22_12000: its values are not constant in bins"):
        build(world, root, tmp_path / "a.zarr")
    with h5py.File(path, "w") as file:
        file.create_dataset("chr22_12000", data=[1.0] * 500)
    with pytest.raises(UserError, match=r"shape \(500,\), expected 16000 bases or more"):
        build(world, root, tmp_path / "a.zarr")
    path.write_bytes(b"no HDF5")
    with pytest.raises(UserError, match="not a readable HDF5 file"):
        build(world, root, tmp_path / "a.zarr")
    assert not (tmp_path / "a.zarr").exists()
