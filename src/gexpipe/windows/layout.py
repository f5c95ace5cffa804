"""How windows lie in a zarr v3 store: names, packing, and what each array means.

A store holds one group per chromosome, so that a shard belongs to one chromosome and chromosomes
are written side by side. Within a group, genes keep the order of the gene table. Arrays of length
``L`` (the stored window) also exist for the central `CENTRE` bases, under the name ``centre_*``, so
that a short read touches little more than it needs.

=========  =============  ================  ========  =======================================
store      array          shape             dtype     meaning
=========  =============  ================  ========  =======================================
sequence   bases          (genes, L / 4)    uint8     2 bits a base, first lowest: A C G T = 0-3
sequence   unknown        (genes, L / 8)    uint8     packed bits, 1 = N or off the chromosome
cell       signals        (genes, S, L)     float16   raw values, 0 where the track has none
cell       masks          (genes, M, L / 8) uint8     packed bits: peaks, blacklist, elements,
                                                      then valid:NAME of each signal
cell       contact        (genes, n_bins)   float32   log10(1 + contact) of a bin with the TSS bin
cell       contact_start  (genes,)          int64     window base 0 inside the first bin, bp
cell       inside         (genes, 2)        int64     part of the window on the chromosome
=========  =============  ================  ========  =======================================

All coordinates are 0-based half-open on the forward strand; the window of a gene is
``[tss - L // 2, tss + L // 2)`` and index ``L // 2`` is the TSS.
"""

from __future__ import annotations

import numpy as np

__all__ = [
    "CENTRE",
    "GENES_PER_SHARD",
    "MASKS",
    "N_CODE",
    "centre_slice",
    "encode",
    "pack_bases",
    "pack_bits",
    "unpack_bases",
    "unpack_bits",
]

# Genes in one shard file. 128 keeps 18,377 genes on 23 chromosomes below 200 files per array.
GENES_PER_SHARD = 128
# Bases of the separate arrays of the centre: enough for the 10 kb inputs that the papers try.
CENTRE = 10_240
# Base code of N and of positions outside the chromosome.
N_CODE = 4
# Masks every cell store has, in this order; one valid:NAME mask per signal follows.
MASKS = ("peaks", "blacklist", "elements")

_LETTERS = np.full(256, N_CODE, np.uint8)
for _code, _base in enumerate("ACGT"):
    _LETTERS[ord(_base)] = _LETTERS[ord(_base.lower())] = _code
# Byte -> its four base codes.
_UNPACK = ((np.arange(256)[:, None] >> np.array([0, 2, 4, 6])) & 3).astype(np.uint8)


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
    known = np.where(unknown, 0, codes).astype(np.uint8)
    four = known.reshape(*known.shape[:-1], known.shape[-1] // 4, 4)
    bases = four[..., 0] | four[..., 1] << 2 | four[..., 2] << 4 | four[..., 3] << 6
    return bases.astype(np.uint8), np.packbits(unknown, axis=-1)


def unpack_bases(bases: np.ndarray, unknown: np.ndarray) -> np.ndarray:
    """Inverse of `pack_bases`: (..., L) uint8 codes."""
    codes = _UNPACK[bases].reshape(*bases.shape[:-1], 4 * bases.shape[-1])
    if unknown.any():
        codes[np.unpackbits(unknown, axis=-1).astype(bool)] = N_CODE
    return codes


def pack_bits(mask: np.ndarray) -> np.ndarray:
    """Pack booleans ``(..., L)`` into ``(..., L / 8)`` uint8."""
    return np.packbits(mask, axis=-1)


def unpack_bits(packed: np.ndarray) -> np.ndarray:
    """Inverse of `pack_bits`: (..., L) bool."""
    return np.unpackbits(packed, axis=-1).astype(bool)
