"""The whole battery for one trained method, from files to a table of answers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import torch

from gexpipe.data.open import open_data
from gexpipe.data.sources import Sources
from gexpipe.errors import UserError
from gexpipe.log import get_logger
from gexpipe.models.checkpoint import open_checkpoint
from gexpipe.schemas import NEAR, read_stage
from gexpipe.stress.battery import answers
from gexpipe.stress.trust import score_answers
from gexpipe.stress.truth import read_truth
from gexpipe.stress.wholes import whole_answers

__all__ = ["ANSWERED", "answer_files"]

log = get_logger(__name__)

# What a method may read for its inputs to be changed here.
ANSWERED = ("windows", "gene_features")


def answer_files(
    checkpoint: Path,
    sources: Sources,
    other: Sources | None,
    folder: Path,
    cells: tuple[str, str],
    fold: int | None,
    genes: int,
    seed: int,
) -> pd.DataFrame:
    """Ask a checkpoint everything.

    Parameters
    ----------
    checkpoint : Path
        ``best.ckpt`` of a run.
    sources, other : Sources
        Files of its cell type, and of another one.
    folder : Path
        Truth of the simulated genome.
    cells : tuple of str
        Their names; the second one is empty without ``other``.
    fold : int, optional
        The checkpoint's own by default; its test genes are asked.
    genes : int
        Most genes that are asked, the first ones.
    seed : int
        Of random bases, partners and planted enhancers.

    Returns
    -------
    DataFrame
        test, group, gene_id, distance, predicted, true.
    """
    model, config, trained = open_checkpoint(checkpoint, None)
    if config.declared.reads not in ANSWERED:
        raise UserError(f"reads {config.declared.reads}, which is not changed", config.name)
    model.to("cuda" if torch.cuda.is_available() else "cpu")
    data = open_data(sources, config)
    theirs = open_data(other, config) if other is not None else None
    truth = read_truth(folder, cells[0])
    truths = truth, read_truth(folder, cells[1]) if theirs is not None else None
    if theirs is not None and theirs.gene_ids != data.gene_ids:
        raise UserError(f"{cells[1]} has other genes than {cells[0]}", "--other-examples")
    rows = data.split(fold or trained or 11, "test")
    unknown = sorted({str(data.gene_ids[row]) for row in rows} - truth.sites.keys())
    if unknown:
        raise UserError(f"{len(unknown)} genes are not simulated, the first {unknown[0]}", folder)
    # The odd ones (no signal, N at the TSS, ...) say nothing of regulation.
    special = truth.genes["special"]
    usual = [row for row in rows if special[str(data.gene_ids[row])] in ("", "promoter_only")]
    if not usual:
        raise UserError("no ordinary gene is in the test part", folder)
    chosen = np.array(usual[:genes])
    table = read_stage(sources.links, NEAR) if sources.links is not None else None
    reads_table = config.inputs.elements or config.declared.reads == "gene_features"
    links = table if reads_table else None
    if reads_table and links is None:
        raise UserError("this method reads elements: give --links", config.name)
    found = pd.concat(
        [
            whole_answers(model, data, theirs, truths, config, chosen, seed),
            answers(model, data, truth, config, chosen, links, seed),
            score_answers(model, data, truth, config, chosen, links),
        ],
        ignore_index=True,
    )
    log.info("%s: %d answers of %d genes", config.name, len(found), len(chosen))
    return found
