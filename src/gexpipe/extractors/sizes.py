"""How long a model's window is and where its bins lie, read from its folder without torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gexpipe.errors import UserError
from gexpipe.files import read_json

__all__ = ["SIZES", "Layout", "Sizes", "model_config", "sizes_of"]

CONFIG = "config.json"


@dataclass(frozen=True)
class Sizes:
    """Bases that a model reads, bases of an output bin, and bins, which lie in the middle."""

    length: int
    bin: int
    bins: int


@dataclass(frozen=True)
class Layout:
    """Which bins are read, and where the TSS lies, in a window in the gene's direction.

    Attributes
    ----------
    length : int
        Bases of the window.
    tss : int
        0-based place of the TSS in it.
    first, count : int
        Bins that are read: [first, first + count) of the output.
    mirrored : int
        The first of the same bins when the window is reverse-complemented.
    """

    length: int
    tss: int
    first: int
    count: int
    mirrored: int

    @classmethod
    def of(cls, sizes: Sizes, window: int, where: str) -> Layout:
        """Bins that cover ``window`` bases with the TSS in their middle.

        Raises
        ------
        UserError
            No whole number of bins, or more of them than there are.
        """
        count, left = divmod(window, sizes.bin)
        if left or not count:
            found = f"{window}, expected a multiple of its bins of {sizes.bin} bp"
            raise UserError(found, f"{where}.window")
        if count > sizes.bins:
            found = f"{window}, longer than the {sizes.bins * sizes.bin} bp that it predicts"
            raise UserError(found, f"{where}.window")
        first = (sizes.bins - count) // 2
        cropped, odd = divmod(sizes.length - sizes.bins * sizes.bin, 2)
        if odd or cropped < 0:
            found = f"{sizes.bins} bins of {sizes.bin} bp do not lie in the middle of"
            raise UserError(f"{found} {sizes.length} bp", where)
        tss = cropped + first * sizes.bin + window // 2
        return cls(sizes.length, tss, first, count, sizes.bins - first - count)


def model_config(weights: str | Path) -> dict[str, Any]:
    """The folder's config.json; nothing for a file of weights alone: then sizes are published."""
    path = Path(weights).expanduser()
    if not path.is_dir():
        return {}
    if not (path / CONFIG).exists():
        raise UserError(f"no {CONFIG} beside the weights", path)
    return read_json(path / CONFIG)


def sizes_of(model: str, weights: str | Path, length: int, where: str) -> Sizes:
    """Sizes of a model of `SIZES` that is given windows of ``length`` bp (0: the trained length).

    Raises
    ------
    UserError
        It does not take windows of this length.
    """
    return SIZES[model](model_config(weights), length, f"{where}.length")


def _borzoi(config: Mapping[str, Any], length: int, where: str) -> Sizes:
    length = _multiple(length or 524_288, 128, where)
    return Sizes(length, 32, min(int(config.get("bins_to_return", 6144)), length // 32))


def _enformer(config: Mapping[str, Any], length: int, where: str) -> Sizes:
    width = 2 ** int(config.get("num_downsamples", 7))
    bins = int(config.get("target_length", 896))
    length = _multiple(length or 196_608, width, where)
    bins = length // width if bins < 0 else bins  # it says -1 for no cropping
    if length < bins * width:
        raise UserError(f"{length}, expected at least {bins * width}", where)
    return Sizes(length, width, bins)


def _alphagenome(config: Mapping[str, Any], length: int, where: str) -> Sizes:
    most = int(config.get("max_seq_len", 1_048_576))
    length = _multiple(length or most, 2048, where)
    if length > most:
        raise UserError(f"{length}, expected at most {most}", where)
    return Sizes(length, 128, length // 128)


def _multiple(length: int, step: int, where: str) -> int:
    if length % step:
        raise UserError(f"{length}, expected a multiple of {step}", where)
    return length


SIZES: dict[str, Callable[[Mapping[str, Any], int, str], Sizes]] = {
    "borzoi": _borzoi,
    "flashzoi": _borzoi,
    "enformer": _enformer,
    "alphagenome": _alphagenome,
}
