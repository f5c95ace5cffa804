"""What a configuration says of a model of others, without torch; refused before anything is run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gexpipe.errors import UserError
from gexpipe.extractors.sizes import SIZES, Layout, sizes_of
from gexpipe.files import require
from gexpipe.methods.options import least, one_of, parse, suggestion
from gexpipe.methods.outside import source_digest
from gexpipe.methods.settings import PRECISIONS

__all__ = [
    "BUILT_IN", "ExtractorSettings", "check_extractor", "extractor_source", "files_of",
    "read_settings",
]  # fmt: skip

# Name in the configuration -> what makes it. A folder's tensors say whether it is Flashzoi.
BUILT_IN = {
    "borzoi": "gexpipe.extractors.borzoi:Borzoi",
    "flashzoi": "gexpipe.extractors.borzoi:Borzoi",
    "enformer": "gexpipe.extractors.enformer:Enformer",
    "alphagenome": "gexpipe.extractors.alphagenome:AlphaGenome",
}


@dataclass(frozen=True)
class ExtractorSettings:
    """A model of others, and what is asked of it: an entry of ``extractors``.

    Attributes
    ----------
    model : str
        A key of `BUILT_IN`, or ``module:factory`` of one's own; the entry's name without it.
    weights : str
        Folder or file of the weights. One's own model may bring its own.
    targets : str
        Table of its tracks (`gexpipe.extractors.tracks`); the package's own without it.
    length : int
        Bases that it reads; 0: as many as it was trained with.
    window : int
        Bases around the TSS over which tracks are summed and embeddings averaged: the TSS lies in
        its middle, at [tss - window // 2, tss - window // 2 + window) for genes on the plus strand.
    reverse_complement : bool
        Average with what it says of the reverse complement, instead of the gene's strand alone.
    batch : int
        Windows a forward pass.
    precision : str
        32-true, or autocast: bf16-mixed, 16-mixed.
    options : dict
        What the factory is given beside ``weights``, ``targets`` and ``length``.
    """

    model: str = ""
    weights: str = ""
    targets: str = ""
    length: int = least(0, 0)
    window: int = least(384, 1)
    reverse_complement: bool = True
    batch: int = least(1, 1)
    precision: str = one_of("32-true", *PRECISIONS)
    options: dict = field(default_factory=dict)

    @property
    def place(self) -> str:
        """``module:factory`` of what makes it."""
        return BUILT_IN.get(self.model, self.model)

    def given(self) -> dict[str, Any]:
        """What its factory is given; what is empty is left out."""
        said = {"weights": self.weights, "targets": self.targets, "length": self.length}
        return {**{key: value for key, value in said.items() if value}, **self.options}


def read_settings(name: str, values: Mapping[str, Any]) -> ExtractorSettings:
    """Settings of an entry of ``extractors``; a `UserError` names what is unknown or illegal."""
    return parse(ExtractorSettings, {"model": name, **values}, f"extractors.{name}")


def check_extractor(name: str, values: Mapping[str, Any]) -> None:
    """Raise a `UserError` for a model that could not be asked, as far as is known without it.

    An unknown name, a module that is nowhere, weights or targets that are not there or of no such
    model, a length that it does not take, a window that is too long or no whole number of bins.
    """
    said, where = read_settings(name, values), f"extractors.{name}"
    if said.model not in BUILT_IN:
        module, _, factory = said.model.partition(":")
        if not factory:
            known = suggestion(said.model, BUILT_IN)
            raise UserError(f"{said.model!r}; {known}, or module:factory", f"{where}.model")
        if not source_digest(said.model):
            raise UserError(f"no module {module!r} here or installed", f"{where}.model")
    elif not said.weights:
        raise UserError("its weights are not given; expected your file or folder", where)
    files_of(said, where)
    if said.model in SIZES:
        Layout.of(sizes_of(said.model, said.weights, said.length, where), said.window, where)


def files_of(said: ExtractorSettings, where: str) -> list[Path]:
    """Files of the weights and the table of tracks; a `UserError` where they are not there."""
    files = [require(Path(said.targets).expanduser(), f"{where}.targets")] if said.targets else []
    if not said.weights:
        return files
    place = Path(said.weights).expanduser()
    if not place.exists():
        raise UserError(f"no such file or folder ({where}.weights)", place)
    below = sorted(p for p in place.iterdir() if p.is_file()) if place.is_dir() else [place]
    if not below:
        raise UserError(f"an empty folder ({where}.weights)", place)
    return [*below, *files]


def extractor_source(name: str, values: Mapping[str, Any]) -> str:
    """Digest of the source of one's own model; empty for those of `BUILT_IN`."""
    return source_digest(read_settings(name, values).place)
