"""Everything that is decided before a file is written: genome, genes, elements, expression."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gexpipe.simulate.config import SimulationConfig
from gexpipe.simulate.contacts import ContactModel, contact_model, expected
from gexpipe.simulate.elements import draw_artefacts, draw_elements, plant_motifs, stretches
from gexpipe.simulate.expression import Expression, model_expression, pair_elements
from gexpipe.simulate.genes import Transcript, draw_transcript, mrna_features, recolour
from gexpipe.simulate.genome import Codes, random_bases
from gexpipe.simulate.layout import place_genes
from gexpipe.simulate.random import stream

__all__ = ["World", "build_world"]

_LONGEST_BODY = 40_000


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
    pairs = _acting(config, genes, pair_elements(genes, elements))
    contacts = {
        cell: _contact_models(config, cell, genes, elements, pairs) for cell in config.cells
    }
    strength = {
        cell: _pair_contact(config, models, genes, elements, pairs)
        for cell, models in contacts.items()
    }
    truth = model_expression(config, genes, elements, pairs, strength, mrna, motifs)
    return World(genes, transcripts, genome, blocked, elements, artefacts, contacts, truth)


def _acting(config: SimulationConfig, genes: pd.DataFrame, pairs: pd.DataFrame) -> pd.DataFrame:
    """Pairs without the elements of promoter-only genes, and without distal ones of no share."""
    alone = (genes["special"] == "promoter_only").to_numpy()[pairs["gene"].to_numpy()]
    idle = alone & (pairs["kind"] != "promoter").to_numpy()
    if config.expression.distal == 0:
        idle |= (pairs["kind"] == "distal").to_numpy()
    return pairs[~idle].reset_index(drop=True)


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
