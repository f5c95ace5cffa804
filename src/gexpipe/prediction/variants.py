"""What a trained model predicts for the alleles of individuals, and of single variants."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from scipy.stats import binomtest, spearmanr

from gexpipe.data.haplotypes import HaplotypeWindows
from gexpipe.data.open import Sources, open_data
from gexpipe.data.windows import WindowData
from gexpipe.errors import UserError
from gexpipe.log import get_logger
from gexpipe.methods.declared import DECLARED
from gexpipe.methods.settings import MethodConfig
from gexpipe.models.base import ExpressionModel
from gexpipe.models.checkpoint import open_checkpoint
from gexpipe.prediction import genes as predict
from gexpipe.prediction.files import FOLD
from gexpipe.reference.genes import write_table
from gexpipe.reference.variants import Allele, Called, Variant, read_eqtls, read_variants

__all__ = ["COLUMNS", "agreement", "allele_table", "predict_variants", "write_variants"]

log = get_logger(__name__)

COLUMNS = ["gene_id", "symbol", "sample", "reference", "alternative", "difference", "variants"]
# Gene's row, what the line is of, and its haplotypes: (variants, ...) of each.
Line = tuple[int, str, tuple[tuple[Variant, ...], ...]]


def predict_variants(
    checkpoint: Path,
    method: MethodConfig | None,
    sources: Sources,
    genome: Path,
    vcf: Path | None,
    samples: Sequence[str] = (),
    eqtl: Path | None = None,
    fold: int | None = None,
    parts: tuple[str, ...] = (),
) -> tuple[pd.DataFrame, pd.DataFrame | None, pd.DataFrame | None]:
    """Predictions of a checkpoint with the alleles of a VCF, and against eQTLs.

    Parameters
    ----------
    checkpoint, method, sources, fold, parts
        See `gexpipe.prediction.files.predict_files`.
    genome : Path
        Indexed FASTA that the stores were made of.
    vcf : Path, optional
        Variants; needed without ``eqtl``, or for its ids.
    samples : sequence of str
        Individuals; all by default. Of a VCF without genotypes every allele is a line of its own.
    eqtl : Path, optional
        See `gexpipe.reference.variants.read_eqtls`.

    Returns
    -------
    DataFrame
        `COLUMNS`; a row a gene and individual, or a gene and variant (the eQTLs', without a VCF);
        predictions are on the
        target's scale, the mean of the two haplotypes; ``variants`` counts alleles that differ.
    DataFrame or None
        The same of the eQTLs' variants, and slope.
    DataFrame or None
        `agreement` of them.
    """
    model, config, trained = open_checkpoint(checkpoint, method)
    data = open_data(sources, config)
    if not isinstance(data, WindowData) or config.inputs.elements:
        able = ", ".join(name for name, d in DECLARED.items() if d.trained and d.reads == "windows")
        raise UserError(
            "alleles can be put into windows of DNA around the TSS only, which is not all this "
            f"method reads; those that may (without inputs.elements): {able}",
            f"method {config.name}",
        )
    if "tss" not in data.table:
        raise UserError("no column tss: variants have no place", sources.examples)
    fold = fold or trained or FOLD
    if "train" in parts or (trained and trained != fold):
        log.warning("fold %d: some of these genes this checkpoint was trained on", fold)
    rows = np.concatenate([data.split(fold, part) for part in parts or predict.PARTS])
    table = data.table.iloc[rows]
    log.warning(
        "signals, masks, contact and gene features stay those of the cell type: a difference is "
        "what the model says of the bases alone"
    )
    model.to("cuda" if torch.cuda.is_available() else "cpu")
    size = config.train.batch_size
    called = read_variants(vcf, _windows(table, data.length), samples) if vcf else None
    alone = None
    if eqtl is not None:
        pairs = read_eqtls(eqtl, called, table)
        alone = _eqtl_table(model, data, genome, rows, pairs, size)
    if called is None:
        assert alone is not None, "one of vcf and eqtl is given"
        predicted = alone[COLUMNS]
    else:
        lines = individual_lines(data, rows, called)
        predicted = allele_table(model, data, genome, lines, size)
    return predicted, alone, None if alone is None else agreement(alone)


def write_variants(
    found: tuple[pd.DataFrame, pd.DataFrame | None, pd.DataFrame | None], out: Path
) -> None:
    """Write OUT, and OUT.eqtl.tsv and OUT.agreement.tsv beside it where there are eQTLs."""
    stem = out.name.removesuffix(".tsv")
    names = (out.name, f"{stem}.eqtl.tsv", f"{stem}.agreement.tsv")
    for table, name in zip(found, names, strict=True):
        if table is not None:
            write_table(table, out.with_name(name))


def _windows(table: pd.DataFrame, length: int) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    low = table["tss"] - length // 2
    return {
        str(chrom): (low[at].to_numpy(), low[at].to_numpy() + length)
        for chrom, at in table.groupby("chrom", sort=False, observed=True).groups.items()
    }


def individual_lines(data: WindowData, rows: np.ndarray, called: Called) -> list[Line]:
    """A line a gene and individual; a gene and allele of a VCF without genotypes.

    Raises
    ------
    UserError
        A window with two heterozygous genotypes of an individual, one of them without phase: which
        alleles lie together is not known.
    """
    lines: list[Line] = []
    for row in rows.tolist():
        gene = data.table.iloc[row]
        low = int(gene["tss"]) - data.length // 2
        here = _overlapping(called, str(gene["chrom"]), low, low + data.length)
        if not called.samples:
            lines += [(row, _named(str(gene["chrom"]), a.variant), ((a.variant,),)) for a in here]
        for sample in called.samples:
            mine = [(a.variant, a.carried[sample]) for a in here if sample in a.carried]
            places = {variant.start for variant, (one, two) in mine if one != two}
            loose = [a.variant for a in here if sample in a.unphased]
            if loose and len(places) > 1:
                raise UserError(
                    f"{gene['chrom']}:{loose[0].start + 1} of {sample} is not phased (0/1, not "
                    f"0|1), and the window of {gene['gene_id']} has {len(places)} heterozygous "
                    "places: phase the file",
                    "--vcf",
                )
            pair = tuple(tuple(variant for variant, has in mine if has[k]) for k in (0, 1))
            lines.append((row, sample, pair))
    return lines


def _overlapping(called: Called, chrom: str, low: int, high: int) -> list[Allele]:
    """Alleles of a chromosome that overlap ``[low, high)``, by position."""
    found = called.variants.get(chrom, [])
    longest = max((len(item.variant.ref) for item in found), default=0)
    first = bisect_left(found, low - longest, key=lambda item: item.variant.start)
    last = bisect_left(found, high, key=lambda item: item.variant.start)
    return [item for item in found[first:last] if item.variant.end > low]


def _named(chrom: str, variant: Variant) -> str:
    return f"{chrom}_{variant.start + 1}_{variant.ref}_{variant.alt}"


def allele_table(
    model: ExpressionModel, data: WindowData, genome: Path, lines: Sequence[Line], size: int
) -> pd.DataFrame:
    """Predictions of lines, `COLUMNS`; a haplotype that several lines have is predicted once."""
    wanted = {(row, haplotype) for row, _, pair in lines for haplotype in (*pair, ())}
    haplotypes = sorted(wanted)
    windows = HaplotypeWindows(data, genome, haplotypes)
    _, values = predict.predict_rows(model, windows, np.arange(len(haplotypes)), size)
    if windows.skipped:
        log.warning(
            "%d times a variant was left out: one before it on the haplotype has its bases",
            windows.skipped,
        )
    known: Mapping[tuple[int, tuple[Variant, ...]], float] = dict(
        zip(haplotypes, values.astype(np.float64).tolist(), strict=True)
    )
    found = []
    for row, name, pair in lines:
        gene = data.table.iloc[row]
        reference = known[row, ()]
        alternative = float(np.mean([known[row, haplotype] for haplotype in pair]))
        found.append(
            (gene["gene_id"], gene.get("symbol", ""), name, reference, alternative,
             alternative - reference, len(set().union(*pair)))
        )  # fmt: skip
    log.info("%d lines of %d genes", len(found), len({row for row, *_ in lines}))
    return pd.DataFrame(found, columns=COLUMNS)


def _eqtl_table(
    model: ExpressionModel,
    data: WindowData,
    genome: Path,
    rows: np.ndarray,
    pairs: pd.DataFrame,
    size: int,
) -> pd.DataFrame:
    """Predictions with each variant alone beside its slope; those outside windows are counted."""
    at = {data.table["gene_id"].iloc[row]: row for row in rows.tolist()}
    row = pairs["gene_id"].map(at)
    low = row.map(data.table["tss"].reset_index(drop=True)) - data.length // 2
    inside = [
        variant.start < first + data.length and variant.end > first
        for variant, first in zip(pairs["variant"], low, strict=True)
    ]
    kept = pairs[inside].reset_index(drop=True)
    log.info("%d of %d eQTLs lie in their gene's window", len(kept), len(pairs))
    if kept.empty:
        raise UserError(f"no eQTL lies within {data.length // 2:,} bp of its gene's TSS", "--eqtl")
    lines = [
        (at[gene], _named(chrom, variant), ((variant,),))
        for gene, chrom, variant in zip(
            kept["gene_id"], kept["chrom"], kept["variant"], strict=True
        )
    ]
    found = allele_table(model, data, genome, lines, size)
    return found.assign(slope=kept["slope"])


def agreement(found: pd.DataFrame) -> pd.DataFrame:
    """Whether predicted differences have the sign and the size of slopes.

    Returns
    -------
    DataFrame
        measure, value, low, high, pairs: ``sign``, the share of pairs with the slope's sign, with
        its exact binomial interval (95 %), of those where neither is 0; ``spearman``, of absolute
        difference and absolute slope.
    """
    both = found[(found["difference"] != 0) & (found["slope"] != 0)]
    rows: list[tuple[str, float, float, float, int]] = []
    if len(both):
        same = int((np.sign(both["difference"]) == np.sign(both["slope"])).sum())
        low, high = binomtest(same, len(both)).proportion_ci()
        rows.append(("sign", same / len(both), low, high, len(both)))
    size = found[["difference", "slope"]].abs()
    if len(size) > 2 and (size.nunique() > 1).all():
        rho = float(spearmanr(size["difference"], size["slope"]).statistic)
        rows.append(("spearman", rho, np.nan, np.nan, len(size)))
    for measure, value, low, high, pairs in rows:
        log.info("%s %.3f (%.3f to %.3f) of %d eQTLs", measure, value, low, high, pairs)
    return pd.DataFrame(rows, columns=["measure", "value", "low", "high", "pairs"])
