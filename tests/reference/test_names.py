from __future__ import annotations

import cooler
import pandas as pd
import pyBigWig
import pysam
import pytest

from gexpipe.errors import UserError
from gexpipe.reference.names import check_names, file_chromosomes

GENOME = {"chr1": 5000, "chr2": 3000}
WANTED = ["chr1", "chr2"]


def bam(path, lengths, reads=1):
    header = {"SQ": [{"SN": name, "LN": size} for name, size in lengths.items()]}
    with pysam.AlignmentFile(str(path), "wb", header=header) as handle:
        for number in range(reads):
            read = pysam.AlignedSegment(handle.header)
            read.query_name, read.query_sequence = f"r{number}", "ACGT"
            read.reference_id, read.reference_start, read.cigartuples = 0, 10, [(0, 4)]
            handle.write(read)
    return str(path), "bam"


def bigwig(path, lengths):
    with pyBigWig.open(str(path), "w") as track:
        track.addHeader(list(lengths.items()))
        name = next(iter(lengths))
        track.addEntries([name], [0], ends=[10], values=[1.0])
    return str(path), "bigWig"


def cool(path, lengths):
    bins = cooler.binnify(pd.Series(lengths), 1000)
    pixels = pd.DataFrame({"bin1_id": [0], "bin2_id": [1], "count": [1]})
    cooler.create_cooler(str(path), bins, pixels)
    return str(path), "cool"


def bed(path, names):
    path.write_text("track name=x\n# comment\n" + "".join(f"{n}\t0\t5\n" for n in names))
    return str(path), "bed"


def test_files_that_agree(tmp_path):
    files = [
        bam(tmp_path / "a.bam", GENOME),
        bigwig(tmp_path / "a.bigWig", GENOME),
        cool(tmp_path / "a.cool", GENOME),
        bed(tmp_path / "a.bed", ["chr1", "chr9"]),
    ]
    report = check_names(GENOME, files, WANTED)
    assert [row["common"] for row in report] == [WANTED, WANTED, WANTED, ["chr1"]]
    assert report[3]["lacking"] == ["chr2"]


def test_contacts_may_drop_the_prefix_and_nothing_else_may(tmp_path):
    bare = {name.removeprefix("chr"): size for name, size in GENOME.items()}
    assert check_names(GENOME, [cool(tmp_path / "a.cool", bare)], WANTED)[0]["common"] == WANTED
    regions = bed(tmp_path / "a.bed", bare)
    for file in (bam(tmp_path / "a.bam", bare), bigwig(tmp_path / "a.bigWig", bare), regions):
        with pytest.raises(
            UserError,
            match=r"a\.\w+: chromosome names do not match: it has 1, 2; the genome has chr1, chr2",
        ):
            check_names(GENOME, [file], WANTED)


def test_another_length_shows_both_sides(tmp_path):
    longer = {"chr1": 5000, "chr2": 3001}
    for file in (bam(tmp_path / "a.bam", longer), cool(tmp_path / "a.cool", longer)):
        with pytest.raises(
            UserError, match=r"chr2 is 3,001 bp here and 3,000 bp in the genome: another assembly\?"
        ):
            check_names(GENOME, [file], WANTED)


def test_a_chromosome_that_the_fasta_lacks(tmp_path):
    with pytest.raises(UserError, match="chr2 is in this file but not in the genome"):
        check_names({"chr1": 5000}, [bam(tmp_path / "a.bam", GENOME)], WANTED)


def test_empty_and_unreadable_files_are_refused(tmp_path):
    with pytest.raises(UserError, match=r"a\.bam: the BAM has no reads"):
        file_chromosomes(*bam(tmp_path / "a.bam", GENOME, reads=0))
    text = tmp_path / "text"
    text.write_text("no format at all")
    for format in ("bam", "bigWig", "hic", "cool"):
        with pytest.raises(UserError, match=f"text: not a readable {format} file"):
            file_chromosomes(text, format)
    text.write_text("# nothing\n")
    with pytest.raises(UserError, match="this bed file names no chromosome"):
        file_chromosomes(text, "bed")


def test_real_hic_without_prefix(shared):
    path = shared / "data/hic/hg38_sparse_multires_no_norms.hic"
    found = file_chromosomes(path, "hic")
    assert found["1"] == 248_956_422
    assert check_names({"chr1": 248_956_422}, [(str(path), "hic")], ["chr1"])[0]["lacking"] == []
