"""Variants of a VCF in the windows of genes, and the sequence of a haplotype that has them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import pysam

from gexpipe.errors import UserError
from gexpipe.files import require
from gexpipe.gene_ids import without_version
from gexpipe.log import get_logger
from gexpipe.tabular import MISSING, numbers, read_table

__all__ = [
    "Allele",
    "Called",
    "Variant",
    "haplotype",
    "read_eqtls",
    "read_variants",
    "same_reference",
]

logger = get_logger(__name__)

PLACE = ("chrom", "pos", "ref", "alt")
_BASES = frozenset("ACGTN")


@dataclass(frozen=True, order=True)
class Variant:
    """One alternative allele: ``ref`` from ``start`` on (0-based) becomes ``alt``."""

    start: int
    ref: str
    alt: str

    @property
    def end(self) -> int:
        """Past the last base of ``ref``."""
        return self.start + len(self.ref)


@dataclass(frozen=True)
class Allele:
    """A variant of the file and who has it.

    Attributes
    ----------
    variant : Variant
        The allele.
    name : str
        The file's id of its row, or "".
    carried : dict
        Sample -> whether its first and its second haplotype have it; those that have it at all.
    unphased : set of str
        Samples of which it is not known which haplotype has it.
    """

    variant: Variant
    name: str
    carried: dict[str, tuple[bool, bool]]
    unphased: set[str]


@dataclass
class Called:
    """Variants of a chromosome's genes, and who has them.

    Attributes
    ----------
    variants : dict
        Chromosome -> its alleles by position.
    samples : tuple of str
        Those read; empty of a VCF of sites.
    counts : Counter
        What was left out, and why.
    """

    samples: tuple[str, ...] = ()
    variants: dict[str, list[Allele]] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)


def read_variants(
    path: Path, windows: Mapping[str, tuple[np.ndarray, np.ndarray]], samples: Sequence[str] = ()
) -> Called:
    """Read the alleles of a VCF or BCF, gzipped or not, that lie in windows.

    Every alternative allele is a variant of its own. Symbolic alleles, breakends and ``*`` are
    counted and left out, as are variants outside all windows. A missing allele counts as the
    reference, a haploid genotype as that of both haplotypes.

    Parameters
    ----------
    path : Path
        The file.
    windows : mapping
        Chromosome -> first and past-the-last bases of windows, 0-based, in any order.
    samples : sequence of str
        Those to read; all by default.
    """
    try:
        with pysam.VariantFile(str(require(path, "VCF"))) as file:
            known = list(file.header.samples)
            absent = [name for name in samples if name not in known]
            if absent:
                raise UserError(
                    f"no sample {absent[0]!r}; it has {', '.join(known[:8]) or 'none'}", path
                )
            called = Called(tuple(samples or known))
            file.subset_samples(list(called.samples))
            for record in file:
                _take(record, windows, called)
    except (OSError, ValueError) as error:
        raise UserError(f"not a readable VCF ({error})", path) from error
    for found in called.variants.values():
        found.sort(key=lambda item: item.variant)
    kept = sum(map(len, called.variants.values()))
    left = ", ".join(f"{number} {why}" for why, number in called.counts.most_common())
    logger.info("%s: %d alleles in the windows; left out: %s", path, kept, left or "none")
    if not kept:
        raise UserError(
            f"no variant lies in the window of a gene ({left}): another assembly?", path
        )
    return called


def _take(
    record: pysam.VariantRecord,
    windows: Mapping[str, tuple[np.ndarray, np.ndarray]],
    called: Called,
) -> None:
    chrom = _chromosome(record.chrom, windows)
    start, ref = record.start, str(record.ref).upper()
    alts = record.alts or ()
    if not chrom or not np.any(
        (windows[chrom][0] < start + len(ref)) & (windows[chrom][1] > start)
    ):
        called.counts["outside all windows"] += max(1, len(alts))
        return
    genotypes = {}
    for name in called.samples:
        call = record.samples[name]
        alleles = tuple(call.allele_indices or (None,))
        if len(alleles) > 2:
            raise UserError(
                f"{record.chrom}:{record.pos} of {name} has {len(alleles)} alleles, expected 1 or 2"
            )
        if None in alleles:
            called.counts["genotypes missing, taken as the reference"] += 1
        alleles = alleles * 2 if len(alleles) == 1 else alleles
        genotypes[name] = alleles, not call.phased and alleles[0] != alleles[1]
    for number, alt in enumerate(alts, 1):
        if not set(alt.upper()) <= _BASES or not set(ref) <= _BASES:
            called.counts["symbolic"] += 1
            continue
        carried = {
            name: (alleles[0] == number, alleles[1] == number)
            for name, (alleles, _) in genotypes.items()
            if number in alleles
        }
        unphased = {name for name in carried if genotypes[name][1]}
        variant = Variant(start, ref, alt.upper())
        place = called.variants.setdefault(chrom, [])
        place.append(Allele(variant, record.id or "", carried, unphased))


def _chromosome(name: str, known: Mapping[str, object]) -> str:
    """The genes' name of a chromosome: 22 is chr22 and the other way round; "" if it has none."""
    other = name.removeprefix("chr") if name.startswith("chr") else f"chr{name}"
    return next((each for each in (name, other) if each in known), "")


def same_reference(genome: str, offset: int, variant: Variant, chrom: str) -> None:
    """Raise a `UserError` where a variant's REF is not what the genome has at its place."""
    found = genome[variant.start - offset : variant.end - offset].upper()
    if found != variant.ref:
        raise UserError(
            f"{chrom}:{variant.start + 1} REF is {variant.ref}, the genome has {found or 'no base'}"
            " there: another assembly?",
            "--vcf",
        )


def haplotype(
    bases: Callable[[int, int], str], variants: Sequence[Variant], tss: int, low: int, high: int
) -> tuple[str, int]:
    """A window of a haplotype, as long as the reference's, with the TSS at its place.

    Right of the TSS an insertion pushes the bases further right out of the window, and a deletion
    pulls reference bases in there; left of the TSS the same happens at the left end. Bases that
    come in are the reference's. A variant that begins left of the TSS and ends right of it moves
    the right-hand bases.

    Parameters
    ----------
    bases : callable
        Reference of (start, end), 0-based half-open, N outside the chromosome.
    variants : sequence of Variant
        Those of the haplotype that overlap ``[low, high)``, by position.
    tss, low, high : int
        0-based; the window is ``[low, high)``.

    Returns
    -------
    str
        high - low bases.
    int
        How many variants were left out, since one before them on this haplotype has their bases.
    """
    taken: list[Variant] = []
    for variant in variants:
        if not taken or variant.start >= taken[-1].end:
            taken.append(variant)
    split = min([tss, *(v.start for v in taken if v.start < tss < v.end)])
    reach = sum(len(v.ref) for v in taken)  # no window needs more from beyond its ends
    left = _applied(bases, [v for v in taken if v.start < split], low - reach, split)
    right = _applied(bases, [v for v in taken if v.start >= split], split, high + reach)
    return left[len(left) - (split - low) :] + right[: high - split], len(variants) - len(taken)


def _applied(
    bases: Callable[[int, int], str], variants: Sequence[Variant], low: int, high: int
) -> str:
    text, at = [], low
    for variant in variants:
        text += [bases(at, variant.start), variant.alt]
        at = variant.end
    return "".join([*text, bases(at, high)])


def read_eqtls(path: Path, called: Called | None, genes: pd.DataFrame) -> pd.DataFrame:
    """Effects of single variants on genes.

    Parameters
    ----------
    path : Path
        TSV: gene_id, slope (of the alternative allele), and chrom, pos (1-based), ref, alt; or
        variant, as CHROM_POS_REF_ALT (GTEx's, with or without _b38) or an id of the VCF.
    called : Called or None
        The VCF, for ids.
    genes : DataFrame
        gene_id, chrom.

    Returns
    -------
    DataFrame
        gene_id, chrom, variant (`Variant`), slope: of the genes given; others, and ids that the VCF
        has not, are counted in the log.
    """
    table = read_table(path, "eQTL table", ["gene_id", "slope"])
    slope = numbers(table, "slope", path, missing=True)
    placed = all(name in table for name in PLACE)
    if not placed and "variant" not in table:
        raise UserError("no column 'variant', nor all of chrom, pos, ref, alt", path)
    ids = {
        allele.name: (chrom, allele.variant)
        for chrom, found in (called.variants if called else {}).items()
        for allele in found
        if allele.name not in MISSING
    }
    plain = without_version(genes["gene_id"])
    places = zip(genes["gene_id"].astype(str), genes["chrom"].astype(str), strict=True)
    home = dict(zip(plain, places, strict=True))
    rows, counts = [], Counter[str]()
    for number, row in enumerate(table.to_dict("records")):
        gene = home.get(without_version(row["gene_id"]))
        effect = float(slope.iloc[number])
        if gene is None or not np.isfinite(effect):
            counts["genes that are not predicted" if gene is None else "no slope"] += 1
            continue
        place = (
            _parsed([row[name] for name in PLACE])
            if placed
            else ids.get(row["variant"]) or _parsed(row["variant"].replace(":", "_").split("_"))
        )
        chrom = _chromosome(place[0], {gene[1]: 0}) if place else ""
        if place is None or not chrom:
            counts["variants that are not known" if place is None else "other chromosome"] += 1
            continue
        rows.append((gene[0], chrom, place[1], effect))
    logger.info("%s: %d of %d rows; %s", path, len(rows), len(table), dict(counts))
    if not rows:
        raise UserError(f"no row is of a predicted gene and a known variant ({dict(counts)})", path)
    return pd.DataFrame(rows, columns=["gene_id", "chrom", "variant", "slope"])


def _parsed(fields: Sequence[str]) -> tuple[str, Variant] | None:
    if len(fields) < 4 or not fields[1].isdecimal():
        return None
    ref, alt = fields[2].upper(), fields[3].upper()
    if not ref or not alt or not set(ref + alt) <= _BASES:
        return None
    return fields[0], Variant(int(fields[1]) - 1, ref, alt)
