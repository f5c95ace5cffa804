"""Build the store of base codes: one per genome and gene set, shared by all cell types."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from pyfaidx import Fasta

from gexpipe.errors import UserError
from gexpipe.log import get_logger
from gexpipe.windows.layout import CENTRE, N_CODE, centre_slice, encode, pack_bases
from gexpipe.windows.store import Spec, build_store, chromosome_rows, source_record, write_group

__all__ = ["build_sequence", "check_length", "families", "family_lengths", "window_of"]

logger = get_logger(__name__)


def window_of(track: np.ndarray, start: int, length: int, fill: float) -> np.ndarray:
    """``track[..., start : start + length]``, padded with ``fill`` where it leaves the chromosome.

    ``start`` is 0-based and may be negative.
    """
    size = track.shape[-1]
    low, high = max(start, 0), min(start + length, size)
    if low == start and high == start + length:
        return track[..., low:high]
    result = np.full((*track.shape[:-1], length), fill, track.dtype)
    if high > low:
        result[..., low - start : high - start] = track[..., low:high]
    return result


def check_length(length: int) -> None:
    """Refuse a window length that does not fill whole bytes."""
    if length < 8 or length % 8:
        raise UserError(f"{length} is not a positive multiple of 8", "config: windows.length")


@dataclass(frozen=True)
class _SequenceWriter:
    """Writes the bases of one chromosome; picklable, opens the FASTA itself."""

    fasta: Path
    genes: pd.DataFrame
    length: int

    def __call__(self, store: Path, chrom: str) -> None:
        rows = self.genes.loc[chromosome_rows(self.genes)[chrom]]
        with Fasta(str(self.fasta), as_raw=True) as genome:
            if chrom not in genome:
                raise UserError(f"no chromosome {chrom!r}, which the gene table has", self.fasta)
            track = encode(genome[chrom][:])
        tss = rows["tss"].to_numpy()
        off = (tss < 0) | (tss >= len(track))
        if off.any():
            gene = rows["gene_id"].to_numpy()[off][0]
            raise UserError(
                f"TSS {tss[off][0]:,} of gene {gene} lies outside {chrom} (0-{len(track):,})",
                self.fasta,
            )

        _say_padded(rows, tss, self.length, len(track))

        def block(genes: slice) -> dict[str, np.ndarray]:
            starts = tss[genes] - self.length // 2
            codes = np.stack([window_of(track, t, self.length, N_CODE) for t in starts])
            arrays = {}
            for prefix, part in families(codes):
                arrays[f"{prefix}bases"], arrays[f"{prefix}unknown"] = pack_bases(part)
            return arrays

        specs = {}
        for prefix, length in family_lengths(self.length):
            what = "2 bits a base, A 0 C 1 G 2 T 3, first base lowest"
            specs[f"{prefix}bases"] = Spec((length // 4,), "uint8", what)
            what = "packed bits, 1 = N or off the chromosome"
            specs[f"{prefix}unknown"] = Spec((length // 8,), "uint8", what)
        write_group(store, chrom, len(rows), specs, block)


def _say_padded(genes: pd.DataFrame, tss: np.ndarray, length: int, size: int) -> None:
    """One line that names the windows which leave their chromosome; they are padded with N."""
    padded = (tss < length // 2) | (tss > size - length // 2)
    if padded.any():
        first = genes[padded].iloc[0]
        logger.warning(
            "%s (%s bp): %d windows of %s bp run off the chromosome, the first is %s (TSS %s); "
            "N and zero stand for what is missing",
            first["chrom"], f"{size:,}", int(padded.sum()), f"{length:,}", first["gene_id"],
            f"{first['tss']:,}",
        )  # fmt: skip


def family_lengths(length: int) -> list[tuple[str, int]]:
    """Prefix and length of the arrays of a window: the whole, and its centre when it is longer."""
    return [("", length), ("centre_", CENTRE)] if length > CENTRE else [("", length)]


def families(values: np.ndarray) -> list[tuple[str, np.ndarray]]:
    """Split ``(..., L)`` into the families of `family_lengths`."""
    total = values.shape[-1]
    return [
        (prefix, values[..., centre_slice(total, length)])
        for prefix, length in family_lengths(total)
    ]


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
        Processes, one chromosome each at a time.
    """
    check_length(length)
    manifest = {
        "kind": "sequence",
        "length": length,
        "tss": genes["tss"].tolist(),
        "sources": [source_record(fasta)],
    }
    build_store(out, genes, _SequenceWriter(fasta, genes, length), manifest, workers)
