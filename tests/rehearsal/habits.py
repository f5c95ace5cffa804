"""Small files with the habits of the real ones, made from those of the simulated genome."""

from __future__ import annotations

import gzip
import multiprocessing
import re
import tarfile
import zipfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pysam

from gexpipe.contact.hictk import hictk
from gexpipe.reference.genes import genes_from_gtf
from gexpipe.reference.mrna import MRNA_FEATURES
from gexpipe.simulate.hic import add_norm_vectors

CHROMOSOMES = ["chr1", "chr2", "chr3", "chr21", "chr22", "chrX"]
# Contigs that alignments name and that no gene lies on.
EXTRA = {"chr1_KI270706v1_random": 175_055, "chrUn_KI270302v1": 2_274, "chrEBV": 171_823}
CELLS = ["K562", "GM12878", "H1", "HepG2", "HUVEC", "NHEK"]
STEP = 120  # bp between the mates' starts


def _header(bam: pysam.AlignmentFile, order: str) -> dict[str, object]:
    header = bam.header.to_dict()
    header["HD"] = {"VN": "1.6", "SO": order}
    header["SQ"] = [*header["SQ"], *({"SN": name, "LN": size} for name, size in EXTRA.items())]
    return header


def filtered(source: Path, out: Path) -> Path:
    """In order of coordinate, single-end; contigs in the header, a few reads on EBV."""
    with pysam.AlignmentFile(str(source)) as bam:
        header = _header(bam, "coordinate")
        with pysam.AlignmentFile(str(out), "wb", header=header) as target:
            for read in bam:
                target.write(pysam.AlignedSegment.from_dict(read.to_dict(), target.header))
            for number in range(20):
                target.write(_virus(target.header, number))
    return out


def _virus(header: pysam.AlignmentHeader, number: int) -> pysam.AlignedSegment:
    read = pysam.AlignedSegment(header)
    read.query_name, read.query_sequence = f"ebv{number}", "A" * 36
    read.reference_id = header.get_tid("chrEBV")
    read.reference_start, read.cigartuples, read.mapping_quality = 100 * number, [(0, 36)], 30
    return read


def unfiltered_pairs(source: Path, out: Path) -> Path:
    """Ordered by name, paired-end: every read gets a mate; the flags of raw reads stay."""
    with pysam.AlignmentFile(str(source)) as bam:
        header = _header(bam, "queryname")
        sizes = dict(zip(bam.references, bam.lengths, strict=True))
        with pysam.AlignmentFile(str(out), "wb", header=header) as target:
            for number, read in enumerate(bam):
                first = pysam.AlignedSegment.from_dict(read.to_dict(), target.header)
                kept = read.flag & 0xF00
                first.query_name = f"pair{(number * 7919) % 1_000_003:07d}.{number}"
                if (
                    read.is_unmapped
                    or read.reference_start + STEP + 36 > sizes[read.reference_name]
                ):
                    continue
                mate = pysam.AlignedSegment.from_dict(first.to_dict(), target.header)
                mate.reference_start = first.reference_start + STEP
                first.flag, mate.flag = 99 | kept, 147 | kept
                first.next_reference_id = mate.next_reference_id = first.reference_id
                first.next_reference_start = mate.reference_start
                mate.next_reference_start = first.reference_start
                first.template_length = STEP + 36
                mate.template_length = -first.template_length
                target.write(first)
                target.write(mate)
    return out


def bare_hic(source: Path, out: Path, width: int = 5000) -> Path:
    """Names without chr; no VC vector on chrX, as one of the released files may be.

    In a process of its own, since hictkpy keeps a core busy for as long as its process lives.
    """
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_bare_hic, source, out, width).result()


def _bare_hic(source: Path, out: Path, width: int) -> Path:
    old = hictk().File(str(source), width)
    sizes = {name.removeprefix("chr"): size for name, size in old.chromosomes().items()}
    writer = hictk().hic.FileWriter(
        str(out), sizes, [width], assembly="hg38", skip_all_vs_all_matrix=True
    )
    writer.add_pixels(pd.concat([old.fetch(name).to_df() for name in old.chromosomes()]))
    writer.finalize()
    vectors = {}
    for kind in ("VC", "VC_SQRT"):
        weights, begin = np.asarray(old.weights(kind, divisive=True), np.float32), 0
        for name, size in sizes.items():
            bins = -(-size // width)
            if (kind, name) != ("VC", "X"):
                vectors[kind, name, width] = weights[begin : begin + bins]
            begin += bins
    add_norm_vectors(out, vectors)
    return out


def genome(source: Path, out: Path) -> Path:
    """Plain gzip, soft-masked as it is, with the other contigs behind the chromosomes."""
    extra = "".join(f">{name}\n{'ACgt' * (size // 4)}\n" for name, size in EXTRA.items())
    out.write_bytes(gzip.compress(gzip.decompress(source.read_bytes()) + extra.encode()))
    return out


def annotation(source: Path, out: Path) -> Path:
    """GENCODE's: a gene of the pseudoautosomal region stands on chrX and again on chrY."""
    lines = gzip.decompress(source.read_bytes()).decode().splitlines(keepends=True)
    genes = (re.match(r'chrX\t.*\tgene\t.*gene_id "([^"]+)"', line) for line in lines)
    par = next(found[1] for found in genes if found is not None)
    twin = [
        line.replace("chrX", "chrY", 1).replace(par, f"{par}_PAR_Y")
        for line in lines
        if f'"{par}"' in line
    ]
    out.write_bytes(gzip.compress("".join([*lines, *twin]).encode()))
    return out


def stand_in(kind: str, out: Path) -> Path:
    """A file of a kind that no stage of the rehearsal reads."""
    if kind == "chain":
        out.write_bytes(gzip.compress(b"chain 9 chr1 100 + 0 50 chr1 100 + 0 50 1\n50\n"))
    elif kind == "zip":
        with zipfile.ZipFile(out, "w") as archive:
            archive.writestr("elements.csv", "a\n")
    else:
        with tarfile.open(out, "w:gz") as archive:
            archive.addfile(tarfile.TarInfo("sei.pth"))
    return out


def zipped(table: Path, member: str, out: Path) -> Path:
    """The table in a folder of an archive, beside what its authors' machine left there."""
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("__MACOSX/._expression_data", b"\0\5\26\7")
        archive.write(table, f"expression_data/{member}")
    return out


def narrow_peaks(out: Path) -> Path:
    """Peaks as ENCODE writes them: gzipped, without names, strongest first."""
    rows = [
        f"{chrom}\t{start}\t{start + 500}\t.\t0\t.\t{9 - k}.5\t-1\t-1\t250\n"
        for chrom in CHROMOSOMES
        for k, start in enumerate(range(20_000, 60_000, 10_000))
    ]
    with gzip.open(out, "wt") as file:
        file.writelines(rows)
    return out


def splits(gtf: Path, out: Path) -> Path:
    """EPInformer's table of splits, with Enformer's as its last fold."""
    genes = genes_from_gtf(gtf, CHROMOSOMES)
    parts = np.array(["train", "valid", "test"])[np.arange(len(genes)) % 3]
    chrom = genes["chrom"].str.removeprefix("chr")
    table = pd.DataFrame({"ENSID": genes["gene_id"], "chrom": chrom, "fold_enformer": parts})
    table.assign(**{"Gene name": genes["symbol"]}).to_csv(out, index=False)
    return out


def gene_table(gtf: Path, out: Path) -> Path:
    """The published table's columns: ids twice, chromosomes without chr, a TSS beside Xpresso's."""
    genes = genes_from_gtf(gtf, CHROMOSOMES)
    rng = np.random.default_rng(1)
    table = pd.DataFrame(
        {
            "ENSID": genes["gene_id"],
            "gene_id": genes["gene_id"],
            "Gene name": genes["symbol"],
            "chrom": genes["chrom"].str.removeprefix("chr"),
            "strand": genes["strand"].map({"+": 1, "-": -1}),
            "TSS": genes["tss"] + 77,
            "TSS_xpresso": genes["tss"],
        }
    )
    for name in MRNA_FEATURES:
        table[name] = rng.normal(size=len(table)).round(4)
    for cell in CELLS:
        table[f"Actual_{cell}"] = rng.normal(size=len(table)).round(4)
    for cell in CELLS[:2]:
        table[f"{cell}_CAGE_128*3_sum"] = rng.poisson(40, len(table))
    table.to_csv(out, index=False)
    return out
