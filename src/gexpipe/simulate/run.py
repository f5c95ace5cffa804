"""The simulation from configuration to folder; each step is one function."""

from __future__ import annotations

import gzip
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gexpipe.files import aside
from gexpipe.log import get_logger
from gexpipe.simulate.bam import write_bam
from gexpipe.simulate.bigwig import write_bigwig
from gexpipe.simulate.cage import draw_ctss, unstranded, write_ctss
from gexpipe.simulate.config import SimulationConfig
from gexpipe.simulate.contacts import ContactModel, coarsen, contact_model, expected, observed
from gexpipe.simulate.crispri import crispri_table
from gexpipe.simulate.elements import draw_artefacts, draw_elements, plant_motifs, stretches
from gexpipe.simulate.expression import Expression, model_expression, pair_elements
from gexpipe.simulate.genes import (
    Transcript,
    draw_transcript,
    mrna_features,
    recolour,
    write_gtf,
)
from gexpipe.simulate.genome import Codes, random_bases, write_chrom_sizes, write_fasta
from gexpipe.simulate.hic import write_hic
from gexpipe.simulate.layout import place_genes
from gexpipe.simulate.mcool import write_mcool
from gexpipe.simulate.mirror import Mirror
from gexpipe.simulate.norms import norm_vectors
from gexpipe.simulate.qnorm import write_qnorm_reference
from gexpipe.simulate.random import stream
from gexpipe.simulate.reads import ASSAYS, coverage_runs, draw_reads
from gexpipe.simulate.sheets import write_sheets
from gexpipe.simulate.truth import write_truth

__all__ = ["World", "build_world", "simulate"]

log = get_logger(__name__)

_LONGEST_BODY = 40_000
_OUTPUT_TYPE = {"bam": "alignments", "bigWig": "fold change over control"}


@dataclass(frozen=True)
class World:
    """Everything that is decided before a file is written."""

    genes: pd.DataFrame
    transcripts: list[Transcript]
    genome: dict[str, Codes]
    blocked: dict[str, pd.DataFrame]
    elements: pd.DataFrame
    artefacts: pd.DataFrame
    contacts: dict[str, dict[str, ContactModel]]
    truth: Expression


def simulate(config: SimulationConfig, out: Path, seed: int | None = None) -> None:
    """Write ``out/mirror``, ``out/truth`` and ``out/config``; equal seed, equal bytes.

    ``out`` must not exist yet or is replaced as a whole once all is written.
    """
    config = config if seed is None else replace(config, seed=seed)
    with aside(out) as folder:
        folder.mkdir()
        log.info("simulating %d genes on %s", config.genes.count, ", ".join(config.chromosomes))
        world = build_world(config)
        mirror = Mirror(folder / "mirror", config.assembly)
        _write_reference(config, world, mirror)
        for cell in config.cells:
            _write_signals(config, world, cell, mirror)
            _write_contacts(config, world, cell, mirror)
            _write_cage(config, world, cell, mirror)
        write_truth(folder / "truth", world.genes, world.elements, world.truth, world.artefacts)
        table = crispri_table(config, world.genes, world.elements, world.truth)
        table.to_csv(folder / "truth" / "crispri.tsv", sep="\t", index=False, lineterminator="\n")
        write_sheets(folder / "config", config, mirror.rows)
    log.info("simulation is in %s", out)


def build_world(config: SimulationConfig) -> World:
    """Genome, annotation, elements, contact models and expression, without writing anything."""
    genes = place_genes(config)
    columns = [genes[name] for name in ("gene_id", "chrom", "tss", "strand")]
    transcripts = [_transcript(config, *gene) for gene in zip(*columns, strict=True)]
    blocked = stretches(config, genes)
    elements = draw_elements(config, genes, blocked)
    artefacts = draw_artefacts(config, genes, blocked)
    genome = {
        chrom: random_bases(stream(config.seed, "bases", chrom), length, 0.42)
        for chrom, length in config.chromosomes.items()
    }
    for row, (chrom, transcript) in enumerate(zip(genes["chrom"], transcripts, strict=True)):
        recolour(stream(config.seed, "exons", str(row)), genome[chrom], transcript)
    motifs = plant_motifs(config, genome, genes, elements)
    for chrom, start, end in blocked["n"].to_numpy().tolist():
        genome[chrom][start:end] = 4
    mrna = mrna_features(genes, transcripts, genome)
    pairs = pair_elements(genes, elements)
    contacts = {
        cell: _contact_models(config, cell, genes, elements, pairs) for cell in config.cells
    }
    strength = {
        cell: _pair_contact(config, models, genes, elements, pairs)
        for cell, models in contacts.items()
    }
    truth = model_expression(config, genes, elements, pairs, strength, mrna, motifs)
    return World(genes, transcripts, genome, blocked, elements, artefacts, contacts, truth)


def _transcript(
    config: SimulationConfig, gene_id: str, chrom: str, tss: int, strand: str
) -> Transcript:
    margin = config.genes.telomere
    room = config.chromosomes[chrom] - margin - tss if strand == "+" else tss - margin
    rng = stream(config.seed, "transcript", gene_id)
    return draw_transcript(rng, tss, strand, min(room, _LONGEST_BODY))


def _contact_models(
    config: SimulationConfig,
    cell: str,
    genes: pd.DataFrame,
    elements: pd.DataFrame,
    pairs: pd.DataFrame,
) -> dict[str, ContactModel]:
    """One model per chromosome; each gene offers one random distal element for a loop."""
    distant = pairs[(pairs["kind"] == "distal") & (pairs["distance"] > 20_000)]
    shuffled = stream(config.seed, "loops", cell).permutation(len(distant))
    offers = distant.iloc[shuffled].drop_duplicates("gene").sort_values("gene")
    ends = pd.DataFrame(
        {
            "chrom": genes["chrom"].to_numpy()[offers["gene"]],
            "tss": genes["tss"].to_numpy()[offers["gene"]],
            "centre": elements["centre"].to_numpy()[offers["element"]],
        }
    )
    return {
        chrom: contact_model(
            config, cell, chrom, genes[genes["chrom"] == chrom], ends[ends["chrom"] == chrom]
        )
        for chrom in config.chromosomes
    }


def _pair_contact(
    config: SimulationConfig,
    models: dict[str, ContactModel],
    genes: pd.DataFrame,
    elements: pd.DataFrame,
    pairs: pd.DataFrame,
) -> NDArray[np.float64]:
    size = config.contacts.resolutions[0]
    gene = pairs["gene"].to_numpy()
    row = genes["tss"].to_numpy()[gene] // size
    column = elements["centre"].to_numpy()[pairs["element"].to_numpy()] // size
    chrom = genes["chrom"].to_numpy()[gene]
    result = np.zeros(len(pairs))
    for name, model in models.items():
        here = chrom == name
        result[here] = expected(model, config.contacts, row[here], column[here])
    return result


def _write_reference(config: SimulationConfig, world: World, mirror: Mirror) -> None:
    soft = {}
    for chrom, codes in world.genome.items():
        rng = stream(config.seed, "soft", chrom)
        soft[chrom] = np.repeat(rng.random(len(codes) // 300 + 1) < 0.3, 300)[: len(codes)]
    url, path = mirror.place_url("reference/genome.fa.gz")
    write_fasta(path, world.genome, soft)
    mirror.record(path, "fasta", "url", config.assembly, "fasta", url=url)
    url, path = mirror.place_url("reference/annotation.gtf.gz")
    write_gtf(path, world.genes, world.transcripts, _noncoding(config))
    mirror.record(path, "gtf", "url", f"{config.assembly}.annotation", "gtf", url=url)
    url, path = mirror.place_url("reference/chrom.sizes")
    write_chrom_sizes(path, config.chromosomes)
    mirror.record(path, "", "url", f"{config.assembly}.chrom.sizes", "tsv", url=url)
    accession, path = mirror.place("encode", "bed")
    _write_blacklist(path, world.artefacts)
    mirror.record(
        path, "blacklist", "encode", accession, "bed", output_type="exclusion list regions"
    )
    url, path = mirror.place_url("reference/mask_blacklist.bed.gz")
    _write_blacklist(path, world.artefacts.iloc[::2])
    mirror.record(
        path, "mask_blacklist", "url", f"{config.assembly}.mask_blacklist", "bed", url=url
    )
    url, path = mirror.place_url("reference/qnorm_reference.tsv")
    write_qnorm_reference(path)
    mirror.record(path, "qnorm_reference", "url", "qnorm_reference", "tsv", url=url)


def _noncoding(config: SimulationConfig) -> pd.DataFrame:
    rng, count = stream(config.seed, "noncoding"), config.genes.noncoding
    names = np.array(list(config.chromosomes), dtype=object)
    chrom = np.sort(rng.integers(0, len(names), count))
    lengths = np.array(list(config.chromosomes.values()))[chrom]
    start = (config.genes.telomere + rng.random(count) * (lengths - 40_000)).astype(np.int64)
    return pd.DataFrame(
        {
            "gene_id": [f"ENSG{95_000_000_000 + i}" for i in range(count)],
            "symbol": [f"SIMNC{i + 1}" for i in range(count)],
            "chrom": names[chrom],
            "start": start,
            "end": start + rng.integers(500, 20_000, count),
            "strand": np.where(rng.random(count) < 0.5, "+", "-"),
        }
    )


def _write_blacklist(path: Path, artefacts: pd.DataFrame) -> None:
    text = artefacts.to_csv(sep="\t", header=False, index=False, lineterminator="\n")
    with path.open("wb") as raw, gzip.GzipFile("", "wb", 6, raw, mtime=0) as handle:
        handle.write(text.encode())


def _write_signals(config: SimulationConfig, world: World, cell: str, mirror: Mirror) -> None:
    """BAM per replicate and one bigWig of all replicates, for DNase and H3K27ac."""
    for name, assay in ASSAYS.items():
        log.info("%s: %s reads", cell, name)
        level = world.elements[f"{assay.column}_{cell}"].to_numpy()
        level = level * np.where(world.elements["kind"] == "promoter", 1.5, 1.0)
        replicates = []
        for number in range(1, config.reads.replicates + 1):
            reads = draw_reads(
                stream(config.seed, "reads", cell, name, str(number)),
                assay,
                getattr(config.reads, name),
                config.reads,
                world.elements,
                level,
                world.artefacts,
                config.chromosomes,
                world.blocked,
            )
            accession, path = mirror.place("encode", "bam")
            write_bam(path, reads, world.genome, config.reads.length, f"{cell}.{name}.{number}")
            mirror.record(
                path, f"{name}_bam", "encode", accession, "bam", cell, number,
                output_type=_OUTPUT_TYPE["bam"],
            )  # fmt: skip
            replicates.append(reads)
        accession, path = mirror.place("encode", "bigWig")
        runs = coverage_runs(replicates, assay, config.reads.length, config.chromosomes)
        write_bigwig(path, config.chromosomes, runs)
        mirror.record(
            path, f"{name}_bigwig", "encode", accession, "bigWig", cell, 1,
            output_type=_OUTPUT_TYPE["bigWig"],
        )  # fmt: skip


def _write_contacts(config: SimulationConfig, world: World, cell: str, mirror: Mirror) -> None:
    log.info("%s: contacts", cell)
    resolutions = config.contacts.resolutions
    finest = {
        chrom: observed(stream(config.seed, "pixels", cell, chrom), model, config.contacts)
        for chrom, model in world.contacts[cell].items()
    }
    pixels = {
        size: {chrom: coarsen(part, size // resolutions[0]) for chrom, part in finest.items()}
        for size in resolutions
    }
    vectors = {
        (norm, chrom, size): vector
        for size, parts in pixels.items()
        for chrom, part in parts.items()
        for norm, vector in norm_vectors(part).items()
    }
    kind = config.cells[cell].contacts
    accession, path = mirror.place("4dn", kind)
    if kind == "hic":
        write_hic(path, config.chromosomes, finest, resolutions, config.assembly, vectors)
    else:
        write_mcool(path, config.chromosomes, pixels, config.assembly, vectors)
    mirror.record(path, "hic", "4dn", accession, kind, cell, 1)


def _write_cage(config: SimulationConfig, world: World, cell: str, mirror: Mirror) -> None:
    table = world.truth.genes
    counts = table.loc[table["cell"] == cell, "count"].to_numpy()
    ctss = draw_ctss(config, cell, world.genes, counts)
    if config.cells[cell].cage == "ctss":
        # Percent-encoded names, as FANTOM5's are.
        accession, path = mirror.place("fantom5", "ctss", f"simulated%20cell%20line%3a{cell}")
        write_ctss(path, ctss)
        mirror.record(path, "cage", "fantom5", accession, "ctss", cell, 1)
    else:
        url, path = mirror.place_url(f"cage/{cell}.cage.bigWig")
        write_bigwig(path, config.chromosomes, unstranded(ctss, config.chromosomes))
        mirror.record(path, "cage", "url", f"{cell}.cage", "bigWig", cell, 1, url=url)
