"""Predictions of a checkpoint from files to files: any cell type's stores, changed inputs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import torch

from gexpipe.data.batches import Genes
from gexpipe.data.open import Sources, open_data
from gexpipe.data.shuffled import ShuffledWindows
from gexpipe.log import get_logger
from gexpipe.methods.settings import MethodConfig
from gexpipe.models.checkpoint import open_checkpoint
from gexpipe.prediction import genes as predict
from gexpipe.prediction.reweighted import Reweighted
from gexpipe.tabular import write_parquet

__all__ = ["Changes", "predict_files"]

log = get_logger(__name__)

FOLD = 11  # of Seq2Exp's and Prism's tables; their checkpoints do not say it


@dataclass(frozen=True)
class Changes:
    """What a trained model is shown that it was not trained on.

    Attributes
    ----------
    drop : tuple of str
        Signals to give as zeros.
    length : int or None
        Bases around the TSS; those trained on by default.
    weighted : bool
        Prism: predict from the signals times the learned weights.
    shuffle : int or None
        Seed of the control in which every gene gets the window of another gene of its part.
    """

    drop: tuple[str, ...] = ()
    length: int | None = None
    weighted: bool = False
    shuffle: int | None = None


def predict_files(
    checkpoint: Path,
    method: MethodConfig | None,
    sources: Sources,
    changes: Changes,
    fold: int | None,
    parts: tuple[str, ...],
    out: Path,
    embeddings: Path | None = None,
) -> None:
    """Write the predictions of a checkpoint for genes of a fold.

    Parameters
    ----------
    checkpoint : Path
        One of ours, or of a method's authors.
    method : MethodConfig, optional
        What the authors' checkpoint holds.
    sources : Sources
        Files of the cell type to predict.
    changes : Changes
        Of the inputs.
    fold : int, optional
        The checkpoint's own by default, 11 for the authors'.
    parts : tuple of str
        Parts of the fold; valid and test by default.
    out : Path
        Parquet, see `gexpipe.prediction.genes.prediction_table`.
    embeddings : Path, optional
        .npz, see `gexpipe.prediction.genes.write_embeddings`.
    """
    model, config, trained = open_checkpoint(checkpoint, method)
    inputs = replace(config.inputs, drop=(*config.inputs.drop, *changes.drop))
    config = replace(config, inputs=replace(inputs, length=changes.length or inputs.length))
    fold, parts = fold or trained or FOLD, parts or predict.PARTS
    model = Reweighted(model) if changes.weighted else model
    model.to("cuda" if torch.cuda.is_available() else "cpu")
    data: Genes = open_data(sources, config)
    if changes.shuffle is not None:
        data = ShuffledWindows(data, fold, changes.shuffle)
    if "train" in parts or (trained and trained != fold):
        log.warning("fold %d: some of these genes this checkpoint was trained on", fold)
    given = (model, data, fold, config.train.batch_size, parts)
    if embeddings is None:
        table = predict.prediction_table(*given)
    else:
        table, vectors = predict.prediction_and_embeddings(*given)
        predict.write_embeddings(embeddings, table["gene_id"].tolist(), vectors)
    write_parquet(table, out)
    log.info("%d predictions of %s in %s", len(table), config.name, out)
