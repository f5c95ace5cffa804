"""A cell type that starts from the files of ABC's own pipeline, or from EPInformer's links."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gexpipe.abc.from_abc import Lists, read_links, take_lists, take_predictions
from gexpipe.errors import UserError
from gexpipe.reference.genes import read_genes, write_table
from gexpipe.schemas import ACTIVITY, ELEMENTS, read_stage
from tests.abc.test_abc_files import enhancer_list

SIZE = 50_818_468  # chr22


@pytest.fixture
def lists(tmp_path: Path, run22: Path, published: pd.DataFrame) -> Path:
    """The published chr22 run: lists, gene table, lengths; and what `take_lists` makes of them."""
    genes = run22 / "neighborhoods/GeneList.txt.gz"
    (tmp_path / "GeneList.txt.gz").write_bytes(genes.read_bytes())
    write_table(read_genes(genes), tmp_path / "genes.tsv")
    enhancer_list(published, tmp_path / "EnhancerList.txt")
    (tmp_path / "sizes").write_text(f"chr22\t{SIZE}\n")
    take(tmp_path)
    return tmp_path


def take(folder: Path, elements: str = "EnhancerList.txt", genes: str = "GeneList.txt.gz") -> None:
    out = Lists(*(folder / n for n in ("c.bed", "e.parquet", "g.parquet", "q.json")))
    take_lists(folder / elements, folder / genes, folder / "genes.tsv", folder / "sizes", out)


def predictions(folder: Path, *files: Path) -> pd.DataFrame:
    out = folder / "p.parquet"
    take_predictions(files, folder / "e.parquet", folder / "genes.tsv", 5_000_000, out)
    return pd.read_parquet(out)


def test_lists_become_the_tables_of_the_stage(lists: Path, published: pd.DataFrame) -> None:
    elements = read_stage(lists / "e.parquet", ELEMENTS, "name", "class", "isPromoterElement")
    assert len(elements) == len(published.drop_duplicates(["chr", "start", "end"]))
    assert len((lists / "c.bed").read_text().splitlines()) == len(elements)
    activity = read_stage(lists / "g.parquet", ACTIVITY, "promoter_activity")
    assert activity["gene_id"].tolist() == read_genes(lists / "genes.tsv")["gene_id"].tolist()


def test_published_scores_come_through_unchanged(
    lists: Path, run22: Path, published: pd.DataFrame
) -> None:
    found = predictions(lists, run22 / "predictions/EnhancerPredictionsFull.tsv.gz")
    assert len(found) == len(published)
    symbols = read_genes(lists / "genes.tsv")["symbol"].to_numpy()
    key = found.assign(TargetGene=symbols[found["gene"]])
    joined = key.merge(published, on=["TargetGene", "start", "end"], suffixes=["", "_theirs"])
    assert len(joined) == len(published)
    for ours, theirs in (
        ("abc_score", "ABC.Score"), ("hic_contact", "hic_contact_theirs"),
        ("contact", "hic_contact_pl_scaled_adj"), ("activity", "activity_base"),
        ("distance", "distance_theirs"),
    ):  # fmt: skip
        assert np.allclose(joined[ours], joined[theirs], rtol=1e-6), ours
    assert (joined["is_self_promoter"] == joined["isSelfPromoter"]).all()


def epinformer(published: pd.DataFrame, path: Path) -> Path:
    """Pairs as EPInformer's releases have them: ids as TargetGene, genes without elements."""
    columns = ["chr", "start", "end", "name", "class", "activity_base", "TargetGeneTSS", "distance",
               "hic_contact", "ABC.Score"]  # fmt: skip
    table = published[columns].assign(TargetGene=published["TargetGeneEnsembl_ID"])
    table["ENSID"] = table["TargetGene"]
    alone = pd.DataFrame([{"ENSID": "ENSG00000130538"}])
    pd.concat([table, alone]).to_csv(path, sep="\t", index=False)  # so places become 1.0, 2.0
    return path


def test_epinformers_links_are_read(
    lists: Path, published: pd.DataFrame, caplog: pytest.LogCaptureFixture
) -> None:
    path = epinformer(published, lists / "links.txt.gz")
    with caplog.at_level(logging.INFO, "gexpipe"):
        found = predictions(lists, path)
    assert "1 rows have no element or no gene" in caplog.text
    # Three genes of chr22 share an Ensembl id, and so have no row of their own here.
    assert "1 genes are not in the gene table" in caplog.text
    assert len(found) == (published["TargetGeneEnsembl_ID"] != "ENSG00000273032").sum()
    assert (found["contact"] == found["hic_contact"]).all()
    assert "no hic_contact_pl_scaled_adj: contact is its hic_contact" in caplog.text
    own = found["is_self_promoter"].sum()
    assert own == published["isSelfPromoter"].sum() - 3


def test_two_files_of_pairs_are_joined(lists: Path, published: pd.DataFrame) -> None:
    half = len(published) // 2
    parts = published[:half], published[half - 5 :]
    for part, name in zip(parts, ("a.tsv", "b.tsv.gz"), strict=True):
        part.to_csv(lists / name, sep="\t", index=False)
    assert len(predictions(lists, lists / "a.tsv", lists / "b.tsv.gz")) == len(published)


def test_what_does_not_fit_is_one_line(lists: Path, published: pd.DataFrame) -> None:
    bad = lists / "bad.tsv"

    def refused(table: pd.DataFrame) -> str:
        table.to_csv(bad, sep="\t", index=False)
        with pytest.raises(UserError) as error:
            predictions(lists, bad)
        return str(error.value)

    assert "no column distance" in refused(published.drop(columns="distance"))
    moved = published.assign(start=published["start"] - 1)
    assert "pairs are of elements that the element table has not" in refused(moved)
    other = published.assign(TargetGene="x", TargetGeneEnsembl_ID="y")
    assert "none of its genes (x, ...) is in the gene table" in refused(other)
    assert "expected 0 <= start < end" in refused(published.assign(start=published["end"]))
    bad.write_bytes(bad.read_bytes()[:-40] + b"\n")
    with pytest.raises(UserError, match="not a readable table of element-gene pairs"):
        read_links(bad)
    text = (lists / "EnhancerList.txt").read_text()
    (lists / "far.txt").write_text(text + f"chr22\t{SIZE}\t{SIZE + 9}\tx\tgenic\t1\t1\tK562\n")
    with pytest.raises(UserError, match="ends outside the chromosome, which has 50,818,468 bp"):
        take(lists, elements="far.txt")
    (lists / "other.txt").write_text(text.replace("chr22\t", "22\t"))
    with pytest.raises(UserError, match="chromosome names do not match: it has 22"):
        take(lists, elements="other.txt")
    table = pd.read_csv(lists / "GeneList.txt.gz", sep="\t", dtype=str)
    table[5:].to_csv(lists / "short.txt", sep="\t", index=False)
    with pytest.raises(UserError, match="no row for 5 of the 517 genes"):
        take(lists, genes="short.txt")
