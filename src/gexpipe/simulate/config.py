"""Sizes and shares of a simulation: typed, loaded from YAML, unknown keys refused."""

from __future__ import annotations

import types
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

from gexpipe.config import load_yaml
from gexpipe.errors import UserError

__all__ = [
    "CellConfig",
    "ContactConfig",
    "ElementConfig",
    "ExpressionConfig",
    "GeneConfig",
    "ReadConfig",
    "SimulationConfig",
    "load_config",
]

_CAGE = ("ctss", "bigWig")
_CONTACTS = ("hic", "mcool")
LOGIC = ("sum", "max", "rivals")
_TRACKS = ("cause", "effect")


@dataclass(frozen=True)
class GeneConfig:
    """Where genes lie, in bp.

    Attributes
    ----------
    count : int
        Protein-coding genes, shared out by chromosome length (at least three each).
    spacing : int
        Smallest distance between two TSSs.
    edge : int
        Distance of the first and the last TSS of a chromosome from its ends.
    telomere : int
        N bases at both ends of every chromosome.
    n_gap : int
        Length of the N stretch centred on the TSS of the two "n_gap" genes.
    signal_free : int
        Length of the stretch without any read around the two "signal_free" genes.
    noncoding : int
        lncRNA genes added to the annotation; they have no expression.
    promoter_only : float
        Share of the ordinary genes whose elements are open and acetylated like others, but act on
        nothing; a motif at the promoter tells them.
    """

    count: int = 700
    spacing: int = 12_000
    edge: int = 25_000
    telomere: int = 10_000
    n_gap: int = 8_000
    signal_free: int = 210_000
    noncoding: int = 20
    promoter_only: float = 0.0


@dataclass(frozen=True)
class ElementConfig:
    """How many elements, and how many of them are decoys.

    Attributes
    ----------
    near, near_decoy, mid, mid_decoy : float
        Probability that a slot holds an acting element or a decoy. A gene has two near slots and
        four mid slots, in equal distances on both sides of the TSS.
    near_at, mid_at : list
        Distances of the near slots, and of the inner and outer mid slots, from the TSS: low, high.
    logic : list of str
        How the two elements of a slot's distance act together, x and y their strengths: sum, x + y;
        max, the larger one (redundant); rivals, (x^2 + y^2) / (x + y): each has the promoter for a
        share of the time, so that the weaker one's loss raises expression. Near, inner, outer.
    by_contact : bool
        Near and mid elements act in proportion to their contact with the TSS, as distal ones do.
    distal_per_mb : float
        Distal elements per Mb, decoys included.
    distal_decoy : float
        Fraction of distal elements that are decoys.
    decoy_acetylated : float
        Fraction of decoys that carry H3K27ac as well.
    artefacts_per_mb : float
        Blacklisted stretches per Mb with far too many reads.
    """

    near: float = 0.55
    near_at: list[int] = field(default_factory=lambda: [720, 900])
    mid_at: list[list[int]] = field(default_factory=lambda: [[1_300, 2_200], [2_700, 3_700]])
    logic: list[str] = field(default_factory=lambda: ["sum", "sum", "sum"])
    by_contact: bool = False
    near_decoy: float = 0.2
    mid: float = 0.3
    mid_decoy: float = 0.15
    distal_per_mb: float = 40.0
    distal_decoy: float = 0.4
    decoy_acetylated: float = 0.25
    artefacts_per_mb: float = 0.5


@dataclass(frozen=True)
class ExpressionConfig:
    """Mean, spread and the shares of variance; shares sum to 1.

    ``mean`` and ``sd`` are of log10(1 + CAGE), before counts below zero are cut off.
    """

    mean: float = 1.8
    sd: float = 0.75
    promoter_activity: float = 0.24
    promoter_motif: float = 0.05
    near: float = 0.29
    mid: float = 0.12
    distal: float = 0.14
    mrna: float = 0.08
    noise: float = 0.08

    def shares(self) -> dict[str, float]:
        """Component -> share of variance."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name not in ("mean", "sd")}


@dataclass(frozen=True)
class ReadConfig:
    """Alignments: reads per file, replicates per assay, read length in bp.

    ``background`` is the fraction of reads drawn evenly from the genome; ``duplicates`` and
    ``failed`` the fractions of extra reads flagged duplicate, or secondary / failed quality check.
    """

    dnase: int = 600_000
    h3k27ac: int = 600_000
    replicates: int = 2
    length: int = 36
    background: float = 0.65
    duplicates: float = 0.02
    failed: float = 0.01


@dataclass(frozen=True)
class ContactConfig:
    """Contact maps.

    Attributes
    ----------
    resolutions : list of int
        Bin sizes in bp, the finest first; the others are multiples of it.
    depth : float
        Expected contacts of a bin with itself, before biases.
    gamma : float
        Exponent of the power-law decay with distance (in bins, plus one).
    insulation : float
        Factor for every domain boundary crossed (at most two count).
    loop : float
        Factor of an enhancer-promoter loop.
    loop_fraction : float
        Fraction of genes with a loop, drawn per cell type.
    masked : float
        Fraction of bins with next to no coverage.
    domains : list of int
        Shortest and longest domain, bp.
    """

    resolutions: list[int] = field(default_factory=lambda: [5_000, 10_000, 25_000])
    depth: float = 1_000.0
    gamma: float = 1.0
    insulation: float = 0.4
    loop: float = 3.0
    loop_fraction: float = 0.4
    masked: float = 0.005
    domains: list[int] = field(default_factory=lambda: [100_000, 400_000])


@dataclass(frozen=True)
class CellConfig:
    """One simulated cell type.

    ``cage`` is "ctss" or "bigWig", ``contacts`` is "hic" or "mcool"; ``activators`` gives the
    strength of the three activator motifs (gata, ap1, ets) in this cell. ``stands_for`` is the
    real cell type whose rows of the tables this one computes, empty for none.
    ``listed`` is whether the sheets have its rows; its files are in the mirror either way.
    """

    cage: str
    contacts: str
    activators: dict[str, float]
    stands_for: str = ""
    listed: bool = True


@dataclass(frozen=True)
class SimulationConfig:
    """Everything a simulation depends on; see the parts for units.

    ``tracks`` are further signals that change nothing: name -> "cause" (a copy of H3K27ac) or
    "effect" (reads at the TSS that follow the gene's expression).
    """

    chromosomes: dict[str, int]
    cells: dict[str, CellConfig]
    seed: int = 1
    assembly: str = "sim38"
    genes: GeneConfig = field(default_factory=GeneConfig)
    elements: ElementConfig = field(default_factory=ElementConfig)
    expression: ExpressionConfig = field(default_factory=ExpressionConfig)
    reads: ReadConfig = field(default_factory=ReadConfig)
    contacts: ContactConfig = field(default_factory=ContactConfig)
    tracks: dict[str, str] = field(default_factory=dict)


def load_config(path: str | Path) -> SimulationConfig:
    """Read and check a simulation's YAML file.

    Raises
    ------
    UserError
        Unknown or missing key, wrong type, shares that do not sum to 1, chromosomes that are too
        short for their genes.
    """
    config = from_mapping(load_yaml(path), str(path))
    _check(config, str(path))
    return config


def from_mapping(value: Any, where: str) -> SimulationConfig:
    """Build a `SimulationConfig` from parsed YAML; `UserError` names the offending key."""
    built = _build(SimulationConfig, value, "", where)
    assert isinstance(built, SimulationConfig)
    return built


def _build(kind: Any, value: Any, key: str, where: str) -> Any:
    origin = get_origin(kind)
    if is_dataclass(kind):
        return _build_dataclass(kind, value, key, where)
    if origin is dict:
        _expect(isinstance(value, dict), key, value, "a mapping", where)
        return {
            str(name): _build(get_args(kind)[1], item, f"{key}.{name}", where)
            for name, item in value.items()
        }
    if origin is list:
        _expect(isinstance(value, list), key, value, "a list", where)
        return [_build(get_args(kind)[0], item, key, where) for item in value]
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    right = isinstance(value, kind) and isinstance(value, bool) == (kind is bool)
    _expect(right, key, value, kind.__name__, where)
    return value


def _build_dataclass(kind: Any, value: Any, key: str, where: str) -> Any:
    _expect(isinstance(value, dict), key or "top level", value, "a mapping", where)
    hints = get_type_hints(kind, localns=vars(types))
    for name in value:
        full = f"{key}.{name}".lstrip(".")
        if name not in hints:
            raise UserError(f"unknown key {full!r}; known keys: {', '.join(hints)}", where)
    parts = {
        name: _build(hints[name], item, f"{key}.{name}".lstrip("."), where)
        for name, item in value.items()
    }
    try:
        return kind(**parts)
    except TypeError as error:
        raise UserError(f"{key or 'top level'}: {error}", where) from error


def _expect(good: bool, key: str, value: Any, what: str, where: str) -> None:
    if not good:
        raise UserError(f"{key}: found {value!r}, expected {what}", where)


def _check(config: SimulationConfig, where: str) -> None:
    total = sum(config.expression.shares().values())
    _expect(abs(total - 1) < 1e-6, "expression", round(total, 6), "shares that sum to 1", where)
    for name, cell in config.cells.items():
        _expect(cell.cage in _CAGE, f"cells.{name}.cage", cell.cage, " or ".join(_CAGE), where)
        _expect(
            cell.contacts in _CONTACTS,
            f"cells.{name}.contacts",
            cell.contacts,
            " or ".join(_CONTACTS),
            where,
        )
        _expect(
            set(cell.activators) == {"gata", "ap1", "ets"},
            f"cells.{name}.activators",
            sorted(cell.activators),
            "gata, ap1 and ets",
            where,
        )
    first = config.contacts.resolutions[0]
    _expect(
        all(r % first == 0 for r in config.contacts.resolutions),
        "contacts.resolutions",
        config.contacts.resolutions,
        "multiples of the first",
        where,
    )
    slots = [config.elements.near_at, *config.elements.mid_at]
    good = len(slots) == 3 and all(len(slot) == 2 and 0 < slot[0] < slot[1] for slot in slots)
    _expect(good, "elements: near_at, mid_at", slots, "three pairs of low and high", where)
    logic = config.elements.logic
    _expect(
        len(logic) == 3 and set(logic) <= set(LOGIC),
        "elements.logic",
        logic,
        f"three of {', '.join(LOGIC)}",
        where,
    )
    domains = config.contacts.domains
    good = len(domains) == 2 and first <= domains[0] < domains[1]
    _expect(good, "contacts.domains", domains, "shortest and longest", where)
    for name, kind in config.tracks.items():
        _expect(kind in _TRACKS, f"tracks.{name}", kind, " or ".join(_TRACKS), where)
    needed = 4 * config.genes.edge + config.genes.signal_free + 4 * config.genes.spacing
    for name, length in config.chromosomes.items():
        _expect(length >= needed, f"chromosomes.{name}", length, f"at least {needed} bp", where)
