"""The simulation from configuration to folder: one function writes one kind of file."""

from __future__ import annotations

import gzip
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from gexpipe.errors import UserError
from gexpipe.files import aside
from gexpipe.log import get_logger
from gexpipe.simulate.annotation import (
    geuvadis_cell,
    write_geuvadis,
    write_held_out,
    write_mane,
    write_ncbi,
)
from gexpipe.simulate.bam import write_bam
from gexpipe.simulate.bigwig import write_bigwig
from gexpipe.simulate.cage import draw_ctss, unstranded, write_ctss
from gexpipe.simulate.config import SimulationConfig
from gexpipe.simulate.contacts import coarsen, observed
from gexpipe.simulate.crispri import crispri_table
from gexpipe.simulate.genes import write_gtf
from gexpipe.simulate.genome import write_chrom_sizes, write_fasta, write_motifs
from gexpipe.simulate.hic import write_hic
from gexpipe.simulate.mcool import write_mcool
from gexpipe.simulate.mirror import Mirror
from gexpipe.simulate.model import write_model
from gexpipe.simulate.norms import norm_vectors
from gexpipe.simulate.qnorm import write_qnorm_reference
from gexpipe.simulate.random import stream
from gexpipe.simulate.reads import ASSAYS, EFFECT, coverage_runs, draw_reads
from gexpipe.simulate.sheets import write_sheets
from gexpipe.simulate.truth import write_truth
from gexpipe.simulate.world import World, build_world

__all__ = ["simulate"]

log = get_logger(__name__)

_OUTPUT_TYPE = {"bam": "alignments", "bigWig": "fold change over control"}


def simulate(config: SimulationConfig, out: Path, seed: int | None = None) -> None:
    """Write ``out/mirror``, ``out/truth`` and ``out/config``; equal seed, equal bytes.

    An earlier simulation at ``out`` is replaced as a whole once all is written.

    Raises
    ------
    UserError
        ``out`` holds something that is no simulation.
    """
    _check_target(out)
    config = config if seed is None else replace(config, seed=seed)
    with aside(out) as folder:
        folder.mkdir()
        log.info("simulating %d genes on %s", config.genes.count, ", ".join(config.chromosomes))
        world = build_world(config)
        mirror = Mirror(folder / "mirror", config.assembly)
        _write_reference(config, world, mirror)
        _write_annotation(config, world, mirror)
        for cell in config.cells:
            _write_signals(config, world, cell, mirror)
            _write_tracks(config, world, cell, mirror)
            _write_contacts(config, world, cell, mirror)
            _write_cage(config, world, cell, mirror)
        write_truth(folder / "truth", world.genes, world.elements, world.truth, world.artefacts)
        write_model(folder / "truth", config, world)
        _write_crispri(config, world, folder / "truth", mirror)
        write_motifs(folder / "truth" / "motifs.meme", config.genes.promoter_only > 0)
        write_sheets(folder / "config", config, mirror.rows)
    log.info("simulation is in %s", out)


def _check_target(out: Path) -> None:
    """The folder is replaced, so it must hold nothing else."""
    parts = ("config", "mirror", "truth")
    if out.exists() and not out.is_dir():
        raise UserError("this is a file, expected a folder to write", out)
    other = [p.name for p in out.iterdir() if p.name not in parts] if out.exists() else []
    if other:
        found = ", ".join(sorted(other)[:3])
        raise UserError(f"holds {found}; expected a new folder or an earlier simulation", out)


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


def _write_annotation(config: SimulationConfig, world: World, mirror: Mirror) -> None:
    """What GTA reads: MANE's models, NCBI's records, Geuvadis' expression, the held-out genes."""
    places = {
        role: mirror.place_url(f"gta/{name}")
        for role, name in {
            "mane": "mane.gtf.gz",
            "gene_info": "gene_info.gz",
            "gene_summary": "gene_summary.gz",
            "geuvadis": "geuvadis.txt.gz",
            "individuals": "individuals.txt",
            "held_out": "held_out.csv",
        }.items()
    }
    path = {role: place[1] for role, place in places.items()}
    write_mane(path["mane"], config, world.genes, world.transcripts)
    write_ncbi(path["gene_info"], path["gene_summary"], config, world.genes)
    write_geuvadis(path["geuvadis"], path["individuals"], config, world.genes, world.truth.genes)
    write_held_out(path["held_out"], config, world.genes)
    for role, (url, file) in places.items():
        name = f"{config.assembly}.{role}"
        kind = {"mane": "gtf", "held_out": "csv"}.get(role, "tsv")
        cell = geuvadis_cell(config) if role == "geuvadis" else ""
        mirror.record(file, role, "url", name, kind, cell, int(bool(cell)), url=url)


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


def _write_tracks(config: SimulationConfig, world: World, cell: str, mirror: Mirror) -> None:
    """Signals that change nothing: a copy of H3K27ac, or reads that follow the expression."""
    for name, kind in config.tracks.items():
        assay, where = ASSAYS["h3k27ac"], world.elements
        level = where[f"{assay.column}_{cell}"].to_numpy() if kind == "cause" else np.empty(0)
        if kind == "effect":
            assay, where = EFFECT, world.genes.rename(columns={"tss": "centre"})
            mine = world.truth.genes["cell"] == cell
            level = world.truth.genes.loc[mine, "expression"].to_numpy()
        reads = draw_reads(
            stream(config.seed, "tracks", cell, name),
            assay,
            config.reads.h3k27ac * config.reads.replicates,
            config.reads,
            where,
            level,
            world.artefacts,
            config.chromosomes,
            world.blocked,
        )
        accession, path = mirror.place("encode", "bigWig")
        runs = coverage_runs([reads], assay, config.reads.length, config.chromosomes)
        write_bigwig(path, config.chromosomes, runs)
        mirror.record(
            path, f"signal:{name}", "encode", accession, "bigWig", cell, 1,
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


def _write_crispri(config: SimulationConfig, world: World, truth: Path, mirror: Mirror) -> None:
    """The screen of all cells with the truth, and of each cell as a file of its own."""
    table = crispri_table(config, world.genes, world.elements, world.truth)
    table.to_csv(truth / "crispri.tsv", sep="\t", index=False, lineterminator="\n")
    for cell, part in table.groupby("CellType", sort=False):
        url, path = mirror.place_url(f"crispri/{cell}.tsv")
        part.to_csv(path, sep="\t", index=False, lineterminator="\n")
        accession = f"{cell}.crispri"
        mirror.record(path, "crispr", "url", accession, "tsv", str(cell), 1, url=url)


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
