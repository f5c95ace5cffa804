"""Options of methods that read what a model of others says at the TSS."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from gexpipe.errors import UserError
from gexpipe.methods.options import one_of

__all__ = ["RidgeOptions", "TrackOptions", "ZeroShotOptions"]


@dataclass(frozen=True)
class TrackOptions:
    """Which model, and which of its tracks.

    Attributes
    ----------
    extractor : str
        An entry of the configuration's ``extractors``.
    tracks : tuple of str
        Identifiers of tracks, or regular expressions that are looked for in their descriptions; in
        them ``{cell}`` is the cell type (its ``published_as`` where it has one) as a word of its
        own: H1 is not found in NCI-H1385.
    cells : dict
        Cell type -> such a list, in the place of ``tracks``, where descriptions call it otherwise.
    indices : tuple of int
        Tracks by their 0-based number in the model's output, in the place of ``tracks``.
    strand : str
        Tracks with a strand that count: ``both``, or the ``same`` as the gene's.
    """

    extractor: str = ""
    tracks: tuple[str, ...] = ()
    cells: dict = field(default_factory=dict)
    indices: tuple[int, ...] = ()
    strand: str = one_of("both", "both", "same")

    def named(self, cell: str) -> list[str]:
        """What is looked for of a cell type."""
        texts = self.cells.get(cell, self.tracks)
        alone = rf"(?<![A-Za-z0-9]){re.escape(cell)}(?![A-Za-z0-9])"
        return [text.replace("{cell}", alone) for text in texts]

    def check(self, where: str) -> None:
        """Raise a `UserError` for what can mean no track of any model."""
        for cell, texts in self.cells.items():
            if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
                raise UserError(f"found {texts!r}, expected a list", f"{where}.cells.{cell}")
        for text in [*self.tracks, *(text for texts in self.cells.values() for text in texts)]:
            try:
                re.compile(text.replace("{cell}", "cell"))
            except re.error as error:
                found = f"{text!r} is no regular expression ({error})"
                raise UserError(found, f"{where}.tracks") from error
        if any(number < 0 for number in self.indices):
            raise UserError(f"{min(self.indices)}, expected 0 or more", f"{where}.indices")


@dataclass(frozen=True)
class ZeroShotOptions(TrackOptions):
    """The sum of some tracks at the TSS, untrained; as `TrackOptions`."""

    tracks: tuple[str, ...] = ("CAGE.*{cell}",)


@dataclass(frozen=True)
class RidgeOptions(TrackOptions):
    """Ridge regression on what a model says at the TSS; tracks as `TrackOptions`.

    Attributes
    ----------
    features : str
        ``embedding``, ``tracks`` (log10(1 + x); all where none is named), or ``both``.
    """

    features: str = one_of("embedding", "embedding", "tracks", "both")

    def check(self, where: str) -> None:
        """The same, and tracks that are named but not read."""
        super().check(where)
        if self.features == "embedding" and (self.tracks or self.indices or self.cells):
            raise UserError("embedding, with tracks that it does not read", f"{where}.features")
