"""What people import: ``import gexpipe as gx``. Ten lines from a finished run to a drawn locus."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from gexpipe.errors import UserError
from gexpipe.files import require

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from gexpipe.data.batches import Genes
    from gexpipe.data.sources import Sources
    from gexpipe.methods.settings import MethodConfig
    from gexpipe.models.base import ExpressionModel

__all__ = ["Data", "Model", "draw", "open_data", "open_model", "predict", "scores"]


class Data:
    """Genes of one cell type as examples; a `torch.utils.data.Dataset` in all but name.

    ``len(data)`` is the number of genes. ``data[i]`` is a dict: ``x`` (channels, L) float32, bases
    as A, C, G, T and then the signals, raw but for contact, which is log10(1 + x); ``features``
    (9,) float32, eight mRNA features and the promoter activity; ``target`` () float32, NaN where
    unknown; ``gene_id``. Base i of a window is ``tss - L // 2 + i`` (0-based, forward strand).

    Attributes
    ----------
    table : DataFrame
        gene_id, symbol, chrom, tss, strand, mRNA features, target, fold_1 ... fold_12.
    channels : list of str
        Names of the channels of ``x``.
    sources : Sources
        Files of the cell type.
    """

    def __init__(self, sources: Sources, length: int | None, signals: list[str] | None) -> None:
        from gexpipe.data.windows import CONTACT, WindowData
        from gexpipe.windows.store import read_manifest

        sources.need("open_data", "sequence", "signals")
        assert sources.sequence is not None and sources.signals is not None
        self.sources = sources
        stored = read_manifest(sources.signals, "signals")[1]
        names = [*stored["signals"], CONTACT] if signals is None else list(signals)
        self._windows = WindowData(
            sources.sequence, sources.signals, sources.examples,
            length=length or stored["length"], signal_names=names,
        )  # fmt: skip
        self.channels = [*"ACGT", *names]

    @property
    def table(self) -> pd.DataFrame:
        """The example table, a row a gene."""
        return self._windows.table

    def __len__(self) -> int:
        return len(self._windows)

    def __getitem__(self, i: int) -> dict[str, Any]:
        if not -len(self) <= i < len(self):
            raise IndexError(i)
        import torch

        row = range(len(self))[i]
        batch = self._windows.batch(np.array([row])).dense()
        x = torch.cat([batch.sequence().transpose(1, 2), batch.signals], dim=1)
        found = {"x": x[0], "features": batch.features[0], "target": batch.target[0]}
        return {**found, "gene_id": self._windows.gene_ids[row]}

    def row(self, gene: str) -> int:
        """Row of a gene, by id or symbol; a `UserError` when there is none."""
        from gexpipe.reference.genes import find_gene

        return self._windows.gene_ids.index(find_gene(self.table, gene)["gene_id"])

    def read_by(self, config: MethodConfig) -> Genes:
        """The same genes, as a method reads them."""
        from gexpipe.data.open import open_data as opened

        return opened(self.sources, config)


@dataclass(frozen=True)
class Model:
    """A trained method.

    Attributes
    ----------
    network : ExpressionModel
        On the GPU where there is one, in evaluation mode.
    config : MethodConfig
        What it is, reads, and was trained with.
    fold : int
        Fold that it was trained on; 11 for the authors' checkpoints, which do not say it.
    """

    network: ExpressionModel
    config: MethodConfig
    fold: int


def open_data(
    place: str | Path | None = None,
    cell: str | None = None,
    *,
    length: int | None = None,
    signal_names: list[str] | None = None,
    **files: str | Path,
) -> Data:
    """Open the windows, features and targets of a cell type.

    Parameters
    ----------
    place, cell : path, str
        Folder in which the workflow ran, and a cell type of it.
    length : int, optional
        Bases around the TSS; all that are stored by default.
    signal_names : list of str, optional
        Signals in this order, ``contact`` for contact; all that are stored by default.
    **files : path
        Instead of a folder, or in place of its files: ``sequence``, ``signals`` and ``elements``
        (stores), ``examples`` (table), ``activity`` (element table), ``genome``; see
        `gexpipe.data.sources.Sources`.

    Raises
    ------
    UserError
        A file is missing, or files do not belong together (genes, TSSs, strands, genomes).
    """
    from gexpipe.data.sources import Sources, sources_of

    known = {field.name for field in fields(Sources)} - {"mixed"}
    unknown = sorted(set(files) - known)
    if unknown:
        raise UserError(f"no file {unknown[0]!r}; known: {', '.join(sorted(known))}", "open_data")
    given = {name: Path(path) for name, path in files.items()}
    if place is None:
        if "examples" not in given:
            raise UserError("give a folder and a cell type, or examples=...", "open_data")
        return Data(Sources(**given), length, signal_names)  # type: ignore[arg-type]
    if cell is None:
        raise UserError("give the cell type too", "open_data")
    return Data(sources_of(Path(place), cell, **given), length, signal_names)


def open_model(checkpoint: str | Path, method: str | None = None) -> Model:
    """Open ``best.ckpt`` of a run, or a checkpoint of a method's authors.

    Parameters
    ----------
    checkpoint : path
        Nothing in the file is executed.
    method : str, optional
        Method file (config/methods/NAME.yaml) that the authors' checkpoint holds.
    """
    import torch

    from gexpipe.methods.merged import read_method
    from gexpipe.models.checkpoint import open_checkpoint
    from gexpipe.prediction.files import FOLD

    held = read_method(method) if method else None
    network, config, fold = open_checkpoint(Path(checkpoint), held)
    network.to("cuda" if torch.cuda.is_available() else "cpu").eval()
    return Model(network, config, fold or FOLD)


def predict(model: Model, data: Data, split: str = "test", fold: int | None = None) -> pd.DataFrame:
    """Predicted expression of the genes of a part of a fold.

    Parameters
    ----------
    model, data : Model, Data
        Of `open_model` and `open_data`; the model reads what it was trained on.
    split : {"train", "valid", "test"}
        Part of the fold.
    fold : int, optional
        The model's own by default.

    Returns
    -------
    DataFrame
        gene_id, symbol, chrom, fold, split, observed, predicted (log10 units of the target), and
        what the method shows of itself (mask_ratio, mean_weight).
    """
    from gexpipe.prediction.genes import prediction_table

    read, size = data.read_by(model.config), model.config.train.batch_size
    return prediction_table(model.network, read, fold or model.fold, size, (split,))


def scores(
    model: Model,
    data: Data,
    gene: str,
    kind: str = "saliency",
    elements: pd.DataFrame | None = None,
) -> Any:
    """What a model looks at around one gene.

    Parameters
    ----------
    model, data : Model, Data
        Of `open_model` and `open_data`.
    gene : str
        Id or symbol.
    kind : {"mask", "saliency", "perturbation", "attention"}
        Which of them a method offers, `models` says.
    elements : DataFrame, optional
        Candidate elements (chrom, start, end; 0-based half-open); those of the run by default.

    Returns
    -------
    ndarray or DataFrame
        (L,) float32, a number a base, for mask and saliency; gene_id, chrom, start, end, distance
        (bp), score (what the prediction loses, or attention) a row an element otherwise.
    """
    from gexpipe.discovery.base_scores import base_scores
    from gexpipe.discovery.scores import BASE_KINDS, score_elements, score_windows, scorer_of

    config, row = model.config, np.array([data.row(gene)])
    offered = config.declared.scores
    if kind not in offered:
        known = ", ".join(offered) or "none"
        raise UserError(f"{kind!r}; {config.name} gives {known}", "kind")
    read, size = data.read_by(config), config.train.batch_size
    if config.inputs.elements:
        table = _elements(data, elements, "links")
        return score_elements(model.network, read, row, table, kind, size)
    if kind in BASE_KINDS:
        return base_scores(model.network, read, row, size, scorer_of(kind))[0]
    table, length = _elements(data, elements, "activity"), config.inputs.length
    return score_windows(model.network, read, row, table, kind, length, size)[0]


def _elements(data: Data, given: pd.DataFrame | None, name: str) -> pd.DataFrame:
    """Elements as they are given, or those of the run."""
    if given is not None:
        return given
    path = getattr(data.sources, name)
    if path is None:
        raise UserError("the files of this cell type hold none: give elements=...", "scores")
    return pd.read_parquet(require(path, "elements"))


def draw(
    data: Data, gene: str, shown: Mapping[str, Any] | None = None, length: int | None = None
) -> Figure:
    """Draw the neighbourhood of a gene: genes, signals, contact, and scores.

    Parameters
    ----------
    data : Data
        Of `open_data`.
    gene : str
        Id or symbol.
    shown : mapping, optional
        Label -> what `scores` returned, or a table of known elements (chrom, start, end).
    length : int, optional
        Bases around the TSS; all that ``data`` gives by default.

    Returns
    -------
    Figure
        Of matplotlib; ``figure.savefig("locus.png")``.
    """
    from gexpipe.discovery.files import BaseScores
    from gexpipe.discovery.locus import locus_figure

    place = data.table.iloc[[data.row(gene)]][["gene_id", "chrom", "tss"]].reset_index(drop=True)
    bases, links, marks = {}, {}, {}
    for label, value in (shown or {}).items():
        if not isinstance(value, pd.DataFrame):
            bases[label] = BaseScores(place, np.asarray(value, dtype=np.float32)[None])
        elif "gene_id" in value:
            links[label] = value
        else:
            marks[label] = value
    assert data.sources.signals is not None
    width = length or data._windows.length
    return locus_figure(data.sources.signals, data.table, gene, width, bases, links, marks)
