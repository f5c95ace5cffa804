from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from gexpipe.errors import UserError
from gexpipe.reference.mrna import (
    MRNA_FEATURES,
    mrna_from_gtf,
    mrna_from_table,
    transcript_lengths,
    transcript_models,
    transcript_parts,
)

# 5'UTR [10, 30), CDS [30, 50) and [70, 87), stop codon [87, 90), 3'UTR [90, 100), intron [50, 70).
EXONS = [(10, 50), (70, 100)]
CDS = [(30, 50), (70, 87)]
STOP = (87, 90)


def mirrored(pieces, size=110):
    return sorted((size - end, size - start) for start, end in pieces)


def test_parts_and_lengths_of_a_transcript_on_both_strands():
    forward = transcript_parts(EXONS, CDS, [STOP], "+")
    assert forward == {"UTR5": [(10, 30)], "CDS": CDS, "UTR3": [(90, 100)]}
    reverse = transcript_parts(mirrored(EXONS), mirrored(CDS), mirrored([STOP]), "-")
    assert reverse == {name: mirrored(pieces) for name, pieces in forward.items()}
    # A base less per piece: 20 - 1, (20 - 1) + (17 - 1), 10 - 1; introns are the rest of 90 - 1.
    expected = {"UTR5LEN": 19, "CDSLEN": 35, "UTR3LEN": 9, "INTRONLEN": 26}
    for exons, parts in ((EXONS, forward), (mirrored(EXONS), reverse)):
        found = transcript_lengths(exons, parts)
        assert found.pop("ORFEXONDENSITY") == pytest.approx(2000 / 35)
        assert found == expected


def test_features_from_gene_models_and_sequence(models, write_gtf, tmp_path):
    lines = models("+", ("G1", "ONE", "T1"), EXONS, CDS, STOP)
    shifted = [[(s + 200, e + 200) for s, e in mirrored(p)] for p in (EXONS, CDS, [STOP])]
    lines += models("-", ("G2", "TWO", "T2"), shifted[0], shifted[1], shifted[2][0])
    # No UTR and no intron.
    lines += models("+", ("G3", "THREE", "T3"), [(400, 430)], [(400, 430)])
    sequence = ["A"] * 500
    for start, end in [(10, 15), (30, 50), (290, 295), (400, 406)]:
        sequence[start:end] = "g" * (end - start)
    fasta = tmp_path / "genome.fa"
    fasta.write_text(">chr1\n" + "".join(sequence) + "\n")
    table = mrna_from_gtf(write_gtf(lines), fasta, ["chr1"], ["G3", "G1", "G2"])
    assert list(table.columns) == ["gene_id", *MRNA_FEATURES]
    table = table.set_index("gene_id")
    assert table.index.tolist() == ["G3", "G1", "G2"]
    np.testing.assert_allclose(table["UTR5GC"], [0, 5 / 20, 5 / 20])
    np.testing.assert_allclose(table["CDSGC"], [6 / 30, 20 / 37, 0])
    np.testing.assert_allclose(table["ORFEXONDENSITY"], [1000 / 29, 2000 / 35, 2000 / 35])
    lengths = np.log10(0.1 + np.array([0.0, 19, 19]))
    expected = (lengths - lengths.mean()) / lengths.std()
    np.testing.assert_allclose(table["UTR5LEN_log10zscore"], expected)
    with pytest.raises(UserError, match="no gene model for 1 genes, the first is G9"):
        mrna_from_gtf(write_gtf(lines), fasta, ["chr1"], ["G1", "G9"])


def test_missing_columns_and_genes_of_a_table_are_named(tmp_path):
    path = tmp_path / "mrna.csv"
    pd.DataFrame({"ENSID": ["A"], **dict.fromkeys(MRNA_FEATURES, 0.5)}, index=[0]).to_csv(
        path, index=False
    )
    assert mrna_from_table(path, ["A"])["CDSGC"].tolist() == [0.5]
    with pytest.raises(UserError, match="no mRNA features for 1 genes, the first is B"):
        mrna_from_table(path, ["A", "B"])
    pd.DataFrame({"ENSID": ["A"]}).to_csv(path, index=False)
    with pytest.raises(UserError, match="no column"):
        mrna_from_table(path, ["A"])


@pytest.fixture(scope="module")
def chr19(shared):
    """Our lengths of the real gene models of chr19 beside the published z-scores."""
    folder = shared / "data"
    gtf = folder / "annotation/gencode.v24.annotation_chr19.gtf.gz"
    table = transcript_models(gtf, ["chr19"]).set_index("gene_id")
    ours = [
        transcript_lengths(exons, parts)
        for exons, parts in zip(table["exons"], table["parts"], strict=True)
    ]
    published = pd.read_csv(folder / "genes/mRNA_halflife_features.csv.gz").set_index("gene_id")
    both = pd.DataFrame(ours, index=table.index).join(
        published.rename(columns={"ORFEXONDENSITY": "ORFEXONDENSITY_published"}), how="inner"
    )
    sample = pd.read_csv(folder / "genes/mRNA_halflife_features.sample2000.csv.gz")
    return both, sample.loc[sample["chrom"].astype(str) == "19", "gene_id"]


def test_density_equals_the_published_one_on_chr19(chr19):
    both, sample = chr19
    for rows in (both, both.loc[both.index.intersection(sample)]):
        close = (rows["ORFEXONDENSITY"] - rows["ORFEXONDENSITY_published"]).abs() < 0.00501
        assert close.mean() > 0.95  # the table is rounded to two digits


@pytest.mark.parametrize("name", ["UTR5LEN", "CDSLEN", "INTRONLEN", "UTR3LEN"])
def test_lengths_equal_the_published_ones_on_chr19(chr19, name):
    # A z-score over all genes of the genome is one straight line through log10(0.1 + length).
    both, sample = chr19
    length, published = np.log10(0.1 + both[name]), both[f"{name}_log10zscore"]
    slope = stats.theilslopes(published, length)[0]
    offset = (published - slope * length).median()
    exact = (published - slope * length - offset).abs() < 1e-9
    assert exact.mean() > 0.94
    assert exact[both.index.intersection(sample)].mean() > 0.93
    assert stats.spearmanr(length, published)[0] > 0.92
