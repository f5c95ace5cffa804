"""The data set of a method, whatever it reads, from the files of a cell type."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

from gexpipe.data.activity import ElementActivity
from gexpipe.data.batches import Genes
from gexpipe.data.bins import BinData
from gexpipe.data.gene_features import GeneFeatures
from gexpipe.data.gene_tables import read_gene_tables
from gexpipe.data.loading import Loading
from gexpipe.data.mixed import MixedCells
from gexpipe.data.sources import Sources
from gexpipe.data.windows import WindowData
from gexpipe.errors import UserError
from gexpipe.log import get_logger
from gexpipe.methods.settings import MethodConfig
from gexpipe.windows.store import read_manifest

__all__ = ["Sources", "open_data"]

log = get_logger(__name__)


def open_data(sources: Sources, config: MethodConfig) -> Genes:
    """Open the data set that a method's declaration asks for.

    Raises
    ------
    UserError
        A file that the method reads is not given, or does not belong to the others.
    """
    if not config.declared.trained:
        raise UserError("a baseline is fitted (gexpipe baseline)", f"method {config.name}")
    opener = _OPENERS[config.declared.reads]
    if sources.mixed and not config.mixes:
        raise UserError("cell types are mixed for windows only", f"method {config.name}")
    return opener(sources, config)


def _windows(sources: Sources, config: MethodConfig) -> Genes:
    inputs = config.inputs
    sources.need(config.name, "sequence", "signals")
    if inputs.elements and sources.elements is None:
        raise UserError("this method reads elements: give --elements", f"method {config.name}")
    assert sources.sequence is not None and sources.signals is not None
    if inputs.own_promoter and sources.elements is not None:
        _check_own_promoters(sources.elements, config.name)
    cells = [
        WindowData(
            sources.sequence,
            signals,
            examples,
            sources.elements if inputs.elements else None,
            length=inputs.length,
            signal_names=list(inputs.signals),
            log_activity=inputs.log_activity,
            loading=Loading(**{f.name: getattr(inputs, f.name) for f in fields(Loading)}),
        )
        for signals, examples in [(sources.signals, sources.examples), *sources.mixed]
    ]
    return MixedCells(cells) if len(cells) > 1 else cells[0]


def _check_own_promoters(elements: Path, method: str) -> None:
    """Raise a `UserError` for an element store without the genes' own promoters."""
    folder, manifest = read_manifest(elements, "elements")
    nearest = manifest.get("nearest_kb")
    if nearest is None or nearest >= 1:
        found = "it is not said" if nearest is None else f"they begin {nearest} kb from the TSS"
        raise UserError(
            f"{method} reads the genes' own promoters among its elements (inputs.own_promoter); "
            f"whether this store has them: {found}. Give results/elements_from_tss/CELL.zarr",
            folder,
        )


def _element_activity(sources: Sources, config: MethodConfig) -> Genes:
    sources.need(config.name, "activity", "genome")
    assert sources.activity is not None and sources.genome is not None
    where = sources.activity, sources.genome, sources.examples
    if config.inputs.summits and sources.activity.stem != config.inputs.summits:
        log.warning("%s is for bins of the set %s", config.name, config.inputs.summits)
    return ElementActivity(*where, config.inputs.length, config.inputs.reverse_complement)


def _bins(sources: Sources, config: MethodConfig) -> Genes:
    sources.need(config.name, "bins")
    assert sources.bins is not None
    files = (sources.prompts, sources.bin_signals)
    return BinData(sources.bins, sources.examples, config.options, config.inputs, *files)


def _gene_features(sources: Sources, config: MethodConfig) -> Genes:
    sources.need(config.name, "links")
    tables = read_gene_tables(sources.examples, sources.gene_activity, sources.links)
    return GeneFeatures(tables, config.options.features)


_OPENERS: dict[str, Callable[[Sources, MethodConfig], Genes]] = {
    "windows": _windows,
    "element_activity": _element_activity,
    "bins": _bins,
    "gene_features": _gene_features,
}
