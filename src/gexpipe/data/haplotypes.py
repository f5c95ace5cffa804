"""Windows whose bases are those of haplotypes; everything measured stays as it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from pyfaidx import Fasta

from gexpipe.batch import Batch
from gexpipe.data.windows import WindowData
from gexpipe.errors import UserError
from gexpipe.reference.variants import Variant, haplotype, same_reference
from gexpipe.windows.layout import encode

__all__ = ["HaplotypeWindows"]

_COMPLEMENT = np.array([3, 2, 1, 0, 4], np.uint8)


class HaplotypeWindows:
    """A data set with a row for each haplotype of a gene.

    Signals, masks, contact, features and targets are the gene's; bases are replaced as
    `gexpipe.reference.variants.haplotype` says, on the strand on which the model reads them.

    Parameters
    ----------
    data : WindowData
        The genes.
    genome : Path
        Indexed FASTA, the one that the stores were made of.
    haplotypes : sequence of (int, tuple of Variant)
        Row of ``data``, and the variants of the haplotype by position; no variant is the reference.

    Attributes
    ----------
    skipped : int
        Variants whose bases another one of the same haplotype has, in the batches read so far.
    """

    def __init__(
        self, data: WindowData, genome: Path, haplotypes: Sequence[tuple[int, tuple[Variant, ...]]]
    ) -> None:
        self._data, self._haplotypes = data, haplotypes
        self._genome = Fasta(str(genome), as_raw=True, sequence_always_upper=True)
        self._path = genome
        self.fingerprint = data.fingerprint
        self.skipped = 0

    @property
    def table(self) -> pd.DataFrame:
        """Example table, a row a haplotype."""
        return self._data.table.iloc[[row for row, _ in self._haplotypes]]

    @property
    def gene_ids(self) -> list[str]:
        """Gene ids in row order."""
        return list(self.table["gene_id"])

    def split(self, fold: int, part: str) -> np.ndarray:
        """Rows of the haplotypes of one part of a fold."""
        chosen = set(self._data.split(fold, part).tolist())
        return np.flatnonzero([row in chosen for row, _ in self._haplotypes])

    def batch(self, rows: np.ndarray, draw: np.random.Generator | None = None) -> Batch:
        """Read haplotypes; nothing is drawn."""
        chosen = [self._haplotypes[row] for row in np.asarray(rows).tolist()]
        batch = self._data.batch(np.array([row for row, _ in chosen], np.int64))
        codes = [
            self._codes(row, variants, stored)
            for (row, variants), stored in zip(chosen, batch.codes.numpy(), strict=True)
        ]
        return replace(batch, codes=torch.from_numpy(np.stack(codes)))

    def _codes(self, row: int, variants: tuple[Variant, ...], stored: np.ndarray) -> np.ndarray:
        gene, length = self._data.table.iloc[row], self._data.length
        chrom, tss = str(gene["chrom"]), int(gene["tss"])
        low = tss - length // 2
        turned = self._data.loading.strand == "gene" and gene["strand"] == "-"

        def bases(start: int, end: int) -> str:
            size = len(self._genome[chrom])
            inside = self._genome[chrom][max(0, start) : max(0, min(end, size))] if end > 0 else ""
            return (
                "N" * min(max(0, -start), end - start)
                + inside
                + "N" * max(0, end - max(size, start))
            )

        def read(text: str) -> np.ndarray:
            codes = encode(text)
            return np.ascontiguousarray(_COMPLEMENT[codes][::-1]) if turned else codes

        if not np.array_equal(read(bases(low, low + length)), stored):
            raise UserError(
                f"its bases around {gene['gene_id']} are not those of the window store: give the "
                "genome that the store was made of",
                self._path,
            )
        for variant in variants:
            same_reference(bases(variant.start, variant.end), variant.start, variant, chrom)
        text, skipped = haplotype(bases, variants, tss, low, low + length)
        self.skipped += skipped
        return read(text)
