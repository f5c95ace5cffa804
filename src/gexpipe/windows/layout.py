"""How windows lie in a zarr v3 store: names, packing, and what each array means.

A store holds one group per chromosome, so that a shard belongs to one chromosome. Below it, a part
is a group whose arrays come from one source and are built, and built again, together. Within a
chromosome, genes keep the order of the gene table. Arrays along the window also exist for its
central `CENTRE` bases, under the name ``centre_*``, so that a short read touches little more than
it needs. docs/store.md has the table of parts and arrays.

All coordinates are 0-based half-open on the forward strand; the window of a gene is
``[tss - L // 2, tss + L // 2)`` and index ``L // 2`` is the TSS.
"""

from __future__ import annotations

import numpy as np

__all__ = [
    "CENTRE",
    "GENES_PER_SHARD",
    "LAYOUT",
    "MASKS",
    "N_CODE",
    "centre_slice",
    "encode",
    "pack_bases",
    "pack_bits",
    "unpack_bases",
    "unpack_bits",
]

# Version of the layout: what was built with another is built again.
LAYOUT = 3
# Genes in one shard file. 128 keeps 18,377 genes on 23 chromosomes below 200 files per array.
GENES_PER_SHARD = 128
# Bases of the separate arrays of the centre: enough for the 10 kb inputs that the papers try.
CENTRE = 10_240
# Base code of N and of positions outside the chromosome.
N_CODE = 4
# Masks every cell store has, in this order.
MASKS = ("peaks", "blacklist", "elements")

_LETTERS = np.full(256, N_CODE, np.uint8)
for _code, _base in enumerate("ACGT"):
    _LETTERS[ord(_base)] = _LETTERS[ord(_base.lower())] = _code
# Two bytes -> their eight base codes, as one number: a look-up every eight bases.
_FOUR = ((np.arange(256)[:, None] >> np.array([0, 2, 4, 6])) & 3).astype(np.uint8)
_EIGHT = np.concatenate([np.tile(_FOUR, (256, 1)), np.repeat(_FOUR, 256, axis=0)], axis=1)
_EIGHT = np.ascontiguousarray(_EIGHT).view("<u8")[:, 0].copy()


def encode(sequence: str | bytes) -> np.ndarray:
    """Letters to codes (A 0, C 1, G 2, T 3, anything else 4), uint8."""
    raw = sequence.encode("ascii") if isinstance(sequence, str) else sequence
    return _LETTERS[np.frombuffer(raw, np.uint8)]


def centre_slice(stored: int, length: int) -> slice:
    """Slice of the central ``length`` positions of ``stored`` ones, index ``n // 2`` kept."""
    start = stored // 2 - length // 2
    return slice(start, start + length)


def pack_bases(codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pack codes ``(..., L)`` (L a multiple of 8) into 2-bit bases and an N bit mask.

    Returns
    -------
    bases : ndarray
        (..., L / 4) uint8.
    unknown : ndarray
        (..., L / 8) uint8.
    """
    unknown = codes == N_CODE
    word = np.ascontiguousarray(codes & 3).view("<u4")  # N_CODE & 3 is 0
    bases = word | word >> 6 | word >> 12 | word >> 18
    return (bases & 255).astype(np.uint8), np.packbits(unknown, axis=-1)


def unpack_bases(bases: np.ndarray, unknown: np.ndarray) -> np.ndarray:
    """Inverse of `pack_bases`: (..., L) uint8 codes."""
    pairs = np.ascontiguousarray(bases).view("<u2")
    codes = _EIGHT[pairs].view(np.uint8)
    if unknown.any():
        codes[unpack_bits(unknown)] = N_CODE
    return codes


def pack_bits(mask: np.ndarray) -> np.ndarray:
    """Pack booleans ``(..., L)`` into ``(..., L / 8)`` uint8."""
    return np.packbits(mask, axis=-1)


def unpack_bits(packed: np.ndarray) -> np.ndarray:
    """Inverse of `pack_bits`: (..., L) bool."""
    return np.unpackbits(packed, axis=-1).view(bool)
