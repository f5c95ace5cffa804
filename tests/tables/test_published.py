"""The file of published values: complete, consistent between papers, and strict about itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gexpipe.config import load_yaml
from gexpipe.errors import UserError
from gexpipe.tables.published import lookup, read_published
from tests.conftest import ROOT

HEADER = "paper\ttable\trow\tmethod\tcell\tsetting\tmetric\tvalue\tsd\tnote\n"
ROW = "prism\t1\tPrism\tprism\tK562\t\tmse\t0.1789\t0.0041\t\n"

# Numbers per paper and table; a change here is a decision, never an accident.
COUNTS = """
seq2exp     1 48   seq2exp 2 24   seq2exp 4 27   seq2exp 5 27   seq2exp text 1
infer       1 60   infer 2 21     infer 3 30     infer 4 15     infer 5 12
infer       6 37   infer 7 10     infer 8 3      infer F4 1     infer text 4
prism       1 60   prism 2 39     prism 3 3      prism 4 39     prism 5 30
prism       6 15   prism 7 12     prism 8 10     prism 10 16    prism 11 21
prism       12 24  prism 13 18    prism 14 16    prism 15 9     prism 16 12
prism       text 7
epinformer  F3b 2  epinformer F3d 1  epinformer notebooks 27  epinformer text 44
epinformer_2026 pipeline 38   epinformer_2026 headline 2   epinformer_2026 readme 8
gta         1 9    gta 2 5        gta text 6
"""

METHODS = {
    "enformer", "hyena", "mamba", "caduceus", "caduceus_signals", "macs3", "epinformer",
    "seq2exp_hard", "seq2exp_soft", "seq2exp_retrain", "infer", "prism", "gta", "xpresso",
    "expecto", "basenji", "abc", "epinformer_v2", "",
}  # fmt: skip

# paper, table, method, cell, setting, metric, value, sd
SPOTS = [
    ("seq2exp", "4", "seq2exp_soft", "K562", "", "mse", 0.1856, 0.0032),
    ("seq2exp", "5", "macs3", "GM12878", "", "mae", 0.3654, 0.0017),
    ("seq2exp", "2", "seq2exp_retrain", "GM12878", "", "mse", 0.1887, None),
    ("seq2exp", "2", "seq2exp_hard", "K562", "", "mask_ratio", 0.0688, None),
    ("infer", "1", "infer", "GM12878", "", "pearson", 0.9016, 0.0024),
    ("infer", "6", "infer", "K562", "beta=0", "mae", 0.3107, None),
    ("infer", "7", "caduceus_signals", "K562", "train_length=2000", "mse", 0.1863, 0.0035),
    ("infer", "8", "infer", "", "", "parameters", 585_000, None),
    ("prism", "1", "prism", "K562", "", "mse", 0.1789, 0.0041),
    ("prism", "2", "prism", "K562", "n=4", "mse", 0.1762, 0.0071),
    ("prism", "2", "prism", "K562", "beta=10", "mae", 0.3027, 0.0123),
    ("prism", "7", "caduceus_signals", "K562", "dropped=H3K27ac", "mse", 0.6115, None),
    ("prism", "11", "caduceus_signals", "K562", "signals=H3K4me3", "pearson", 0.8781, 0.0018),
    ("prism", "13", "prism", "GM12878", "training=mixed", "mae", 0.3027, 0.0041),
    ("prism", "14", "prism", "K562", "train_length=10000; alpha=2", "pearson", 0.8699, 0.0023),
    ("prism", "15", "prism", "H1", "", "mse", 0.2642, 0.0060),
    ("prism", "16", "caduceus_signals", "K562", "retention=0.5", "mse", 0.2248, 0.0115),
    (
        "epinformer_2026",
        "pipeline",
        "epinformer_v2",
        "NHEK",
        "variant=promoter_signal; target=rnaseq; fold=all",
        "pearson",
        0.828,
        None,
    ),
    ("gta", "1", "gta", "GM12878", "bins=251", "spearman", 0.6527, 0.0241),
    ("gta", "2", "gta", "GM12878", "bins=251; blocks=16", "spearman", 0.5420, 0.0272),
]


@pytest.fixture(scope="module")
def published() -> pd.DataFrame:
    return read_published(ROOT / "config" / "published.tsv")


def test_number_of_values_per_table(published: pd.DataFrame) -> None:
    fields = COUNTS.split()
    expected = {(fields[k], fields[k + 1]): int(fields[k + 2]) for k in range(0, len(fields), 3)}
    assert published.groupby(["paper", "table"], sort=False).size().to_dict() == expected


def test_ids_and_settings_are_well_formed(published: pd.DataFrame) -> None:
    assert set(published["method"]) <= METHODS
    assert set(published["cell"]) == {"K562", "GM12878", "H1", "HUVEC", "NHEK", "HepG2", ""}
    for setting in published["setting"].unique():
        assert all(part.count("=") == 1 for part in setting.split("; ")) or setting == ""


def test_values_are_possible(published: pd.DataFrame) -> None:
    bounded = published["metric"].isin(["pearson", "spearman", "mask_ratio", "auprc", "mae", "mse"])
    assert published.loc[bounded, "value"].between(0, 1).all()
    assert (published["sd"].dropna() > 0).all()
    errors = published[published["metric"].isin(["mse", "mae"])].pivot_table(
        index=["paper", "table", "row", "cell", "setting"], columns="metric", values="value"
    )
    complete = errors.dropna()
    assert len(complete) > 150
    # A mean of squares is at least the square of the mean: exchanged columns would often break it.
    assert (complete["mse"] >= complete["mae"] ** 2).all()


@pytest.mark.parametrize("spot", SPOTS, ids=lambda spot: "-".join(map(str, spot[:6])))
def test_spot(published: pd.DataFrame, spot: tuple) -> None:
    names = ["paper", "table", "method", "cell", "setting", "metric"]
    chosen = published[(published[names] == list(spot[:6])).all(axis=1)]
    assert len(chosen) == 1
    found = chosen.iloc[0]
    assert found["value"] == spot[6]
    assert found["sd"] == spot[7] if spot[7] is not None else np.isnan(found["sd"])


@pytest.mark.parametrize("cell", ["K562", "GM12878"])
@pytest.mark.parametrize("metric", ["mse", "mae", "pearson"])
def test_table1_finds_every_published_value(
    published: pd.DataFrame, cell: str, metric: str
) -> None:
    rows = load_yaml(ROOT / "config" / "tables" / "table1.yaml")["rows"]
    sources = {row["method"]: row["published"] for row in rows if "published" in row}
    assert len(sources) == 12
    for method, source in sources.items():
        found = lookup(published, source["paper"], source["tables"], method, cell, metric)
        assert found is not None, method
        assert np.isnan(found[1]) == (method == "seq2exp_retrain"), method


def test_repeated_values_agree(published: pd.DataFrame) -> None:
    headline = published[
        (published["setting"] == "")
        & published["cell"].isin(["K562", "GM12878"])
        & published["metric"].isin(["mse", "mae", "pearson"])
        & (
            (published["paper"] == "seq2exp")
            | (published["paper"].isin(["infer", "prism"]) & (published["table"] == "1"))
        )
    ]
    repeated = headline.groupby(["method", "cell", "metric"])
    assert (repeated["value"].nunique() == 1).all()
    assert (repeated["sd"].nunique() <= 1).all()
    sizes = repeated.size().unstack(["cell", "metric"]).T.drop_duplicates()
    assert sizes.iloc[0].to_dict() == {
        "enformer": 4, "hyena": 4, "mamba": 4, "caduceus": 4, "caduceus_signals": 4,
        "epinformer": 4, "macs3": 4, "seq2exp_hard": 5, "seq2exp_soft": 4, "seq2exp_retrain": 1,
        "infer": 1, "prism": 1,
    }  # fmt: skip
    assert len(sizes) == 1


@pytest.mark.parametrize(("old", "new"), [("3", "5"), ("4", "6"), ("5", "7"), ("2", "4")])
def test_prism_repeats_infer(published: pd.DataFrame, old: str, new: str) -> None:
    keys = ["method", "cell", "setting", "metric"]
    infer = published[(published["paper"] == "infer") & (published["table"] == old)]
    prism = published[(published["paper"] == "prism") & (published["table"] == new)]
    both = infer.merge(prism, on=keys, suffixes=("_infer", "_prism"))
    assert len(both) == len(infer)
    assert (both["value_infer"] == both["value_prism"]).all()


def test_shortened_input_is_monotonic(published: pd.DataFrame) -> None:
    rows = published[(published["paper"] == "prism") & (published["table"] == "4")]
    wide = rows.pivot_table(index="row", columns="metric", values="value")
    wide = wide.sort_index(key=lambda lengths: lengths.astype(int)).iloc[:8]
    assert wide["mse"].is_monotonic_decreasing
    assert wide["mae"].is_monotonic_decreasing
    assert wide["pearson"].is_monotonic_increasing


def test_notebook_values(published: pd.DataFrame, shared: Path) -> None:
    source = shared / "data" / "metrics" / "epinformer_notebook_metrics.tsv"
    theirs = pd.read_csv(source, sep="\t")
    ours = published[published["table"] == "notebooks"]
    assert ours["value"].tolist() == theirs["pearson_r"].tolist()
    assert ours["cell"].tolist() == theirs["cell"].tolist()
    assert ours["row"].tolist() == theirs["model"].tolist()


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (ROW.replace("prism\t1", "genie\t1"), "row 2: paper 'genie' is not one of seq2exp, "),
        (ROW.replace("0.1789", "about 0.18"), "row 2: value 'about 0.18' is no number"),
        (ROW.replace("0.1789", ""), "row 2: value '' is no number"),
        (ROW.replace("0.1789", "inf"), "row 2: value 'inf' is no number"),
        (ROW.replace("0.0041", "±"), "row 2: sd '±' is no number"),
        (ROW + ROW.replace("0.1789", "0.18"), "row 3: prism | 1 | Prism | K562 |  | mse stands"),
        (ROW + "prism\t1\n", "row 3: 2 fields between tabs instead of 10"),
        (ROW.replace("\n", "\tmore\n"), "row 2: 11 fields between tabs instead of 10"),
    ],
)
def test_bad_row_is_named(tmp_path: Path, body: str, message: str) -> None:
    file = tmp_path / "published.tsv"
    file.write_text(HEADER + body, encoding="utf-8")
    with pytest.raises(UserError) as caught:
        read_published(file)
    text = str(caught.value)
    assert text.startswith(f"{file}, ")
    assert " ".join(message.split()) in text
    assert "\n" not in text


def test_missing_column_and_missing_file(tmp_path: Path) -> None:
    file = tmp_path / "published.tsv"
    file.write_text(HEADER.replace("\tsd", "") + "\n")
    with pytest.raises(UserError, match="no column 'sd'"):
        read_published(file)
    with pytest.raises(UserError, match="no such file of published values"):
        read_published(tmp_path / "absent.tsv")


def test_quotes_and_empty_files_are_harmless(tmp_path: Path) -> None:
    file = tmp_path / "published.tsv"
    file.write_text(HEADER)
    assert read_published(file).empty
    file.write_text(HEADER + ROW.replace("\t\n", '\t"quoted" and not closed: "\n'))
    assert read_published(file)["note"].tolist() == ['"quoted" and not closed: "']


def test_lookup_prefers_a_printed_sd_and_refuses_contradictions(tmp_path: Path) -> None:
    file = tmp_path / "published.tsv"
    bare = ROW.replace("prism\t1", "prism\t3").replace("0.0041", "")
    file.write_text(HEADER + bare + ROW)
    table = read_published(file)
    assert lookup(table, "prism", ["1", "3"], "prism", "K562", "mse") == (0.1789, 0.0041)
    assert lookup(table, "prism", ["1"], "prism", "H1", "mse") is None
    value, sd = lookup(table, "prism", ["3"], "prism", "K562", "mse") or (0, 0)
    assert value == 0.1789
    assert np.isnan(sd)
    table.loc[0, "value"] = 0.2
    with pytest.raises(UserError, match=r"published, prism tables 1, 3: prism, K562, mse"):
        lookup(table, "prism", ["1", "3"], "prism", "K562", "mse")


def test_a_rounded_number_is_no_contradiction(tmp_path: Path) -> None:
    path = tmp_path / "published.tsv"
    head = "\t".join(
        ["paper", "table", "row", "method", "cell", "setting", "metric", "value", "sd", "note"]
    )
    row = "epinformer\t{}\tE\tepinformer\tK562\t\tpearson\t{}\t\t"
    path.write_text("\n".join([head, row.format("a", 0.7095633), row.format("b", 0.71)]) + "\n")
    where = ("epinformer", ["a", "b"], "epinformer", "K562", "pearson")
    found = lookup(read_published(path), *where)
    assert found is not None and found[0] == 0.7095633
    path.write_text("\n".join([head, row.format("a", 0.7195633), row.format("b", 0.71)]) + "\n")
    with pytest.raises(UserError, match="values"):
        lookup(read_published(path), *where)
