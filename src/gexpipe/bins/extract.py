"""Feature extractors: from the bases of a bin to named numbers; Sei is one, others plug in."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, get_type_hints

import numpy as np
import torch

from gexpipe.bins.classes import CLASSES, KEPT
from gexpipe.bins.sei import BIN, both_strands, encode_bins, load_sei, project, read_projection
from gexpipe.errors import UserError
from gexpipe.files import checksum

__all__ = ["Extractor", "SeiClasses", "open_extractor"]


class Extractor(Protocol):
    """What the feature store needs of an extractor.

    Attributes
    ----------
    labels, words : tuple of str
        Short names of the features, and the words that describe them.
    length : int
        Bases of a bin.
    recipe : str
        Changes whenever the features would.
    """

    labels: tuple[str, ...]
    words: tuple[str, ...]
    length: int
    recipe: str

    def __call__(self, codes: np.ndarray) -> np.ndarray:
        """Features of some bins, (bins, length) uint8 codes -> (bins, features) float32."""


class SeiClasses:
    """Scores of Sei's sequence classes without those of low signal: 33 features.

    Parameters
    ----------
    weights, projection : Path
        ``sei.pth`` and ``projvec_targets.npy`` of Sei's release.
    batch : int
        Bins a forward pass.
    """

    labels = tuple(CLASSES[i].label for i in KEPT)
    words = tuple(CLASSES[i].name for i in KEPT)
    length = BIN

    def __init__(self, weights: str | Path, projection: str | Path, batch: int = 64) -> None:
        network = load_sei(weights)
        classes = read_projection(projection, network.sizes.profiles, len(CLASSES))
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        self._network = network.to(self._device)
        self._projection = classes[list(KEPT)].to(self._device)
        self._batch = batch
        self.recipe = f"sei {checksum(weights)} {checksum(projection)}"

    @torch.inference_mode()
    def __call__(self, codes: np.ndarray) -> np.ndarray:
        """Features of some bins."""
        found = []
        for start in range(0, len(codes), self._batch):
            part = torch.from_numpy(codes[start : start + self._batch]).to(self._device)
            profiles = both_strands(self._network, encode_bins(part))
            found.append(project(profiles, self._projection).float().cpu().numpy())
        return np.concatenate(found)


def open_extractor(settings: Mapping[str, Any]) -> Extractor:
    """The extractor of a configuration, ``gta.extractor``.

    ``name`` is ``sei``, or ``module:factory`` of an importable package: a class that can be called,
    or a function annotated to return one. The other keys are given to it by name.

    Raises
    ------
    UserError
        When it cannot be imported or made; before it is called, when it makes no extractor.
    """
    options = {key: value for key, value in settings.items() if key != "name"}
    name, where = str(settings.get("name", "sei")), "config: gta.extractor"
    factory: Any = SeiClasses
    if name != "sei":
        module, _, attribute = name.partition(":")
        try:
            factory = getattr(import_module(module), attribute)
        except (ImportError, AttributeError, ValueError) as error:
            raise UserError(f"{name!r} cannot be imported ({error})", where) from error
        if not _makes_extractors(factory):
            raise UserError(
                f"{name} is neither a class with __call__ nor a function that says -> Extractor",
                where,
            )
    try:
        extractor: Extractor = factory(**options)
    except TypeError as error:
        raise UserError(f"{name}: {error}", where) from error
    absent = [
        part for part in ("labels", "words", "length", "recipe") if not hasattr(extractor, part)
    ]
    if absent:
        raise UserError(f"{name}: what it makes has no {absent[0]}", where)
    if len(set(extractor.labels)) != len(extractor.labels):
        raise UserError(f"{name}: two features have the same label", where)
    return extractor


def _makes_extractors(factory: Any) -> bool:
    """Whether a configuration's name is meant as a factory of extractors; nothing is called."""
    made = factory
    if inspect.isfunction(factory):
        try:
            made = get_type_hints(factory).get("return")
        except (NameError, TypeError):
            return False
    return isinstance(made, type) and any("__call__" in vars(base) for base in made.__mro__)
