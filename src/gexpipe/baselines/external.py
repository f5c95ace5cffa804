"""Predictions of a method that gexpipe does not train: asked for, checked, and then like any run's.

A command is given the genes of all parts, but never what was observed in a test gene.
"""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from gexpipe.baselines.splits import rows_of
from gexpipe.data.partners import partners
from gexpipe.errors import UserError
from gexpipe.files import require
from gexpipe.gene_ids import without_version
from gexpipe.log import get_logger
from gexpipe.tabular import numbers, read_parquet, read_table

__all__ = ["ask", "blinded", "delivered", "windows_of"]

log = get_logger(__name__)


def blinded(examples: pd.DataFrame, fold: int) -> pd.DataFrame:
    """The example table with ``split`` of one fold, ``target`` empty for the test genes.

    Parameters
    ----------
    examples : DataFrame
        (G,) genes: ids, place, features, target, ``fold_N``.
    fold : int
        Which fold.

    Returns
    -------
    DataFrame
        Genes with a target; other folds' columns are left out.
    """
    rows = rows_of(examples, fold)
    table = examples.drop(columns=[name for name in examples if str(name).startswith("fold_")])
    table["split"] = examples[f"fold_{fold}"]
    table.loc[table["split"] == "test", "target"] = np.nan
    return table.iloc[np.sort(np.concatenate(list(rows.values())))]


def windows_of(examples: pd.DataFrame, fold: int, seed: int | None) -> pd.DataFrame:
    """gene_id, windows_of: whose window each gene has; another's of its part with a ``seed``."""
    genes = examples["gene_id"].to_numpy()
    partner = np.arange(len(genes))
    if seed is not None:
        partner = partners(len(genes), rows_of(examples, fold).values(), seed)
    return pd.DataFrame({"gene_id": genes, "windows_of": genes[partner]})


def ask(
    command: str,
    examples: pd.DataFrame,
    fold: int,
    values: Mapping[str, str],
    exchange: int | None,
    folder: Path,
) -> Path:
    """Run a command on the blinded example table.

    Parameters
    ----------
    command : str
        See `gexpipe.methods.external.ExternalOptions`.
    values : mapping
        What stands for cell, fold, seed and the stores; quoted for the shell here.
    exchange : int, optional
        Seed of the control in which genes get each other's windows.
    folder : Path
        For the files it reads and writes.

    Returns
    -------
    Path
        The table that it wrote.

    Raises
    ------
    UserError
        It ended with an error, or wrote nothing.
    """
    given = {
        "examples": folder / "examples.tsv",
        "windows_of": folder / "windows_of.tsv",
        "out": folder / "delivered",
    }
    blinded(examples, fold).to_csv(given["examples"], sep="\t", index=False)
    windows_of(examples, fold, exchange).to_csv(given["windows_of"], sep="\t", index=False)
    texts = {**values, **{name: str(path) for name, path in given.items()}}
    line = command.format(**{name: shlex.quote(text) for name, text in texts.items()})
    log.info("%s", line)
    ended = subprocess.run(["bash", "-c", f"set -euo pipefail; {line}"]).returncode
    if ended:
        raise UserError(f"it ended with {ended}", f"command {command!r}")
    if not given["out"].exists():
        raise UserError("it wrote nothing to {out}", f"command {command!r}")
    return given["out"]


def delivered(path: Path, examples: pd.DataFrame, fold: int) -> np.ndarray:
    """The predictions of a table, in the order of the example table.

    Parameters
    ----------
    path : Path
        Parquet, TSV or CSV with gene_id and predicted; ``fold``, ``split`` and ``observed`` are
        compared where they are there.

    Returns
    -------
    ndarray
        (G,) float64; NaN for genes that it lacks, none of which validates or tests.

    Raises
    ------
    UserError
        A gene that is not there or twice, no finite number, another fold, split or target.
    """
    table = _read(path)
    ids = without_version(table["gene_id"])
    twice = ids[ids.duplicated()]
    if len(twice):
        raise UserError(f"{len(twice)} genes stand twice, the first {twice.iloc[0]}", path)
    table = table.set_index(ids)
    known = without_version(examples["gene_id"])
    others = ~table.index.isin(known)
    if others.any():
        log.warning("%s: %d genes that are not among the examples are left out", path, others.sum())
    table = table.reindex(known)
    rows = rows_of(examples, fold)
    tested = np.concatenate([rows["valid"], rows["test"]])
    lacking = table["predicted"].iloc[tested].isna().to_numpy()
    if lacking.any():
        raise UserError(
            f"{lacking.sum()} of {len(tested)} validation and test genes have no prediction, the "
            f"first {known.iloc[tested[np.argmax(lacking)]]}",
            path,
        )
    _compare(table.iloc[tested], examples.iloc[tested], fold, path)
    return table["predicted"].to_numpy(np.float64)


def _read(path: Path) -> pd.DataFrame:
    """A delivered table; numbers are finite where they are there."""
    with require(path, "table of predictions").open("rb") as handle:
        parquet = handle.read(4) == b"PAR1"
    columns = ("gene_id", "predicted")
    what = "table of predictions"
    if parquet:
        table = read_parquet(path, what, columns)
        table["predicted"] = pd.to_numeric(table["predicted"], errors="coerce")
        bad = ~np.isfinite(table["predicted"])
        if bad.any():
            gene = table["gene_id"][bad].iloc[0]
            raise UserError(f"{bad.sum()} predictions are no finite number, the first {gene}", path)
        return table
    table = read_table(path, what, columns)
    for name in ("predicted", "observed", "fold"):
        if name in table:
            table[name] = numbers(table, name, path)
    return table


def _compare(table: pd.DataFrame, examples: pd.DataFrame, fold: int, path: Path) -> None:
    """Refuse predictions of another fold, of another target, or that are what was observed."""
    if "fold" in table and (table["fold"] != fold).any():
        found = table["fold"][table["fold"] != fold].iloc[0]
        raise UserError(f"of fold {found:g}, expected {fold}", path)
    split = examples[f"fold_{fold}"].to_numpy()
    if "split" in table and (table["split"].to_numpy() != split).any():
        at = int(np.argmax(table["split"].to_numpy() != split))
        found = f"{table.index[at]} is of {table['split'].iloc[at]}, expected {split[at]}"
        raise UserError(f"other parts of the fold: {found}", path)
    target = examples["target"].to_numpy(np.float64)
    if "observed" in table and not np.allclose(
        table["observed"].astype(np.float64), target, rtol=1e-3, atol=1e-3, equal_nan=True
    ):
        raise UserError("observed values are not the example table's: another target?", path)
    test = split == "test"
    same = table["predicted"].to_numpy(np.float64)[test] == target[test]
    if same.mean() > 0.5 and target[test].std() > 0:
        raise UserError(
            f"{same.sum()} of {test.sum()} predictions of test genes are the observed values", path
        )
