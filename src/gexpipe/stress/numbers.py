"""One number a test, with an interval over genes and seeds, from the answers of methods."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

__all__ = ["COLUMNS", "TESTS", "Test", "differences", "drawn", "numbers"]

Floats = NDArray[np.float64]
COLUMNS = [
    "cell", "method", "test", "value", "low", "high", "ideal", "null", "verdict", "genes", "seeds",
    "answers", "note",
]  # fmt: skip
FAINT = 0.1  # of the true loss: below it, an answer to an enhancer's removal is none
_STILL = "its prediction never changes"


@dataclass(frozen=True)
class Test:
    """What one number is.

    Attributes
    ----------
    name, question : str
        For people.
    test, group : str
        Of the answers that count.
    statistic : str
        ``correlation`` of predicted and true; ``ratio`` of their sums; ``lean``: mean size of the
        answers over that of the answers to acting elements; ``auc``: chance that, within a gene, an
        element whose loss lowers expression outscores one whose loss does not.
    ideal, null : float
        What a model that knows the truth has; what one that knows nothing has. An ideal that is not
        a number: none.
    absent : str
        Why a method has no such answers.
    """

    name: str
    question: str
    test: str
    group: str
    statistic: str
    ideal: float
    null: float
    absent: str


_TABLE = "it reads no window of bases and tracks"
_NONE = "no gene has such elements"
TESTS = (
    Test("expression", "Does it predict expression?", "expression", "all", "correlation", 1, 0, ""),
    Test("enhancers", "Does it lose what an enhancer's removal takes?",
         "remove", "acting", "correlation", 1, 0, _NONE),
    Test("size", "Is the loss as large as it should be?", "remove", "acting", "ratio", 1, 0, _NONE),
    Test("empty", "Does it answer to a change where nothing is?",
         "remove", "empty", "lean", 0, 1, _TABLE),
    Test("decoys", "Does it lean on elements that are open and idle?",
         "remove", "decoy", "lean", 0, 1, _NONE),
    Test("promoter-only", "Does it lean on elements of genes that need none?",
         "remove", "idle", "lean", 0, 1, _NONE),
    Test("shifted marks", "Does it mind tracks that lie 150 bp beside their place?",
         "shift", "marks", "lean", 0, 1, "it reads no tracks along a window"),
    Test("exchanged contact", "Does it weigh enhancers by contact?",
         "contact", "all", "correlation", 1, 0, "it reads no contact along a window"),
    Test("distance", "Does a planted enhancer gain what it should at its distance?",
         "plant", "", "correlation", 1, 0, _TABLE),
    Test("redundancy", "Does it know that two enhancers stand in for each other?",
         "pair", "max", "ratio", 1, 0, _NONE),
    Test("competition", "Does it know that a competitor's loss raises expression?",
         "weaker", "rivals", "ratio", 1, 0, _NONE),
    Test("copy of a cause", "Does it lean on a track that copies H3K27ac?",
         "confounded", "cause", "lean", 0, 1, "it is not given this track"),
    Test("effect of expression", "Does it lean on a track that follows expression?",
         "confounded", "effect", "lean", 0, 1, "it is not given this track"),
    Test("cell-specific", "Does it know what the marks of another cell type's enhancers do?",
         "cell", "all", "correlation", 1, 0, "no other cell type, or no marks"),
    *(
        Test(kind, f"Does its {kind} rank elements that the gene needs above those it does not?",
             "trust", kind, "auc", 1, 0.5, "it gives no such score")
        for kind in ("mask", "saliency", "perturbation", "attention")
    ),
)  # fmt: skip
WITHOUT = "without "


def tests_of(answers: Sequence[pd.DataFrame]) -> list[Test]:
    """All tests, and one for every input that is missing in these answers."""
    inputs: dict[str, None] = {}
    for table in answers:
        inputs.update(dict.fromkeys(table.loc[table["test"] == "missing", "group"]))
    return [
        *TESTS,
        *(
            Test(WITHOUT + name, f"How much larger is its squared error without {name}?",
                 "missing", name, "ratio", np.nan, 1, "it does not read this")
            for name in inputs
        ),
    ]  # fmt: skip


def _sums(table: pd.DataFrame, test: Test, genes: pd.Index) -> Floats | None:
    """What a statistic is made of, (genes, K), summed over the answers of each gene."""
    rows = table[table["test"] == test.test]
    rows = rows[rows["group"] == test.group] if test.group else rows
    if rows.empty:
        return None
    x, y = rows["predicted"].to_numpy(np.float64), rows["true"].to_numpy(np.float64)
    if test.statistic == "correlation":
        parts = [np.ones(len(x)), x, y, x * x, y * y, x * y]
    elif test.statistic == "ratio":
        parts = [x, y]
    elif test.statistic == "lean":
        parts = [np.abs(x), np.ones(len(x))]
    else:
        return _wins(rows, genes)
    found = pd.DataFrame(np.column_stack(parts)).groupby(rows["gene_id"].to_numpy()).sum()
    result = found.reindex(genes, fill_value=0.0).to_numpy(np.float64)
    if test.statistic != "lean":
        return result
    acting = next(t for t in TESTS if t.name == "enhancers")
    yard = _sums(table, Test("", "", acting.test, acting.group, "ratio", 1, 0, ""), genes)
    rows = table[(table["test"] == acting.test) & (table["group"] == acting.group)]
    if yard is None:
        return None
    size = pd.DataFrame({"x": rows["predicted"].abs(), "n": 1.0}).groupby(rows["gene_id"]).sum()
    return np.hstack([result, size.reindex(genes, fill_value=0.0).to_numpy(np.float64)])


def _wins(rows: pd.DataFrame, genes: pd.Index) -> Floats | None:
    """Pairs of a gene in which the acting element has the larger score, and all pairs."""
    found = np.zeros((len(genes), 2))
    place = {gene: i for i, gene in enumerate(genes)}
    for gene, part in rows.groupby("gene_id", sort=False):
        score, acts = part["predicted"].to_numpy(), part["true"].to_numpy() > 0
        more = score[acts][:, None] - score[~acts][None, :]
        found[place[gene]] = ((more > 0) + 0.5 * (more == 0)).sum(), more.size
    return found if found[:, 1].sum() else None


def _statistic(sums: Floats, kind: str) -> Floats:
    """(..., K) sums to (...) values; NaN where nothing changes."""
    with np.errstate(divide="ignore", invalid="ignore"):
        if kind == "correlation":
            n, x, y, xx, yy, xy = np.moveaxis(sums, -1, 0)
            spread = (n * xx - x * x) * (n * yy - y * y)
            value = (n * xy - x * y) / np.sqrt(np.where(spread > 1e-18, spread, np.nan))
        elif kind == "lean":
            value = sums[..., 0] / sums[..., 1] / (sums[..., 2] / sums[..., 3])
        else:
            value = sums[..., 0] / sums[..., 1]
    return np.where(np.isfinite(value), value, np.nan)


def drawn(
    seeds: Sequence[pd.DataFrame], test: Test, samples: int, seed: int
) -> tuple[float, Floats]:
    """A number as the mean over the runs of a method, and its bootstrap samples, (samples,).

    Genes are drawn anew, the same ones for all methods of equal genes, and then runs.
    """
    genes = pd.Index(sorted({gene for table in seeds for gene in table["gene_id"]}))
    sums = [found for table in seeds if (found := _sums(table, test, genes)) is not None]
    if not sums:
        return np.nan, np.full(samples, np.nan)
    value = np.mean([_statistic(each.sum(axis=0), test.statistic) for each in sums])
    rng = np.random.default_rng(seed)
    weight = rng.multinomial(len(genes), np.full(len(genes), 1 / len(genes)), samples)
    each = np.stack([_statistic(weight @ one, test.statistic) for one in sums])
    chosen = np.random.default_rng([seed, len(sums)]).integers(0, len(sums), (len(sums), samples))
    return float(value), np.take_along_axis(each, chosen, axis=0).mean(axis=0)


def _verdict(test: Test, value: float, low: float, high: float) -> str:
    """In words, from the interval."""
    if np.isnan(test.ideal):
        return "used" if low > test.null else "not used"
    upward = test.ideal > test.null
    beyond = low > test.null if upward else high < test.null
    if beyond and abs(value - test.ideal) <= 0.1 * abs(test.ideal - test.null):
        return "as the truth"
    return "partly" if beyond else "no"


def _interval(samples: Floats) -> tuple[float, float]:
    known = samples[np.isfinite(samples)]
    if len(known) < len(samples) / 2:
        return np.nan, np.nan
    low, high = np.quantile(known, [0.025, 0.975])
    return float(low), float(high)


def numbers(
    runs: Mapping[tuple[str, str], Sequence[pd.DataFrame]],
    without: Mapping[str, str],
    samples: int,
    seed: int,
) -> pd.DataFrame:
    """The table of the stress test.

    Parameters
    ----------
    runs : mapping
        (cell type, method) -> answers, a table a seed.
    without : mapping
        Method -> why it is not asked.
    samples, seed : int
        Bootstrap samples and their seed.

    Returns
    -------
    DataFrame
        `COLUMNS`; every test of every method, with a note where there is no number. ``verdict``: as
        the truth (within a tenth of the way), partly (the interval excludes what knows nothing),
        no; of inputs used or not used; where removing enhancers does not find what they do, nothing
        is said of what a method leans on.
    """
    asked = tests_of([table for tables in runs.values() for table in tables])
    rows = []
    for (cell, method), tables in runs.items():
        finds, size = (_interval(drawn(tables, t, samples, seed)[1]) for t in TESTS[1:3])
        blind = not finds[0] > 0 or size[1] < FAINT
        for test in asked:
            value, spread = drawn(tables, test, samples, seed)
            low, high = _interval(spread)
            count = sum(len(_answers(table, test)) for table in tables)
            note = "" if np.isfinite(value) else (_STILL if count else test.absent)
            verdict = "" if note else _verdict(test, value, low, high)
            if test.statistic == "lean" and not note and blind:
                verdict, note = "", "it does not find enhancers, so what it leans on says nothing"
            rows.append(
                (cell, method, test.name, value, low, high, test.ideal, test.null, verdict,
                 tables[0]["gene_id"].nunique(), len(tables), count, note)
            )  # fmt: skip
    cells = list(dict.fromkeys(cell for cell, _ in runs))
    for cell in cells:
        for method, reason in without.items():
            empty = (np.nan, np.nan, np.nan, np.nan, np.nan, "", 0, 0, 0, reason)
            rows.append((cell, method, "all", *empty))
    return pd.DataFrame(rows, columns=COLUMNS)


def _answers(table: pd.DataFrame, test: Test) -> pd.DataFrame:
    rows = table[table["test"] == test.test]
    return rows[rows["group"] == test.group] if test.group else rows


def differences(
    runs: Mapping[tuple[str, str], Sequence[pd.DataFrame]], samples: int, seed: int
) -> pd.DataFrame:
    """Two methods beside each other, of the same genes drawn together.

    Returns
    -------
    DataFrame
        cell, test, a, b, difference (a minus b), low, high.
    """
    asked = tests_of([table for tables in runs.values() for table in tables])
    rows = []
    for test in asked:
        found = {key: drawn(tables, test, samples, seed) for key, tables in runs.items()}
        known = [key for key, (value, _) in found.items() if np.isfinite(value)]
        for i, one in enumerate(known):
            for other in known[i + 1 :]:
                if one[0] != other[0]:
                    continue
                low, high = _interval(found[one][1] - found[other][1])
                gap = found[one][0] - found[other][0]
                rows.append((one[0], test.name, one[1], other[1], gap, low, high))
    return pd.DataFrame(rows, columns=["cell", "test", "a", "b", "difference", "low", "high"])
