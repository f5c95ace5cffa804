"""What the preflight sees of files that others made."""

from __future__ import annotations

import gzip
import io

import pytest

from gexpipe.doctor.expectations import COLUMNS
from gexpipe.doctor.looks import Expected, Look, look_at

LINKS = (
    "chr\tstart\tend\tname\tclass\tactivity_base\tTargetGene\tdistance\thic_contact\tABC.Score\n"
)
FRAGMENTS = "# id=library\nchr1\t10\t90\tAAAC-1\t2\n"


def looked(text: str, file_format: str, role: str = "") -> Look:
    look = Look()
    expected = Expected(["chr1"], {"chr1": 1000}, COLUMNS.get(role, []))
    look_at(io.BytesIO(gzip.compress(text.encode())), file_format, expected, look)
    return look


@pytest.mark.parametrize(
    ("text", "file_format", "role", "words"),
    [
        (LINKS, "tsv", "abc_predictions", ""),
        (LINKS.replace("chr\t", "#chr\t"), "tsv", "abc_predictions", ""),
        (LINKS.replace("distance", "dist"), "tsv", "abc_predictions", "no column distance"),
        ("chr\tstart\tend\tclass\tname\n", "tsv", "abc_elements", "no column activity_base"),
        ("Ensembl_ID\tATAC.RPM.TSS1Kb\n", "tsv", "abc_genes", ""),
        ("Ensembl_ID\ttss\n", "tsv", "abc_genes", "DHS.RPM.TSS1Kb or ATAC.RPM.TSS1Kb"),
        ("cell\tlabel\n", "tsv", "barcodes", "no column barcode"),
        (FRAGMENTS, "fragments", "", ""),
        (FRAGMENTS.replace("\t2\n", "\n"), "fragments", "", "4 columns, expected 5"),
        (FRAGMENTS.replace("chr1", "1"), "fragments", "", "its chromosomes are called 1"),
    ],
)
def test_what_would_stop_a_run_is_seen(text: str, file_format: str, role: str, words: str) -> None:
    look = looked(text + text.splitlines()[-1] + "\n", file_format, role)
    assert bool(look.wrong) == bool(words), look.wrong
    assert words in " ".join(look.wrong)
