"""Mutated text files of every kind: read as an independent reader reads them, or one clear line.

Property-based (hypothesis), the same examples every time. A reader either raises a `UserError` of
one line that names the file, or gives what `plain` finds in it: nothing lost or
shuffled.
"""

from __future__ import annotations

import csv
import gzip
import io
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

pytest.importorskip("hypothesis")
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gexpipe.abc.candidates import read_peaks
from gexpipe.abc.from_counts import read_counts
from gexpipe.abc.tags import read_tags
from gexpipe.crispri.pairs import crispr_pairs
from gexpipe.errors import UserError
from gexpipe.files import open_text
from gexpipe.intervals import read_intervals
from gexpipe.reference.bed_genes import genes_from_bed
from gexpipe.reference.expression import gene_tpm
from gexpipe.reference.genes import genes_from_table, read_genes
from gexpipe.reference.genome import read_sizes
from gexpipe.reference.gtf import read_gtf
from gexpipe.reference.targets import cage_ctss
from gexpipe.tabular import read_table

SIZES = {"chr1": 100_000, "chr2": 50_000}
GENES = pd.DataFrame(
    {
        "gene_id": ["G1", "G2"], "symbol": ["A", "B"], "chrom": ["chr1", "chr2"],
        "tss": [2000, 3000], "strand": ["+", "-"],
    }
)  # fmt: skip

# What people's files hold where something else belongs.
ODD = [
    "", " ", "NA", "nan", "inf", "-1", "0", "1e5", "3.5", "1,000", "1,5", "999999999", "2-Sep",
    "chrX", "'", '"', '"x', "#", "TRUE", "Test", ".", "é", "\x00", "\t", "track",
    "99999999999999999999",
]  # fmt: skip


def change(lines: list[str], kind: str, at: int, to: int, field: int, value: str) -> list[str]:
    """One change of a file's lines."""
    at, to = at % len(lines), to % len(lines)
    mark = "\t" if "\t" in lines[at] else ","
    if kind == "drop":
        return lines[:at] + lines[at + 1 :]
    if kind == "repeat":
        return [*lines[: at + 1], lines[at], *lines[at + 1 :]]
    if kind == "swap":
        lines = list(lines)
        lines[at], lines[to] = lines[to], lines[at]
        return lines
    fields = lines[at].split(mark)
    place = field % len(fields)
    if kind == "lose":
        fields = fields[:place] + fields[place + 1 :]
    elif kind == "add":
        fields.insert(place, value)
    else:
        fields[place] = value
    return [*lines[:at], mark.join(fields), *lines[at + 1 :]]


@st.composite
def mutated(draw: st.DrawFn, text: str) -> bytes:
    """Bytes of a file with one or two changes, in some encoding and compression."""
    lines = text.splitlines()
    for _ in range(draw(st.integers(1, 2))):
        kind = draw(st.sampled_from(["drop", "repeat", "swap", "lose", "add", "put", "put", "put"]))
        numbers = (draw(st.integers(0, 9)) for _ in range(3))
        lines = change(lines, kind, *numbers, draw(st.sampled_from(ODD)))
        if not lines:
            return b""
    end = draw(st.sampled_from(["\n", "\n", "\n", "\r\n"]))
    content = end.join([*lines, ""] if draw(st.booleans()) else lines)
    data = content.encode(draw(st.sampled_from(["utf-8", "utf-8", "utf-8-sig", "utf-16"])))
    damage = draw(st.sampled_from(["", "", "", "latin", "half", "gzip", "cut", "flip"]))
    if damage == "latin":
        return content.encode("latin-1")
    if damage == "half":
        return data[: len(data) // 2]
    if damage in ("gzip", "cut", "flip"):
        data = gzip.compress(data, mtime=0)
    if damage == "cut":
        return data[: -draw(st.integers(1, len(data) - 3))]
    if damage == "flip":
        place = draw(st.integers(10, len(data) - 1))
        return data[:place] + bytes([data[place] ^ 0x5A]) + data[place + 1 :]
    return data


def plain(path: Path) -> Iterator[list[str]]:
    """Fields of the data lines of a tab-separated file, by the rules that all formats share."""
    data = path.read_bytes()
    data = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    utf16 = data[:2] in (b"\xff\xfe", b"\xfe\xff")
    text = data.decode("utf-16" if utf16 else "utf-8-sig")
    for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        if line.strip() and line[0] != "#" and line.split()[0] not in ("track", "browser"):
            yield line.split("\t") if "\t" in line else line.split()


def intervals(path: Path) -> list[tuple[str, int, int]]:
    return [(f[0], int(float(f[1])), int(float(f[2]))) for f in plain(path)]


def rows_of(table: pd.DataFrame) -> list[tuple[Any, ...]]:
    return list(table[["chrom", "start", "end"]].itertuples(index=False, name=None))


def bed(path: Path) -> None:
    assert rows_of(read_intervals(path, sizes=SIZES)) == intervals(path)


def peaks(path: Path) -> None:
    found = read_peaks(path, SIZES)
    inside = [(c, max(s, 0), min(e, SIZES.get(c, e))) for c, s, e in intervals(path)]
    assert rows_of(found) == inside
    assert (found["summit"] < found["end"] - found["start"]).all()


def counts(path: Path) -> None:
    found = read_counts(path, SIZES)
    assert rows_of(found) == intervals(path)
    assert found["count"].tolist() == [float(f[3]) for f in plain(path)]


def tags(path: Path) -> None:
    found = sum(len(block.start) for block in read_tags(path, list(SIZES), SIZES))
    assert found == len(intervals(path))


def own_genes(path: Path) -> None:
    found = genes_from_bed(path, list(SIZES))
    assert rows_of(found) == [place for place in intervals(path) if place[0] in SIZES]


def sizes(path: Path) -> None:
    assert read_sizes(path) == {f[0]: int(f[1]) for f in plain(path)}


def gtf(path: Path) -> None:
    kinds = ("transcript", "exon", "CDS")
    found = read_gtf(path, list(SIZES))
    rows = [f for f in plain(path) if f[2] in kinds and f[0] in SIZES and "protein_coding" in f[8]]
    spanned = len(found) - len(rows)  # transcripts made of their exons, genes of another place
    assert abs(spanned) <= len(rows)
    assert (found["start"] < found["end"]).all() and (found["gene_id"] != "").all()


def ctss(path: Path) -> None:
    found, total = cage_ctss(path, GENES, 1000, "both").sum(), 0.0
    for chrom, start, _, _, count, _ in (f[:6] for f in plain(path)):
        for gene in GENES.itertuples():
            inside = gene.chrom == chrom and -500 <= int(float(start)) - gene.tss < 500
            total += float(count) if inside else 0.0
    assert math.isclose(found, total, abs_tol=1e-9)


def records(path: Path) -> list[dict[str, str]]:
    """Rows of a table by Python's own reader."""
    with open_text(path) as handle:
        text = "".join(line for line in handle if line[0] != "#")
    head = text.lstrip("\n").split("\n", 1)[0]
    mark = next((m for m in "\t;," if m in head), "\t")
    found = csv.DictReader(io.StringIO(text.lstrip("\n")), delimiter=mark)
    return [row for row in found if any(str(v).strip() for v in row.values() if v)]


def any_table(path: Path) -> None:
    found = read_table(path)
    expected = records(path)
    assert len(found) == len(expected)
    for column in found.columns:
        if column and "" not in found:  # row names as R writes them: one heading less
            assert found[column].tolist() == [(row[column] or "").strip() for row in expected]


def genes_table(path: Path) -> None:
    found = genes_from_table(path, list(SIZES))
    wanted = [r for r in records(path) if r["chrom"] in SIZES or "chr" + r["chrom"] in SIZES]
    assert found["tss"].tolist() == [int(float(row["tss"])) for row in wanted]
    assert found["gene_id"].is_unique and (found["start"] < found["end"]).all()


def gene_file(path: Path) -> None:
    found = read_genes(path, SIZES)
    assert found["tss"].tolist() == [int(float(row["tss"])) for row in records(path)]


def expression(path: Path) -> None:
    found = gene_tpm(path, GENES)[0]
    rows = records(path)
    if "gene_id" not in rows[0]:
        return  # names without a heading, as R writes them
    values = [row["TPM"] for row in rows if row["gene_id"].strip() in ("G1", "A")]
    known = [float(v) for v in values if v.strip() and v.strip() not in ("NA", "nan", ".")]
    assert math.isnan(found) if not known else found in known


def crispri(path: Path) -> None:
    found = crispr_pairs(path, GENES)
    kept = [r for r in records(path) if r.get("ValidConnection", "TRUE").strip().upper() == "TRUE"]
    assert len(found) == len(kept)
    assert found["distance"].notna().all()


BED = "chr1\t100\t200\tx\t5\t+\nchr1\t300\t400\ty\t6\t-\nchr2\t10\t20\tz\t7\t+\n"
ATTRIBUTES = 'gene_id "G1"; transcript_id "T1"; gene_type "protein_coding"; gene_name "A";'
GENE_HEAD = "gene_id\tsymbol\tchrom\ttss\tstrand\tstart\tend\tsource\n"
GENE_ROWS = "G1\tA\tchr1\t2000\t+\t2000\t2500\ttable\nG2\tB\tchr2\t3000\t-\t2000\t3001\ttable\n"
SAMPLES: dict[str, tuple[str, Callable[[Path], None]]] = {
    "bed": (BED, bed),
    "narrowPeak": (
        "chr1\t100\t200\tp\t1\t.\t1\t2\t3\t50\nchr2\t49900\t50100\tq\t1\t.\t1\t2\t3\t150\n", peaks,
    ),
    "counts": ("chr1\t100\t200\t5\nchr1\t300\t400\t6.5\nchr2\t10\t20\t0\n", counts),
    "tagAlign": (BED, tags),
    "genes_bed": (BED, own_genes),
    "sizes": ("chr1\t100000\nchr2\t50000\n", sizes),
    "gtf": (
        "#!x\n" + "".join(
            f"chr1\tX\t{kind}\t101\t400\t.\t+\t.\t{ATTRIBUTES}\n"
            for kind in ("transcript", "exon", "CDS")
        ), gtf,
    ),
    "ctss": ("chr1\t1990\t1991\tn\t3\t+\nchr1\t2010\t2011\tn\t4\t-\n", ctss),
    "table": ("a,b,c\n1,x,y\n2,z,\n3,NA,w\n", any_table),
    "genes_table": (GENE_HEAD + GENE_ROWS, genes_table),
    "genes": (GENE_HEAD + GENE_ROWS, gene_file),
    "expression": ("gene_id\tlength\tTPM\nG1\t10\t1.5\nG2\t10\t2.5\nX\t10\t4\n", expression),
    "crispri": (
        "chrom\tchromStart\tchromEnd\tstartTSS\tendTSS\tmeasuredGeneSymbol\tRegulated\tEffectSize\n"
        "chr1\t10\t20\t2000\t2001\tA\tTRUE\t-0.5\nchr2\t10\t20\t3000\t3001\tB\tFALSE\t0.1\n",
        crispri,
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", list(SAMPLES))
def test_a_mutated_file_is_read_as_it_stands_or_refused_in_one_line(kind, tmp_path):
    text, check = SAMPLES[kind]
    path = tmp_path / f"input.{kind}"
    path.write_text(text)
    check(path)

    @settings(
        max_examples=120, deadline=None, derandomize=True, database=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(mutated(text))
    def tried(data: bytes) -> None:
        path.write_bytes(data)
        try:
            check(path)
        except UserError as error:
            assert "\n" not in str(error)
            assert f"input.{kind}" in str(error)

    tried()
