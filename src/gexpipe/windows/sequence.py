"""Build the store of base codes: one per genome and gene set, shared by all cell types."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from pyfaidx import Fasta

from gexpipe.errors import UserError
from gexpipe.log import get_logger
from gexpipe.windows.arrays import Spec, check_length, window_of, write_arrays
from gexpipe.windows.layout import N_CODE, encode, pack_bases
from gexpipe.windows.store import Part, build_store, digest, source_record

__all__ = ["build_sequence", "check_inside"]

logger = get_logger(__name__)


@dataclass(frozen=True)
class _Bases:
    """Writes the bases of one chromosome; picklable, opens the FASTA itself."""

    fasta: Path
    chrom: str
    tss: np.ndarray
    length: int

    def __call__(self, folder: Path) -> None:
        with Fasta(str(self.fasta), as_raw=True) as genome:
            track = encode(genome[self.chrom][:])

        def block(genes: slice) -> dict[str, np.ndarray]:
            starts = (self.tss[genes] - self.length // 2).tolist()
            packed = [pack_bases(window_of(track, t, self.length, N_CODE)) for t in starts]
            return {
                "bases": np.stack([bases for bases, _ in packed]),
                "unknown": np.stack([unknown for _, unknown in packed]),
            }

        what = "2 bits a base, A 0 C 1 G 2 T 3, first base lowest; 0 where unknown"
        axes = {"axes": ["gene", "byte"], "bases_per_byte": 4}
        specs = {"bases": Spec((self.length // 4,), "uint8", what, axes, packed=True)}
        what = "packed bits, first base highest, 1 = N or off the chromosome"
        axes = {"axes": ["gene", "byte"], "bases_per_byte": 8}
        specs["unknown"] = Spec((self.length // 8,), "uint8", what, axes)
        write_arrays(folder, len(self.tss), specs, block)


def check_inside(genes: pd.DataFrame, size: int, length: int, fasta: Path) -> None:
    """Refuse a TSS off its chromosome; name the windows that leave it in one line."""
    tss, chrom = genes["tss"].to_numpy(), genes["chrom"].iloc[0]
    off = (tss < 0) | (tss >= size)
    if off.any():
        gene = genes["gene_id"].to_numpy()[off][0]
        raise UserError(
            f"TSS {tss[off][0]:,} of gene {gene} lies outside {chrom} (0-{size:,})", fasta
        )
    padded = (tss < length // 2) | (tss > size - length // 2)
    if padded.any():
        first = genes[padded].iloc[0]
        logger.warning(
            "%s (%s bp): %d windows of %s bp run off the chromosome, the first is %s (TSS %s); "
            "N and zero stand for what is missing",
            chrom, f"{size:,}", int(padded.sum()), f"{length:,}", first["gene_id"],
            f"{first['tss']:,}",
        )  # fmt: skip


def build_sequence(
    fasta: Path, genes: pd.DataFrame, length: int, out: Path, workers: int = 1
) -> None:
    """Write the base codes of every gene's window.

    Parameters
    ----------
    fasta : Path
        Genome (pyfaidx indexes it when no ``.fai`` is there).
    genes : DataFrame
        Gene table.
    length : int
        Window, bp, centred on the TSS; a multiple of 8.
    out : Path
        Store folder.
    workers : int
        Processes, one chromosome each at a time. A process holds one chromosome at a byte a base,
        its text while it is read, and the windows of one shard.
    """
    check_length(length)
    source = source_record(fasta)
    parts, lengths = [], {}
    with Fasta(str(fasta), as_raw=True) as genome:
        for chrom, rows in genes.groupby("chrom", sort=False):
            if chrom not in genome:
                raise UserError(f"no chromosome {chrom!r}, which the gene table has", fasta)
            lengths[str(chrom)] = len(genome[chrom])
            check_inside(rows, len(genome[chrom]), length, fasta)
            tss = rows["tss"].to_numpy(np.int64)
            recipe = digest("sequence", source["sha256"], chrom, length, tss.tolist())
            write = _Bases(Path(fasta), str(chrom), tss, length)
            parts.append(Part(f"{chrom}/sequence", recipe, write))
    manifest = {"kind": "sequence", "length": length, "sources": [source]}
    build_store(out, genes, lengths, parts, manifest, workers)
