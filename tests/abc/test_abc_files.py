"""ABC's own files: written from scores, and read where this stage takes genes and elements."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from typer.testing import CliRunner

from gexpipe.abc.export import FILES
from gexpipe.abc.scores import SCHEMA, write_scores
from gexpipe.cli import abc, reference
from gexpipe.contact.element import ContactModel
from gexpipe.errors import UserError

PLACE = ["chr", "start", "end"]
# Of the published run: ABC's threshold for DNase, H3K27ac and this map, and its cut-off.
OPTIONS = ("--threshold", 0.027, "--promoter-activity-quantile-cutoff", 0.3)


def call(app, *words: object) -> None:
    done = CliRunner().invoke(app, [str(word) for word in words])
    if done.exception is not None:
        raise done.exception


def enhancer_list(published: pd.DataFrame, path: Path) -> pd.DataFrame:
    """The elements of the published predictions as ABC's EnhancerList.txt has them."""
    columns = [*PLACE, "name", "class", "activity_base", "normalized_dhs"]
    table = published[columns].drop_duplicates(PLACE, ignore_index=True)
    table.assign(cellType="K562").to_csv(path, sep="\t", index=False)
    return table


def ids_of(published: pd.DataFrame) -> pd.Series:
    """Ensembl ids, but for three genes of chr22 that share one."""
    ids = published["TargetGeneEnsembl_ID"]
    return ids.mask(ids == "ENSG00000273032", published["TargetGene"])


@pytest.fixture
def folder(tmp_path: Path, run22: Path, published: pd.DataFrame) -> Path:
    """The published scores as predictions.parquet, beside ABC's own lists."""
    genes = run22 / "neighborhoods/GeneList.txt.gz"
    (tmp_path / "GeneList.txt.gz").write_bytes(genes.read_bytes())
    listed = enhancer_list(published, tmp_path / "EnhancerList.txt")
    symbols = pd.read_csv(genes, sep="\t")["symbol"]
    pairs = pd.DataFrame(
        {
            "gene_id": ids_of(published),
            "gene": published["TargetGene"].map({g: i for i, g in enumerate(symbols)}),
            "chrom": published["chr"],
            "start": published["start"],
            "end": published["end"],
            "element": published["name"].map({n: i for i, n in enumerate(listed["name"])}),
            "distance": published["distance"],
            "hic_contact": published["hic_contact"],
            "contact": published["hic_contact_pl_scaled_adj"],
            "activity": published["activity_base"],
            "abc_score": published["ABC.Score"],
            "is_self_promoter": published["isSelfPromoter"],
        }
    )
    rows = pa.Table.from_pandas(pairs, SCHEMA, preserve_index=False)
    write_scores(iter([rows]), tmp_path / "scores.parquet", ContactModel(), measured=True)
    return tmp_path


def export(folder: Path, *more: object) -> list[Path]:
    call(
        abc.app, "export", "--predictions", folder / "scores.parquet",
        "--elements", folder / "EnhancerList.txt", "--activity", folder / "GeneList.txt.gz",
        "--genes", folder / "GeneList.txt.gz", "--cell", "K562_chr22",
        "--out-folder", folder / "out", *more,
    )  # fmt: skip
    return [folder / "out" / name for name in FILES]


def test_the_published_runs_files_are_written_again(folder, run22, published):
    full, short, paired, stats = export(folder, *OPTIONS)[2:]
    ours = pd.read_csv(full, sep="\t")
    assert list(ours) == list(published)
    published = published.assign(TargetGeneEnsembl_ID=ids_of(published))
    for name in ours:
        if name in ("powerlaw.Score", "TargetGeneExpression"):  # a sum over all pairs; not known
            continue
        if published[name].dtype == np.float64:
            # The published numbers have six decimals, and so what is computed from them.
            np.testing.assert_allclose(ours[name], published[name], rtol=2e-4, atol=2e-6)
        else:
            assert (ours[name] == published[name]).all(), name
    theirs = run22 / "predictions"
    slim = pd.read_csv(theirs / "EnhancerPredictions.tsv.gz", sep="\t")
    pd.testing.assert_frame_equal(pd.read_csv(short, sep="\t"), slim, atol=1e-6)
    lines = pd.read_csv(theirs / "EnhancerPredictionsFull.bedpe.gz", sep="\t", header=None)
    pd.testing.assert_frame_equal(pd.read_csv(paired, sep="\t", header=None), lines, atol=1e-6)
    genes = pd.read_csv(theirs / "GenePredictionStats.tsv.gz", sep="\t")
    pd.testing.assert_frame_equal(pd.read_csv(stats, sep="\t"), genes)


def test_all_pairs_are_apart_by_whether_the_gene_is_expressed(folder, published):
    expressed, silent = (pd.read_csv(path, sep="\t") for path in export(folder, *OPTIONS)[:2])
    assert expressed["TargetGeneIsExpressed"].all()
    assert not silent["TargetGeneIsExpressed"].any()
    assert len(expressed) == published["TargetGeneIsExpressed"].sum()
    assert len(expressed) + len(silent) == len(published)


def test_expression_goes_before_the_activity_of_the_promoter(folder, published):
    genes = published["TargetGeneEnsembl_ID"].unique()[:2]
    (folder / "rna.tsv").write_text(f"gene_id\tTPM\n{genes[0]}\t0.5\n{genes[1]}\t2.5\n")
    paths = export(folder, *OPTIONS, "--expression", folder / "rna.tsv")
    table = pd.concat([pd.read_csv(path, sep="\t") for path in paths[:2]])
    by_gene = table.groupby("TargetGeneEnsembl_ID")[["TargetGeneExpression"]].first()
    flags = table.groupby("TargetGeneEnsembl_ID")["TargetGeneIsExpressed"].first()
    assert by_gene.loc[genes[0], "TargetGeneExpression"] == 0.5
    assert not flags[genes[0]]
    assert flags[genes[1]]
    assert by_gene["TargetGeneExpression"].notna().sum() == 2


def test_scores_that_do_not_say_how_they_were_made_are_refused(folder):
    table = pd.read_parquet(folder / "scores.parquet")
    table.to_parquet(folder / "scores.parquet")
    with pytest.raises(UserError, match=r"scores\.parquet: it does not say how its contact"):
        export(folder)


def test_abcs_lists_are_scored_as_they_are(folder, published):
    call(
        abc.app, "scores", "--elements", folder / "EnhancerList.txt",
        "--genes", folder / "GeneList.txt.gz", "--out", folder / "mine.parquet",
    )  # fmt: skip
    found = pd.read_parquet(folder / "mine.parquet").astype({"gene_id": str})
    listed = published.assign(gene_id=ids_of(published))
    both = listed.merge(found, on=["gene_id", "start", "end"])
    assert len(both) == len(published)
    np.testing.assert_array_equal(both["is_self_promoter"], both["isSelfPromoter"])
    np.testing.assert_allclose(both["contact"], both["powerlaw_contact"], atol=1e-6)


def test_abcs_gene_list_is_a_gene_table(folder):
    source = folder / "GeneList.txt.gz"
    call(
        reference.app, "genes", "--source", "table", "--table", source, "--chromosome", "chr22",
        "--out", folder / "genes.tsv",
    )  # fmt: skip
    ours = pd.read_csv(folder / "genes.tsv", sep="\t")
    theirs = pd.read_csv(source, sep="\t")
    names = ["symbol", "chr", "tss", "strand", "start", "end"]
    assert ours.iloc[:, 1:7].values.tolist() == theirs[names].values.tolist()
    other = ours["gene_id"] != theirs["Ensembl_ID"]
    assert ours["gene_id"][other].tolist() == ["DGCR5", "DGCR9", "DGCR10"]


def test_abcs_enhancer_list_gives_the_candidates(folder, bam, run22):
    rows = pd.DataFrame({"chr": "chr1", "start": [500, 2000], "end": [700, 2300]})
    rows.assign(name="x|y", **{"class": "genic"}).to_csv(
        folder / "EnhancerList.txt", sep="\t", index=False
    )
    (folder / "genes.tsv").write_text(
        "gene_id\tsymbol\tchrom\ttss\tstrand\tstart\tend\tsource\n"
        "g1\tA\tchr1\t600\t+\t600\t1800\ttest\n"
    )
    (folder / "sizes.tsv").write_text("chr1\t5000\nchr2\t3000\n")
    outputs = [f"--out-{n}={folder / n}" for n in ("elements", "genes", "quality")]
    call(
        abc.app, "activity", "--candidates", folder / "EnhancerList.txt", "--dnase", bam,
        "--genes", folder / "genes.tsv", "--chrom-sizes", folder / "sizes.tsv", *outputs,
    )  # fmt: skip
    assert pd.read_parquet(folder / "elements")["start"].tolist() == [500, 2000]


def test_an_enhancer_list_without_activity_is_refused(folder):
    table = pd.read_csv(folder / "EnhancerList.txt", sep="\t").drop(columns="activity_base")
    table.to_csv(folder / "EnhancerList.txt", sep="\t", index=False)
    with pytest.raises(UserError, match=r"EnhancerList.txt: missing column 'activity_base'"):
        call(
            abc.app, "scores", "--elements", folder / "EnhancerList.txt",
            "--genes", folder / "GeneList.txt.gz", "--out", folder / "mine.parquet",
        )  # fmt: skip
