"""Windows of a cell type as plain arrays, for programs that do not know gexpipe's stores."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import zarr

from gexpipe.archive.folder import describe, seal
from gexpipe.errors import UserError
from gexpipe.files import aside
from gexpipe.log import progress
from gexpipe.schemas import EXAMPLES, read_stage
from gexpipe.windows.identity import check_genes
from gexpipe.windows.inspect import window_contact
from gexpipe.windows.layout import centre_slice, unpack_bases, unpack_bits
from gexpipe.windows.reader import ShardedArray
from gexpipe.windows.remote import Place
from gexpipe.windows.store import read_manifest

__all__ = ["PLAIN", "Windows", "export_plain"]

PLAIN = ("zarr", "hdf5", "torch")
BLOCK = 64  # genes written at once; one file of torch tensors
Arrays = dict[str, np.ndarray]
Append = Callable[[slice, Arrays], None]


@dataclass(frozen=True)
class Windows:
    """The windows of one cell type.

    Attributes
    ----------
    cell : str
        Its name.
    sequence, signals : Path
        Its window stores.
    examples : Path
        Its example table.
    length : int
        Central bases to give, bp; 0 for all that are stored.
    """

    cell: str
    sequence: Path
    signals: Path
    examples: Path
    length: int = 0


class _Reader:
    """Genes as plain arrays, in the order of the example table."""

    def __init__(self, windows: Windows) -> None:
        self._bases, bases = read_manifest(windows.sequence, "sequence")
        self._tracks, self.manifest = read_manifest(windows.signals, "signals")
        self.table = read_stage(windows.examples, EXAMPLES, "tss", "strand")
        for folder, manifest in ((self._bases, bases), (self._tracks, self.manifest)):
            check_genes(manifest, folder, self.table, windows.examples)
        self.stored = int(self.manifest["length"])
        self.length = windows.length or self.stored
        if not 0 < self.length <= self.stored or self.length % 2:
            raise UserError(f"{self.length}, expected an even number to {self.stored}", "--length")
        self.signals: list[str] = self.manifest["signals"]
        self._cut = centre_slice(self.stored, self.length)
        self._open: dict[Place, ShardedArray] = {}
        within = self.table.groupby("chrom", sort=False).cumcount()
        self._at = list(zip(self.table["chrom"].astype(str), within.astype(int), strict=True))

    def _read(self, store: Place, row: int, name: str) -> np.ndarray:
        chrom, within = self._at[row]
        path = store / chrom / name
        if path not in self._open:
            self._open[path] = ShardedArray(path)
        return self._open[path].read(within)

    def gene(self, row: int) -> Arrays:
        """Arrays of one gene, cut to the central bases."""
        bases = self._read(self._bases, row, "sequence/bases")
        codes = unpack_bases(bases, self._read(self._bases, row, "sequence/unknown"))
        masks = unpack_bits(self._read(self._tracks, row, "masks/masks"))
        found = {"sequence": codes[self._cut]}
        for name in self.signals:
            found[f"signals/{name}"] = self._read(self._tracks, row, f"signals/{name}/values")[
                self._cut
            ]
        for name, mask in zip(self.manifest["masks"], masks, strict=True):
            found[f"masks/{name}"] = mask[self._cut].astype(np.uint8)
        found["contact"] = self._contact(row)[self._cut]
        return found

    def _contact(self, row: int) -> np.ndarray:
        low, high = self._read(self._tracks, row, "contact/inside").tolist()
        bins = self._read(self._tracks, row, "contact/bins")
        start = int(self._read(self._tracks, row, "contact/start"))
        # Off the chromosome there is no bin, and no contact.
        inside = np.zeros(self.stored, np.float32)
        low, high = max(low, 0), min(high, self.stored)
        tracks = {"contact": bins, "contact_start": start + low}
        tracks["resolution"] = self.manifest["resolution"]
        inside[low:high] = window_contact(tracks, high - low)
        return inside

    def blocks(self) -> Iterator[tuple[slice, Arrays]]:
        """All genes, some at a time."""
        count = len(self.table)
        for first in progress(range(0, count, BLOCK), "genes", -(-count // BLOCK)):
            rows = range(first, min(first + BLOCK, count))
            genes = [self.gene(row) for row in rows]
            yield (
                slice(rows.start, rows.stop),
                {name: np.stack([gene[name] for gene in genes]) for name in genes[0]},
            )


DESCRIBED = {
    "sequence": "uint8: A 0, C 1, G 2, T 3, N or off the chromosome 4",
    "signals/NAME": "float16: the track as it is, 0 where it has no data or off the chromosome",
    "masks/NAME": "uint8: 1 inside an interval (peaks, blacklist, elements)",
    "contact": "float32: log10(1 + contact) with the TSS bin, 0 off the chromosome",
}


def export_plain(
    windows: Windows, form: str, out: Path, card: str, words: Mapping[str, str]
) -> int:
    """Write the windows of a cell type as a sealed folder; returns the number of its files.

    Parameters
    ----------
    windows : Windows
        What to write.
    form : {"zarr", "hdf5", "torch"}
        ``windows.zarr`` (format 2, read by every zarr), ``windows.h5``, or ``genes_NNNNN.pt``: a
        dict of tensors of `BLOCK` genes each. All arrays are (genes, length).
    out : Path
        A folder that is not there yet.
    card : str
        Its page; the table of arrays is added.
    words : mapping
        ``title`` and ``licence``.
    """
    if form not in PLAIN:
        raise UserError(f"{form!r} is not one of {', '.join(PLAIN)}", "--format")
    if out.exists():
        raise UserError("it is there already", out)
    reader = _Reader(windows)
    writers = {"zarr": _zarr, "hdf5": _hdf5, "torch": _torch}
    with aside(out) as temporary:
        temporary.mkdir()
        with writers[form](temporary, len(reader.table), reader.length) as append:
            for rows, arrays in reader.blocks():
                append(rows, arrays)
        reader.table.to_csv(temporary / "genes.tsv", sep="\t", index=False, lineterminator="\n")
        shutil.copyfile(windows.examples, temporary / "genes.parquet")
        describe(temporary, "plain", form=form, cells=[windows.cell], length=reader.length, **words)
        listed = "\n".join(f"| `{name}` | {what} |" for name, what in DESCRIBED.items())
        text = (
            f"{card}\n## Arrays\n\nRow i is row i of genes.tsv.\n\n| array | holds |\n|---|---|\n"
        )
        (temporary / "DATA_CARD.md").write_text(f"{text}{listed}\n", encoding="utf-8")
        return seal(temporary)


@contextmanager
def _zarr(folder: Path, genes: int, length: int) -> Iterator[Append]:
    group = zarr.open_group(folder / "windows.zarr", mode="w-", zarr_format=2)

    def append(rows: slice, arrays: Arrays) -> None:
        for name, values in arrays.items():
            if name not in group:
                group.create_array(
                    name, shape=(genes, length), dtype=values.dtype,
                    chunks=(1 if length > 20_000 else BLOCK, length),
                )  # fmt: skip
            array: Any = group[name]
            array[rows] = values

    yield append


@contextmanager
def _hdf5(folder: Path, genes: int, length: int) -> Iterator[Append]:
    with h5py.File(folder / "windows.h5", "w") as file:

        def append(rows: slice, arrays: Arrays) -> None:
            for name, values in arrays.items():
                if name not in file:
                    file.create_dataset(
                        name, shape=(genes, length), dtype=values.dtype, chunks=(1, length),
                        compression="gzip", compression_opts=1, shuffle=True,
                    )  # fmt: skip
                file[name][rows] = values

        yield append


@contextmanager
def _torch(folder: Path, genes: int, length: int) -> Iterator[Append]:
    import torch

    def append(rows: slice, arrays: Arrays) -> None:
        tensors = {name: torch.from_numpy(values) for name, values in arrays.items()}
        torch.save(tensors, folder / f"genes_{rows.start:05d}.pt")

    yield append
