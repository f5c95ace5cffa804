"""Liftover through a small chain file in UCSC's format."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gexpipe.cli.reference import app
from gexpipe.errors import UserError
from gexpipe.reference.liftover import lift_file, lift_interval, read_chain

# chr1: 1000-2000 moves by +500, a gap of 100 that the new assembly lacks, 2100-3000 follows.
# chr2: 0-1000 is reversed onto the end of chr9 (2000 bp). chr3: two chains claim 0-100.
CHAIN = """\
chain 1000 chr1 5000 + 1000 3000 chr1 6000 + 1500 3400 1
1000\t100\t0
900

chain 900 chr2 1000 + 0 1000 chr9 2000 - 0 1000 2
1000

chain 800 chr3 500 + 0 100 chr3 500 + 10 110 3
100

chain 700 chr3 500 + 0 100 chr4 500 + 0 100 4
100

"""


@pytest.fixture
def chain(tmp_path: Path) -> Path:
    path = tmp_path / "hg19ToHg38.over.chain.gz"
    path.write_bytes(gzip.compress(CHAIN.encode()))
    return path


@pytest.mark.parametrize(
    ("interval", "place"),
    [
        (("chr1", 1000, 1200), ("chr1", 1500, 1700, False)),
        (("chr1", 1999, 2000), ("chr1", 2499, 2500, False)),
        (("chr1", 1000, 3000), ("chr1", 1500, 3400, False)),  # 100 of 2,000 bases are lost: 5 %
        (("chr1", 1500, 2400), "length changed"),
        (("chr1", 1950, 2050), "deleted"),
        (("chr1", 100, 200), "deleted"),
        (("chr2", 0, 10), ("chr9", 1990, 2000, True)),
        (("chr2", 300, 301), ("chr9", 1699, 1700, True)),
        (("chr3", 5, 20), "several places"),
        (("chr8", 5, 20), "unknown chromosome"),
    ],
)
def test_both_ends_of_an_interval_must_land_together(chain, interval, place):
    assert lift_interval(read_chain(chain), *interval) == place


def test_bed_rows_keep_their_columns_and_the_rest_is_written_aside(chain, tmp_path):
    bed = tmp_path / "tags.bed"
    rows = [
        "track name=x", "chr1\t1000\t1001\ta\t7\t+", "chr2\t0\t10\tb\t3\t+",
        "chr1\t1950\t2050\tc\t1\t-", "chr8\t1\t2\td\t1\t-",
    ]  # fmt: skip
    bed.write_text("\n".join(rows) + "\n")
    out, left = tmp_path / "out/tags.ctss.bed.gz", tmp_path / "out/unmapped.tsv"
    counts = lift_file(bed, chain, "ctss", out, left)
    placed = gzip.decompress(out.read_bytes()).decode().splitlines()
    assert placed == ["chr1\t1500\t1501\ta\t7\t+", "chr9\t1990\t2000\tb\t3\t-"]
    assert left.read_text().splitlines() == [
        f"deleted\t{rows[3]}",
        f"unknown chromosome\t{rows[4]}",
    ]
    assert counts == {"placed": 2, "deleted": 1, "unknown chromosome": 1}


def test_a_crispr_table_needs_element_and_tss(chain, tmp_path):
    table = tmp_path / "crispr.csv"
    table.write_text(
        "chrom,chromStart,chromEnd,name,chrTSS,startTSS,endTSS\n"
        'chr1,1000,1500,"a, b",chr1,2200,2201\n'
        "chr1,1000,1500,c,chr1,2050,2051\n"
    )
    out, left = tmp_path / "lifted.csv", tmp_path / "left.csv"
    done = CliRunner().invoke(
        app,
        ["lift", "--table", str(table), "--chain", str(chain), "--format", "csv",
         "--out", str(out), "--unmapped", str(left)],
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert out.read_text().splitlines()[1:] == ['chr1,1500,2000,"a, b",chr1,2600,2601']
    assert left.read_text().splitlines()[1:] == ["deleted,chr1,1000,1500,c,chr1,2050,2051"]


def test_what_cannot_be_lifted_is_refused(chain, tmp_path):
    bed, out, left = tmp_path / "a.bed", tmp_path / "out.bed", tmp_path / "left.tsv"
    bed.write_text("1\t1000\t1001\n")
    with pytest.raises(UserError, match=r"no row could be lifted \(1 rows: 1 unknown chromosome"):
        lift_file(bed, chain, "bed", out, left)
    assert not out.exists() and not left.exists()
    bed.write_text("chr1\t1000\tx\n")
    with pytest.raises(UserError, match=r"a\.bed, row 1: not an interval"):
        lift_file(bed, chain, "bed", out, left)
    bed.write_text("gene\tstart\n")
    with pytest.raises(UserError, match="no columns chrom, start, end; it has gene, start"):
        lift_file(bed, chain, "tsv", out, left)
    with pytest.raises(UserError, match="bam files cannot be lifted"):
        lift_file(bed, chain, "bam", out, left)
    with pytest.raises(UserError, match="not a chain file"):
        lift_file(bed, bed, "tsv", out, left)


def test_real_crispr_coordinates_come_back_through_the_inverse(shared, tmp_path):
    """A real table, through a chain that shifts chr1 by 10 kb and one that shifts it back."""
    source = shared / "data/crispr/EPCrisprBenchmark_combined_data.training_K562.GRCh38.tsv.gz"
    size = 248_956_422
    for name, (a, b) in {"there": (0, 10_000), "back": (10_000, 0)}.items():
        length = size - 10_000
        (tmp_path / f"{name}.chain").write_text(
            f"chain 1 chr1 {size} + {a} {a + length} chr1 {size} + {b} {b + length} 1\n{length}\n\n"
        )
    there, again = tmp_path / "there.tsv", tmp_path / "again.tsv"
    counts = lift_file(source, tmp_path / "there.chain", "tsv", there, tmp_path / "x.tsv")
    original = gzip.decompress(source.read_bytes()).decode().splitlines()
    on_chr1 = [line for line in original[1:] if line.startswith("chr1\t")]
    assert counts == {
        "placed": len(on_chr1),
        "unknown chromosome": len(original) - 1 - len(on_chr1),
    }
    lift_file(there, tmp_path / "back.chain", "tsv", again, tmp_path / "y.tsv")
    assert again.read_text().splitlines() == [original[0], *on_chr1]
