"""Random chromosomes, motifs planted in them, and FASTA text."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "ACTIVATORS",
    "HOUSEKEEPING",
    "INSULATOR",
    "MISMATCH",
    "PROMOTER_MOTIFS",
    "encode",
    "gc_fraction",
    "plant",
    "random_bases",
    "write_chrom_sizes",
    "write_fasta",
    "write_motifs",
]

Codes = NDArray[np.uint8]

_LETTERS = np.frombuffer(b"ACGTN", dtype=np.uint8)
_COMPLEMENT = np.array([3, 2, 1, 0, 4], dtype=np.uint8)

# Consensus sequences in the style of GATA, AP-1, ETS; an insulator; and promoter motifs.
ACTIVATORS = {"gata": "AGATAAGGAA", "ap1": "ATGACTCATC", "ets": "ACCGGAAGTG"}
INSULATOR = "CCACCAGGGGGCGCTA"
MISMATCH = 0.05  # chance that a planted base is replaced by a random one
HOUSEKEEPING = "TCTCGCGAGA"  # of promoters that no element acts on
PROMOTER_MOTIFS = ("GGGGCGGGGC", "TATAAAAGGC", "TGCGCATGCGCA")


def encode(text: str) -> Codes:
    """Base codes of an upper-case string: A 0, C 1, G 2, T 3, N 4; shape (len(text),)."""
    return np.array(["ACGTN".index(base) for base in text], dtype=np.uint8)


def random_bases(rng: np.random.Generator, length: int, gc: float) -> Codes:
    """Independent bases with the given G + C fraction; shape (length,)."""
    at = (1 - gc) / 2
    edges = np.array([at, at + gc / 2, at + gc])
    return np.searchsorted(edges, rng.random(length, dtype=np.float32)).astype(np.uint8)


def gc_fraction(codes: Codes) -> float:
    """Fraction of G and C among the bases that are not N; NaN without any."""
    known = int(np.count_nonzero(codes < 4))
    return float(np.count_nonzero((codes == 1) | (codes == 2)) / known) if known else float("nan")


def plant(
    rng: np.random.Generator, codes: Codes, motif: str, centre: int, spread: int, mismatch: float
) -> None:
    """Write one motif, on either strand, within ``spread`` bp of ``centre``, in place.

    Each base is replaced by a random one with probability ``mismatch``.
    """
    bases = encode(motif)
    if rng.random() < 0.5:
        bases = _COMPLEMENT[bases[::-1]]
    changed = rng.random(len(bases)) < mismatch
    bases = np.where(changed, rng.integers(0, 4, len(bases), dtype=np.uint8), bases)
    start = centre + int(rng.integers(-spread, spread + 1)) - len(bases) // 2
    codes[start : start + len(bases)] = bases


def write_fasta(
    path: Path, genome: Mapping[str, Codes], soft: Mapping[str, NDArray[np.bool_]], width: int = 60
) -> None:
    """Gzipped FASTA with lower case where ``soft`` is true, as the UCSC downloads are."""
    with path.open("wb") as raw, gzip.GzipFile("", "wb", 4, raw, mtime=0) as handle:
        for name, codes in genome.items():
            letters = _LETTERS[codes] | np.where(soft[name], np.uint8(32), np.uint8(0))
            handle.write(b">" + name.encode() + b"\n" + _wrapped(letters, width))


def _wrapped(letters: Codes, width: int) -> bytes:
    full = len(letters) // width * width
    lines = np.full((full // width, width + 1), ord("\n"), dtype=np.uint8)
    lines[:, :width] = letters[:full].reshape(-1, width)
    rest = letters[full:].tobytes()
    return lines.tobytes() + (rest + b"\n" if rest else b"")


def write_chrom_sizes(path: Path, sizes: Mapping[str, int]) -> None:
    """Two-column chromosome table."""
    text = "".join(f"{name}\t{length}\n" for name, length in sizes.items())
    path.write_text(text, encoding="ascii")


def write_motifs(path: Path, housekeeping: bool) -> None:
    """The planted motifs as a MEME file, with that of promoter-only genes where there are any."""
    promoter = {f"promoter_{i}": motif for i, motif in enumerate(PROMOTER_MOTIFS, start=1)}
    lines = ["MEME version 4", "", "ALPHABET= ACGT", "", "strands: + -", ""]
    if housekeeping:
        promoter["housekeeping"] = HOUSEKEEPING
    for name, motif in {**ACTIVATORS, "insulator": INSULATOR, **promoter}.items():
        lines.append(f"MOTIF {name}")
        lines.append(f"letter-probability matrix: alength= 4 w= {len(motif)} nsites= 100 E= 0")
        for code in encode(motif):
            row = np.full(4, MISMATCH / 4)
            row[code] += 1 - MISMATCH
            lines.append(" ".join(f"{value:.6f}" for value in row))
        lines.append("")
    path.write_text("\n".join(lines), encoding="utf-8")
