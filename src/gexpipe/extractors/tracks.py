"""The tracks of a model: their table, the other strand of each, and which of them are meant."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from gexpipe.errors import UserError
from gexpipe.methods.options import suggestion
from gexpipe.tabular import numbers, read_table

__all__ = ["chosen_tracks", "numbered_tracks", "read_targets", "track_table"]

COLUMNS = ("identifier", "description")


def read_targets(path: Path) -> pd.DataFrame:
    """A table of tracks as Borzoi's and Basenji's authors write it (``targets.txt``).

    Parameters
    ----------
    path : Path
        Tab-separated, a row a track in the order of the model's output: ``identifier``,
        ``description`` and, where tracks have strands, ``strand_pair``, the 0-based row of the same
        track on the other strand (its own where it has none). Further columns are kept as text.

    Returns
    -------
    DataFrame
        As `track_table` gives it, with the further columns.
    """
    table = read_table(path, "table of tracks", COLUMNS, separator="\t")
    pairs = np.arange(len(table))
    if "strand_pair" in table:
        pairs = numbers(table, "strand_pair", path, whole=True).to_numpy(np.int64)
    return track_table(table.reset_index(drop=True), pairs, str(path))


def numbered_tracks(count: int) -> pd.DataFrame:
    """Tracks without names: their number is all that is known, and none has another strand."""
    names = [str(number) for number in range(count)]
    table = pd.DataFrame({"identifier": names, "description": ""})
    return track_table(table, np.arange(count), "")


def track_table(table: pd.DataFrame, pairs: np.ndarray, where: str) -> pd.DataFrame:
    """identifier, description, strand_pair and strand: ``+``, ``-`` or ``.`` where it has none.

    The strand is the end of the identifier (``CNhs11250+``).

    Raises
    ------
    UserError
        A partner that is no row, or whose own partner is another one; a strand that nothing tells.
    """
    table = table.astype(dict.fromkeys(COLUMNS, "str"))
    count = len(table)
    off = (pairs < 0) | (pairs >= count)
    back = pairs[np.where(off, 0, pairs)] if count else pairs
    wrong = off | (back != np.arange(count))
    if wrong.any():
        row = int(np.argmax(wrong))
        raise UserError(f"track {row}: strand_pair {pairs[row]} does not answer it", where)
    ends = table["identifier"].str[-1:].to_numpy(str)
    alone = pairs == np.arange(count)
    strand = np.where(alone, ".", ends)
    lost = ~alone & (~np.isin(ends, ["+", "-"]) | (ends == ends[pairs]))
    if lost.any():
        found = table["identifier"].iloc[int(np.argmax(lost))]
        raise UserError(f"track {found!r} has a strand_pair, expected a + or - at its end", where)
    return table.assign(strand_pair=pairs, strand=strand)


def chosen_tracks(
    tracks: pd.DataFrame, named: Sequence[str], indices: Sequence[int], strand: str, where: str
) -> np.ndarray:
    """Rows of the tracks that are meant, in their order.

    Parameters
    ----------
    tracks : DataFrame
        As `track_table` gives them.
    named : sequence of str
        Identifiers, or regular expressions that are looked for in the description.
    indices : sequence of int
        0-based rows.
    strand : {"both", "same"}
        Both strands, or the gene's alone (and tracks without a strand).

    Raises
    ------
    UserError
        One of them means no track; nothing is left.
    """
    rows: set[int] = set()
    for number in indices:
        if number >= len(tracks):
            raise UserError(f"{number}, expected less than {len(tracks)}", f"{where}.indices")
        rows.add(number)
    for text in named:
        hits = tracks["identifier"] == text
        if not hits.any():
            hits = tracks["description"].str.contains(text, regex=True)
        if not hits.any():
            raise UserError(f"{text!r} means no track; {_near(text, tracks)}", f"{where}.tracks")
        rows.update(np.flatnonzero(hits).tolist())
    found = np.array(sorted(rows), np.int64)
    if strand == "same":
        found = found[tracks["strand"].to_numpy()[found] != "-"]
    if not len(found):
        raise UserError("no track is left", where)
    return found


def _near(text: str, tracks: pd.DataFrame) -> str:
    described = tracks["description"][tracks["description"] != ""]
    if described.empty:
        return "tracks have no description: name a table of targets, or give indices"
    plain = re.sub(r"[^\w ]+", " ", text)
    return suggestion(plain, dict.fromkeys(described.head(5)))
