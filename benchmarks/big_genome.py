"""Files as large as those of a human cell type, made in minutes: everything random, sizes real.

Lengths are hg38's, genes as many as the papers have, tracks as dense as measured ones. All files of
a chromosome are written before the next one is drawn.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np
import pandas as pd
import pyBigWig
from big_files import READ, BamWriter, FastaWriter, draw_genome
from big_hic import write_big_hic
from isal import igzip
from numpy.typing import NDArray
from tracks import TRACKS, Track, random_runs

from gexpipe.files import aside
from gexpipe.reference.mrna import MRNA_FEATURES
from gexpipe.simulate.qnorm import write_qnorm_reference

__all__ = ["CELL", "Sizes", "make_files", "sizes_of"]

CELL = "K562"
GENES, ELEMENTS, TAGS = 18_377, 200_000, 3_000_000
READS = {"dnase": 100_000_000, "h3k27ac": 70_000_000}
IN_ELEMENTS = 0.4  # share of the reads
SPREAD = {"dnase": 60.0, "h3k27ac": 300.0}  # bp around an element's centre
_LEAST = 30_000  # bp of a chromosome at a small scale
_TRANSCRIPTS, _EXONS = 5, 9
_ENTRIES = 1_000_000  # of a bigWig, written at once


@dataclass(frozen=True)
class Sizes:
    """How much is made.

    Attributes
    ----------
    chromosomes : dict
        Name -> length, bp.
    genes, elements, tags : int
        Genes; places where reads gather; lines of the CAGE file.
    reads : dict
        Assay -> reads.
    """

    chromosomes: dict[str, int]
    genes: int
    elements: int
    tags: int
    reads: dict[str, int]

    def share(self, name: str, total: int) -> int:
        """A chromosome's part of what is spread evenly over all."""
        return round(total * self.chromosomes[name] / sum(self.chromosomes.values()))

    @property
    def with_genes(self) -> list[str]:
        """Chromosomes whose genes are used."""
        return [name for name in self.chromosomes if name not in ("chrY", "chrM")]


def sizes_of(scale: float, reads: float = 1.0, chromosomes: Sequence[str] = ()) -> Sizes:
    """Sizes at a share of the human ones, with another share of the reads.

    Of some chromosomes alone, they have their share of everything. chrM, and no other chromosome,
    keeps its length at every scale.
    """
    table = files("gexpipe.doctor").joinpath("hg38.tsv").read_text(encoding="utf-8")
    rows = csv.DictReader(table.splitlines(), delimiter="\t")
    full = {row["chrom"]: int(row["length"]) for row in rows}
    whole = sum(full.values())
    full = {name: full[name] for name in chromosomes or full}
    part = scale * sum(full.values()) / whole
    scaled = {name: max(min(_LEAST, size), round(size * scale)) for name, size in full.items()}
    counts = {assay: round(number * part * reads) for assay, number in READS.items()}
    genes, elements, tags = (max(50, round(n * part)) for n in (GENES, ELEMENTS, TAGS))
    return Sizes(scaled, genes, elements, tags, counts)


def make_files(folder: Path, sizes: Sizes, seed: int = 1) -> dict[str, Path]:
    """Write all files of one cell type and the genome; role -> file."""
    names = {
        "fasta": "hg38.fa.gz", "gtf": "genes.gtf.gz", "gene_table": "genes.csv",
        "blacklist": "blacklist.bed", "qnorm_reference": "qnorm.tsv", "hic": "contacts.hic",
        "dnase_bam": "dnase.bam", "h3k27ac_bam": "h3k27ac.bam", "cage": "cage.ctss.bed.gz",
        "dnase_bigwig": "DNase.bigWig", "h3k27ac_bigwig": "H3K27ac.bigWig",
    }  # fmt: skip
    paths = {role: folder / name for role, name in names.items()}
    folder.mkdir(parents=True, exist_ok=True)
    _write_chromosomes(paths, sizes, seed)
    genes = _draw_genes(sizes, np.random.default_rng([seed, 100]))
    _write_gene_table(paths["gene_table"], genes, np.random.default_rng([seed, 101]))
    _write_gtf(paths["gtf"], genes)
    _write_cage(paths["cage"], genes, sizes, np.random.default_rng([seed, 102]))
    _write_blacklist(paths["blacklist"], sizes)
    write_qnorm_reference(paths["qnorm_reference"])
    write_big_hic(paths["hic"], sizes.chromosomes, np.random.default_rng([seed, 103]))
    return paths


def _write_chromosomes(paths: Mapping[str, Path], sizes: Sizes, seed: int) -> None:
    """Genome, alignments and tracks, chromosome by chromosome."""
    qualities = np.random.default_rng([seed, 104])
    with ExitStack() as stack:
        fasta = FastaWriter(paths["fasta"])
        stack.callback(fasta.close)
        bams = {
            assay: stack.enter_context(
                BamWriter(paths[f"{assay}_bam"], sizes.chromosomes, qualities)
            )
            for assay in READS
        }
        tracks = {
            name: stack.enter_context(pyBigWig.open(str(paths[f"{name.lower()}_bigwig"]), "w"))
            for name in TRACKS
        }
        for track in tracks.values():
            track.addHeader(list(sizes.chromosomes.items()), maxZooms=10)
        for number, (name, length) in enumerate(sizes.chromosomes.items()):
            rng = np.random.default_rng([seed, number])
            codes, lower = draw_genome(rng, length)
            fasta.add(name, codes, lower)
            places, strength = _elements(rng, sizes, name)
            for assay, bam in bams.items():
                bam.add(name, _draw_reads(rng, sizes, name, assay, places, strength), codes)
            del codes, lower
            for kind, track in tracks.items():
                _add_runs(track, name, length, rng, TRACKS[kind])


def _elements(
    rng: np.random.Generator, sizes: Sizes, name: str
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Centres of a chromosome's elements, and their share of its reads in elements."""
    count = max(1, sizes.share(name, sizes.elements))
    strength = rng.lognormal(0, 1.2, count)
    return rng.integers(0, sizes.chromosomes[name], count), strength / strength.sum()


def _draw_reads(
    rng: np.random.Generator,
    sizes: Sizes,
    name: str,
    assay: str,
    places: NDArray[np.int64],
    strength: NDArray[np.float64],
) -> NDArray[np.int64]:
    """First bases of a chromosome's reads, in order: most spread evenly, the others in elements."""
    length, count = sizes.chromosomes[name], sizes.share(name, sizes.reads[assay])
    within = np.repeat(places, rng.multinomial(round(count * IN_ELEMENTS), strength))
    within = within + rng.normal(0, SPREAD[assay], len(within)).astype(np.int64)
    start = np.concatenate([rng.integers(0, length, count - len(within)), within])
    np.clip(start, 0, length - READ, out=start)
    start.sort()
    return start


def _add_runs(
    track: pyBigWig.bigWigFile, name: str, length: int, rng: np.random.Generator, kind: Track
) -> None:
    start, end, values = random_runs(length, rng, kind)
    for begin in range(0, len(start), _ENTRIES):
        part = slice(begin, begin + _ENTRIES)
        track.addEntries(
            [name] * len(start[part]), start[part], ends=end[part],
            values=values[part].astype(np.float64),
        )  # fmt: skip


def _draw_genes(sizes: Sizes, rng: np.random.Generator) -> pd.DataFrame:
    """Genes with room for their exons: gene_id, symbol, chrom, start, end, strand, tss."""
    lengths = {name: sizes.chromosomes[name] for name in sizes.with_genes}
    share = np.array(list(lengths.values())) / sum(lengths.values())
    chrom = np.sort(rng.choice(len(lengths), sizes.genes, p=share))
    length = np.array(list(lengths.values()))[chrom]
    body = np.minimum(rng.geometric(1 / 30_000, sizes.genes) + 5000, length // 4)
    room = length // 20
    start = room + (rng.random(sizes.genes) * (length - body - 2 * room)).astype(np.int64)
    strand = rng.choice(["+", "-"], sizes.genes)
    return pd.DataFrame(
        {
            "gene_id": [f"ENSG{number:011d}" for number in range(1, sizes.genes + 1)],
            "symbol": [f"GENE{number}" for number in range(1, sizes.genes + 1)],
            "chrom": np.array(list(lengths))[chrom],
            "start": start,
            "end": start + body,
            "strand": strand,
            "tss": np.where(strand == "+", start, start + body - 1),
        }
    )


def _write_gene_table(path: Path, genes: pd.DataFrame, rng: np.random.Generator) -> None:
    """The columns of the published table."""
    names = {"gene_id": "ENSID", "symbol": "Gene name", "tss": "TSS_xpresso"}
    table = genes.drop(columns=["start", "end"]).rename(columns=names)
    table[MRNA_FEATURES] = rng.random((len(genes), len(MRNA_FEATURES)))
    table[f"{CELL}_CAGE_128*3_sum"] = rng.lognormal(3, 2, len(genes)).round()
    table[f"Actual_{CELL}"] = rng.normal(0, 1, len(genes))
    table.to_csv(path, index=False)


def _write_gtf(path: Path, genes: pd.DataFrame) -> None:
    """Some transcripts a gene, some exons and coding parts a transcript."""
    with igzip.open(path, "wt") as handle:
        for gene in genes.itertuples(index=False):
            handle.write("".join(_gtf_lines(gene)))


def _gtf_lines(gene: object) -> Iterator[str]:
    start, end, strand = gene.start, gene.end, gene.strand  # type: ignore[attr-defined]
    front, back = f"{gene.chrom}\tHAVANA\t", f"\t.\t{strand}\t.\t"  # type: ignore[attr-defined]
    known = f'gene_id "{gene.gene_id}.1"; gene_type "protein_coding"; '  # type: ignore[attr-defined]
    known += f'gene_name "{gene.symbol}"; level 2;'  # type: ignore[attr-defined]
    yield f"{front}gene\t{start + 1}\t{end}{back}{known}\n"
    step = (end - start) // _EXONS
    for number in range(_TRANSCRIPTS):
        name = str(gene.gene_id).replace("ENSG", "ENST")  # type: ignore[attr-defined]
        text = f'{known} transcript_id "{name}.{number}"; tag "basic";'
        yield f"{front}transcript\t{start + 1}\t{end}{back}{text}\n"
        for exon in range(_EXONS):
            low = start + exon * step
            high = end if exon == _EXONS - 1 else low + step // 2
            yield f"{front}exon\t{low + 1}\t{high}{back}{text} exon_number {exon + 1};\n"
            if 0 < exon < _EXONS - 1 - number % 3:
                yield f"{front}CDS\t{low + 1}\t{high}\t.\t{strand}\t0\t{text}\n"


def _write_cage(path: Path, genes: pd.DataFrame, sizes: Sizes, rng: np.random.Generator) -> None:
    """CTSS lines, half of them around TSSs."""
    number = {name: place for place, name in enumerate(sizes.chromosomes)}
    chosen = genes.iloc[rng.integers(0, len(genes), sizes.tags // 2)]
    near = chosen["tss"].to_numpy() + rng.integers(-100, 100, len(chosen))
    parts = [np.stack([chosen["chrom"].map(number).to_numpy(), near])]
    for name in sizes.with_genes:
        even = rng.integers(0, sizes.chromosomes[name], sizes.share(name, sizes.tags // 2))
        parts.append(np.stack([np.full(len(even), number[name]), even]))
    chrom, start = np.unique(np.concatenate(parts, axis=1), axis=1)
    table = pd.DataFrame(
        {"chrom": np.array(list(number))[chrom], "start": start, "end": start + 1, "name": "."}
    )
    table["count"] = rng.geometric(0.3, len(table))
    table["strand"] = rng.choice(["+", "-"], len(table))
    with igzip.open(path, "wb") as handle:
        table.to_csv(handle, sep="\t", index=False, header=False)


def _write_blacklist(path: Path, sizes: Sizes) -> None:
    lines = []
    for name in sizes.with_genes:
        length = sizes.chromosomes[name]
        for start in range(length // 3, length, max(3_000_000, length // 3)):
            lines.append(f"{name}\t{start}\t{min(start + 20_000, length)}\n")
    with aside(path) as temporary:
        temporary.write_text("".join(lines))
