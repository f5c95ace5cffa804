"""Test genes that training has seen something of are found, and counted out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gexpipe.benchmark.leakage import (
    ALL,
    ANY,
    LIKE,
    Sources,
    error_by_leakage,
    gene_leakage,
    overlap,
    paralogues,
)
from gexpipe.errors import UserError
from tests.project import Project

GENES = 60  # the first half on chr1 trains, the others on chr2 test
COPIES = 8  # test genes whose DNA is a training gene's, on the other strand, 5 % changed
SPACING = 12_000


@pytest.fixture(scope="module")
def genome(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, pd.DataFrame, pd.Series]:
    rng = np.random.default_rng(0)
    half = GENES // 2
    first, second = (rng.integers(0, 4, half * SPACING) for _ in range(2))
    for gene in range(COPIES):
        place = slice(gene * SPACING, (gene + 1) * SPACING)
        copy = 3 - first[place][::-1]
        changed = rng.random(SPACING) < 0.05
        second[place] = np.where(changed, (copy + rng.integers(1, 4, SPACING)) % 4, copy)
    # One repeat, in small letters, beside every gene: it makes no gene another's look-alike.
    repeat = rng.integers(0, 4, 3000)
    fasta = tmp_path_factory.mktemp("genome") / "genome.fa"
    with fasta.open("w") as file:
        for name, codes in (("chr1", first), ("chr2", second)):
            letters = np.array(list("ACGT"))[codes]
            for gene in range(half):
                at = gene * SPACING + 4500
                letters[at : at + 3000] = np.array(list("acgt"))[repeat]
            file.write(f">{name}\n{''.join(letters)}\n")
    genes = pd.DataFrame(
        {
            "gene_id": [f"G{i}" for i in range(GENES)], "symbol": "",
            "chrom": ["chr1"] * half + ["chr2"] * half,
            "tss": [*(np.arange(half) * SPACING + SPACING // 2)] * 2,
        }
    )  # fmt: skip
    parts = pd.Series(["train"] * half + ["test"] * half, index=genes["gene_id"])
    return fasta, genes, parts


def test_mutated_copies_in_training_are_found_and_a_model_that_learned_by_heart_is_told(
    genome: tuple[Path, pd.DataFrame, pd.Series],
) -> None:
    fasta, genes, parts = genome
    table = gene_leakage(genes, parts, 4000, Sources(fasta))
    copied = [f"G{GENES // 2 + i}" for i in range(COPIES)]
    found = table[table["look_alike"] == "yes"]
    assert list(found["gene_id"]) == copied
    assert list(found["nearest"]) == [f"G{i}" for i in range(COPIES)]
    # Repeat aside, 0.95 ** 16 of the words are shared, but for those across its ends.
    assert found["similarity"].between(0.38, 0.5).all(), found
    assert table.loc[table["look_alike"] == "no", "similarity"].max() < 0.01
    assert (table["overlap"] == 0).all(), "other chromosomes"

    rng = np.random.default_rng(1)
    observed = pd.Series(rng.normal(size=GENES), index=genes["gene_id"])
    observed[copied] = observed[[f"G{i}" for i in range(COPIES)]].to_numpy()
    by_heart = observed.where(observed.index.isin(copied), 0.0)
    test = pd.DataFrame(
        {"gene_id": observed.index, "observed": observed.to_numpy(),
         "predicted": by_heart.to_numpy(), "split": parts.to_numpy()}
    )  # fmt: skip
    errors = error_by_leakage({("A", "M"): test}, table).set_index(["trace", "has"])
    assert errors.loc[(LIKE, "yes"), "mse"] == 0 and errors.loc[(LIKE, "yes"), "genes"] == COPIES
    assert errors.loc[(LIKE, "no"), "genes"] == GENES // 2 - COPIES
    rest = observed[[g for g in parts.index[parts == "test"] if g not in copied]]
    assert errors.loc[(LIKE, "no"), "mse"] == pytest.approx((rest**2).mean())
    assert errors.loc[(LIKE, "no"), "mse"] > 1.3 * errors.loc[(ALL, "all"), "mse"]
    assert errors.loc[("overlap", "yes"), "genes"] == 0
    assert np.isnan(errors.loc[("overlap", "yes"), "mse"])
    assert errors.loc[(ANY, "no"), "genes"] == GENES // 2 - COPIES
    with pytest.raises(UserError, match="1 test genes of M in A"):
        error_by_leakage({("A", "M"): test}, table.iloc[1:])


def test_a_gene_within_repeats_is_unknown_not_new(
    genome: tuple[Path, pd.DataFrame, pd.Series], tmp_path: Path
) -> None:
    fasta, genes, parts = genome
    name, first, other, second = fasta.read_text().split("\n")[:4]
    start, end = (GENES // 2 - 1) * SPACING, GENES // 2 * SPACING
    hidden = tmp_path / "genome.fa"
    hidden.write_text(
        "\n".join([name, first, other, second[:start] + second[start:end].lower() + "\n"])
    )
    last = gene_leakage(genes, parts, 4000, Sources(hidden)).iloc[-1]
    assert np.isnan(last["similarity"]) and last["look_alike"] == "" and last["nearest"] == ""


def test_overlap_counts_bases_once_and_chromosomes_apart() -> None:
    rng = np.random.default_rng(2)
    genes = pd.DataFrame(
        {"chrom": rng.choice(["chr1", "chr2"], 200), "tss": rng.integers(0, 200_000, 200)}
    )
    asked, train = genes[:80], genes[80:110]
    covered = {name: np.zeros(220_000, bool) for name in ("chr1", "chr2")}
    for chrom, tss in zip(train["chrom"], train["tss"], strict=True):
        covered[chrom][max(0, tss - 1500) : tss + 1500] = True
    expected = [
        covered[chrom][max(0, tss - 1500) : tss + 1500].sum()
        for chrom, tss in zip(asked["chrom"], asked["tss"], strict=True)
    ]
    assert sum(expected) > 0 and 0 in expected
    np.testing.assert_array_equal(overlap(asked, train, 3000), expected)


def test_paralogues_and_regions_of_a_pre_trained_model(tmp_path: Path) -> None:
    genes = pd.DataFrame(
        {"gene_id": ["G1", "G2", "G3", "G4"], "symbol": "", "chrom": "chr1",
         "tss": [100_000, 200_000, 300_000, 400_000]}
    )  # fmt: skip
    pairs, families, bed = (tmp_path / name for name in ("pairs.tsv", "families.tsv", "b.bed"))
    pairs.write_text("Gene stable ID\tParalogue\nG1\tG3\nG2\t\nENSG00000000009.4\tG4\n")
    far = "ENSG00000000009"
    found = {"G1": {"G3"}, "G3": {"G1"}, far: {"G4"}, "G4": {far}}
    assert paralogues(pairs, genes) == found
    families.write_text("gene_id\tfamily\nG1\tHOX\nG3\tHOX\nG4\t\nG2\tPAX\n")
    assert paralogues(families, genes) == {"G1": {"G3"}, "G3": {"G1"}, "G2": set()}
    bed.write_text("chr1\t99000\t101000\ttrain\nchr1\t299000\t301000\ttest\n")
    parts = pd.Series(["train", "test", "test", "valid"], index=genes["gene_id"])
    parts["G1"], parts["G4"] = "test", "train"
    table = gene_leakage(genes, parts, 2000, Sources(paralogues=pairs, seen={"Enformer": bed}))
    assert dict(zip(table["gene_id"], table["seen_Enformer"], strict=True)) == {
        "G1": "yes", "G2": "no", "G3": "no",
    }  # fmt: skip
    assert (table["paralogue"] == "no").all() and "look_alike" not in table
    parts["G3"] = "train"
    again = gene_leakage(genes, parts, 2000, Sources(paralogues=pairs)).set_index("gene_id")
    assert again.loc["G1", "paralogue"] == "yes" and again.loc["G2", "paralogue"] == "no"
    pairs.write_text("a\tb\nACTB\tACTG1\n")
    with pytest.raises(UserError, match="none of the 4 genes is in its first column"):
        paralogues(pairs, genes)
    bed.write_text("1\t99000\t101000\n")
    with pytest.raises(UserError, match="no region is on a chromosome of the genes; it begins wi"):
        gene_leakage(genes, parts, 2000, Sources(seen={"Enformer": bed}))


@pytest.fixture
def sheet(finished: Project) -> Iterator[Path]:
    """The reference sheet, which other tests find as it was."""
    path = finished.folder / "simulated/config/reference.tsv"
    before = path.read_text()
    yield path
    path.write_text(before)


@pytest.mark.workflow
def test_the_tables_of_a_finished_run(
    finished: Project, sheet: Path, few: dict[str, list[str]]
) -> None:
    bed, pairs = finished.folder / "seen.bed", finished.folder / "pairs.tsv"
    genes = pd.read_csv(finished.folder / "results/genes/genes.tsv", sep="\t")
    bed.write_text("chr22\t0\t1000000000\n")
    test, train = genes[genes["chrom"] == "chrX"].iloc[0], genes[genes["chrom"] == "chr1"].iloc[0]
    pairs.write_text(f"gene\tparalogue\n{test['gene_id']}\t{train['gene_id']}\n")
    columns = sheet.read_text().splitlines()[0].split("\t")
    for role, path, form in (("seen:Big", bed, "bed"), ("paralogues", pairs, "tsv")):
        row = {"role": role, "source": "path", "accession": path.stem, "format": form,
               "url": str(path)}  # fmt: skip
        with sheet.open("a") as file:
            file.write("\t".join(row.get(name, "") for name in columns) + "\n")
    done = finished.run(
        "--quiet", "all", "--rerun-triggers", "mtime", "--forcerun", "leakage", "--",
        "results/benchmark.html", change=few,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    tables = finished.folder / "results/tables"
    by_gene = pd.read_csv(tables / "leakage.genes.tsv", sep="\t").set_index("gene_id")
    assert set(by_gene["part"]) == {"valid", "test"}
    assert by_gene.loc[test["gene_id"], "paralogue"] == "yes"
    assert (by_gene["paralogue"] == "yes").sum() == 1
    assert (by_gene["seen_Big"].eq("yes") == by_gene["chrom"].eq("chr22")).all()
    assert by_gene["overlap"].eq(0).all() and by_gene["similarity"].notna().all()
    table = pd.read_csv(tables / "leakage.tsv", sep="\t")
    split = table[table["trace"] == "seen by Big"].pivot(
        index=["cell", "label"], columns="has", values="genes"
    )
    whole = table[table["trace"] == ALL].set_index(["cell", "label"])["genes"].sort_index()
    assert (split.sum(axis=1) == whole).all() and (split["yes"] > 0).all()
    page = (finished.folder / "results/benchmark.html").read_text()
    assert "without a look-alike in training" in page and "tables/leakage.genes.tsv" in page
