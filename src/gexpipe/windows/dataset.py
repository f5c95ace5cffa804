"""What training reads: one data set class over the stores and the example table of a cell type."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
import zarr
from torch import Tensor

from gexpipe.errors import UserError
from gexpipe.files import require
from gexpipe.reference.examples import FEATURES
from gexpipe.windows.batch import Batch, Elements
from gexpipe.windows.elements import ELEMENT_ARRAYS
from gexpipe.windows.layout import CENTRE, N_CODE, centre_slice, unpack_bases, unpack_bits
from gexpipe.windows.reader import ShardedArray
from gexpipe.windows.store import read_manifest

__all__ = ["CONTACT", "WindowData"]

# Name under which the contact bins are asked for among the signals.
CONTACT = "contact"
# Added to an activity before its logarithm.
ACTIVITY_OFFSET = 0.1


class WindowData:
    """Genes of one cell type: windows, elements, features, targets and splits.

    Opens nothing until it is read, so that it can be sent to loader workers by fork or spawn.

    Parameters
    ----------
    sequence, signals : Path
        Window stores (folder or manifest): bases; signals, masks and contact.
    examples : Path
        Example table of the cell type (`gexpipe reference examples`), rows in the stores' order.
    elements : Path, optional
        Element store, for methods that read promoter and elements.
    length : int
        Bases to give, centred on the TSS; at most the stored length.
    signal_names : list of str
        Signals to give, in this order; ``contact`` stands for the contact bins.
    log_activity : bool
        Give the promoter activity (last gene feature) as log10(0.1 + x).

    Attributes
    ----------
    table : DataFrame
        The example table.
    fingerprint : str
        sha256 over the fingerprints of everything read; training records it.
    """

    def __init__(
        self,
        sequence: Path,
        signals: Path,
        examples: Path,
        elements: Path | None = None,
        *,
        length: int,
        signal_names: list[str],
        log_activity: bool = False,
    ) -> None:
        self._sequence, bases = read_manifest(sequence)
        self._signals, tracks = read_manifest(signals)
        self.table = pd.read_parquet(require(examples, "example table"))
        self.length = length
        stored = int(bases["length"])
        if tracks["length"] != stored:
            raise UserError(f"windows of {tracks['length']} bp, the bases have {stored}", signals)
        if length > stored or length % 2:
            raise UserError(f"{length} bp asked (even, at most {stored})", "method: inputs.length")
        self._check_genes(bases, self._sequence, examples)
        self._check_genes(tracks, self._signals, examples)
        self._prefix, self._stored = (
            ("centre_", CENTRE) if length <= CENTRE < stored else ("", stored)
        )
        self._offset = stored // 2 - length // 2
        self.resolution = int(tracks["resolution"])
        self._masks: list[str] = tracks["masks"]
        self._choose_signals(signal_names, tracks["signals"])
        self._at = self._rows_in_groups()
        self._arrays: dict[tuple[str, str], ShardedArray] = {}
        features = self.table[FEATURES].to_numpy(np.float64, copy=True)
        if log_activity:
            features[:, -1] = np.log10(ACTIVITY_OFFSET + features[:, -1])
        self._features = torch.tensor(features, dtype=torch.float32)
        self._target = torch.tensor(self.table["target"].to_numpy(np.float32))
        self._elements: _ElementReader | None = None
        parts = [bases["fingerprint"], tracks["fingerprint"], _table_digest(self.table)]
        if elements is not None:
            folder, links = read_manifest(elements)
            self._check_genes(links, folder, examples)
            self._elements = _ElementReader(folder, links)
            parts.append(links["fingerprint"])
        self.fingerprint = hashlib.sha256("".join(parts).encode()).hexdigest()

    @property
    def gene_ids(self) -> list[str]:
        """Gene ids in row order."""
        return self.table["gene_id"].tolist()

    def __len__(self) -> int:
        return len(self.table)

    def split(self, fold: int, part: str) -> np.ndarray:
        """Rows of one part of a fold that have a target; a `UserError` when there are none."""
        column = f"fold_{fold}"
        if column not in self.table:
            raise UserError(f"no {column} in the example table", "config: splits.fold")
        chosen = (self.table[column] == part) & self.table["target"].notna()
        rows = np.flatnonzero(chosen.to_numpy())
        if not len(rows):
            raise UserError(f"no gene with a target in the {part} part", f"fold {fold}")
        return rows

    def batch(self, rows: np.ndarray) -> Batch:
        """Read the genes in ``rows``; signals stay float16 and contact stays binned."""
        windows = [self._window(int(row)) for row in rows]
        index = torch.as_tensor(np.asarray(rows, dtype=np.int64))
        contact, start, inside = None, None, None
        if self.contact_channel is not None:
            contact = torch.as_tensor(np.stack([w["contact"] for w in windows]))
            start = torch.as_tensor(np.array([w["start"] for w in windows], np.int64))
            inside = _stack(windows, "inside")
        return Batch(
            gene=index,
            codes=_stack(windows, "codes"),
            signals=_stack(windows, "signals"),
            features=self._features[index],
            target=self._target[index],
            peaks=_stack(windows, "peaks"),
            blacklist=_stack(windows, "blacklist"),
            contact=contact,
            contact_start=start,
            inside=inside,
            contact_channel=self.contact_channel or 0,
            resolution=self.resolution,
            elements=self._elements.read(rows, self._promoters) if self._elements else None,
        )

    def _check_genes(self, manifest: dict[str, Any], store: Path, examples: Path) -> None:
        if manifest["genes"] != self.table["gene_id"].tolist():
            raise UserError(f"its genes are not those of {examples}, in the same order", store)

    def _choose_signals(self, names: list[str], stored: list[str]) -> None:
        base = [name for name in names if name != CONTACT]
        unknown = [name for name in base if name not in stored]
        if unknown:
            raise UserError(
                f"no signal {unknown[0]!r}; the store has {', '.join([*stored, CONTACT])}",
                "method: inputs.signals",
            )
        self._signal_rows = [stored.index(name) for name in base]
        self.signal_names = names
        self.contact_channel = names.index(CONTACT) if CONTACT in names else None

    def _rows_in_groups(self) -> list[tuple[str, int]]:
        """Row of the table -> (chromosome, row within its group)."""
        within = self.table.groupby("chrom", sort=False).cumcount()
        return list(zip(self.table["chrom"].astype(str), within.astype(int), strict=True))

    def _array(self, store: Path, row: int, name: str) -> tuple[ShardedArray, int]:
        chrom, within = self._at[row]
        key = (chrom, name)
        if key not in self._arrays:
            self._arrays[key] = ShardedArray(store / chrom / name)
        return self._arrays[key], within

    def _read(self, store: Path, row: int, name: str) -> np.ndarray:
        array, within = self._array(store, row, name)
        return array.read(within)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_arrays": {}}

    def _codes(self, row: int, prefix: str) -> np.ndarray:
        return unpack_bases(
            self._read(self._sequence, row, f"{prefix}bases"),
            self._read(self._sequence, row, f"{prefix}unknown"),
        )

    def _window(self, row: int) -> dict[str, Any]:
        cut = centre_slice(self._stored, self.length)
        masks = self._read(self._signals, row, f"{self._prefix}masks")
        window: dict[str, Any] = {
            "codes": self._codes(row, self._prefix)[cut],
            "peaks": unpack_bits(masks[self._masks.index("peaks")])[cut],
            "blacklist": unpack_bits(masks[self._masks.index("blacklist")])[cut],
        }
        if self._signal_rows:
            signals = self._read(self._signals, row, f"{self._prefix}signals")
            window["signals"] = signals[self._signal_rows, cut]
        else:
            window["signals"] = np.zeros((0, self.length), np.float16)
        if self.contact_channel is not None:
            window["contact"] = self._read(self._signals, row, "contact")
            start = self._read(self._signals, row, "contact_start")
            window["start"] = int(start) + self._offset
            window["inside"] = self._read(self._signals, row, "inside") - self._offset
        return window

    def _promoters(self, row: int, slot: int) -> np.ndarray:
        """(slot,) codes centred on the TSS of one gene."""
        codes = self._codes(row, self._prefix)
        if len(codes) < slot:
            raise UserError(f"stored windows are shorter than {slot} bp", "config: elements.slot")
        return codes[centre_slice(len(codes), slot)]


class _ElementReader:
    """Promoter and element slots of a batch, from an element store."""

    def __init__(self, folder: Path, manifest: dict[str, Any]) -> None:
        self.slot = int(manifest["slot"])
        self.most = int(manifest["max_elements"])
        self._folder = folder
        self._data: dict[str, np.ndarray] | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_data": None}

    def _load(self) -> dict[str, np.ndarray]:
        # Links and packed bases are small (75 MB for 150,000 elements): read once per process.
        if self._data is None:
            group = zarr.open_group(self._folder, mode="r")
            self._data = {name: np.asarray(group[name]) for name in ELEMENT_ARRAYS}
        return self._data

    def read(self, rows: np.ndarray, promoter: Any) -> Elements:
        data = self._load()
        codes = np.full((len(rows), self.most + 1, self.slot), N_CODE, np.uint8)
        features = np.zeros((len(rows), self.most + 1, data["features"].shape[1]), np.float32)
        for k, row in enumerate(rows):
            codes[k, 0] = promoter(int(row), self.slot)
            low, high = data["offset"][row], data["offset"][row + 1]
            chosen = data["element"][low:high][: self.most]
            n = len(chosen)
            codes[k, 1 : n + 1] = unpack_bases(data["bases"][chosen], data["unknown"][chosen])
            features[k, 1 : n + 1] = data["features"][low : low + n]
        return Elements(torch.from_numpy(codes), torch.from_numpy(features))


def _stack(windows: list[dict[str, Any]], name: str) -> Tensor:
    return torch.from_numpy(np.stack([window[name] for window in windows]))


def _table_digest(table: pd.DataFrame) -> str:
    hashed = pd.util.hash_pandas_object(table, index=False).to_numpy()
    return hashlib.sha256(hashed.tobytes()).hexdigest()
