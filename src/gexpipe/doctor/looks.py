"""What the beginning of a file shows, beside what the configuration expects of it."""

from __future__ import annotations

import itertools
import struct
import sys
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO

import h5py
import pybigtools

from gexpipe.contact.readers import match_chromosome
from gexpipe.doctor.hic_header import read_hic_header
from gexpipe.errors import UserError

__all__ = ["Expected", "Look", "decompressed", "look_at"]

START = 1 << 20  # bytes of a file's beginning
_BGZF_END = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
_DIVISIVE = ("VC", "VC_SQRT", "KR", "SCALE")


@dataclass(frozen=True)
class Expected:
    """What the configuration expects of a row's file.

    Attributes
    ----------
    chromosomes : list of str
        Chromosomes in use.
    sizes : mapping
        Chromosome -> length of the genome, bp; empty where it is not known yet.
    columns : list of tuple of str
        Wanted columns of a table; of each tuple one name is enough.
    resolution : int
        Bin width of contact matrices, bp.
    normalization : list of str
        Acceptable balancings, the first present counts.
    pairs : str
        How peaks read pairs, ``ends`` or ``fragments``.
    tss : str
        Column of a gene table that the TSS are read from.
    """

    chromosomes: list[str]
    sizes: Mapping[str, int]
    columns: list[tuple[str, ...]] = field(default_factory=list)
    resolution: int = 5000
    normalization: list[str] = field(default_factory=list)
    pairs: str = "ends"
    tss: str = ""


@dataclass
class Look:
    """What was found of one file.

    Attributes
    ----------
    seen : list of str
        What the file is.
    wrong : list of str
        What would stop a run.
    unseen : list of str
        Why it could not be looked at: nothing is known of it.
    odd : list of str
        What does not stop a run and is to be known.
    does : list of str
        What gexpipe will do about it.
    sorts : bool
        Whether a sorted copy will be written.
    """

    seen: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    unseen: list[str] = field(default_factory=list)
    odd: list[str] = field(default_factory=list)
    does: list[str] = field(default_factory=list)
    sorts: bool = False


def look_at(handle: BinaryIO, file_format: str, expected: Expected, look: Look) -> None:
    """Add what a file shows to ``look``; what cannot be read is wrong."""
    looks: dict[str, Callable[[BinaryIO, Expected, Look], None]] = {
        "bam": _bam, "bigWig": _big, "bigBed": _big, "hic": _hic, "mcool": _cool, "cool": _cool,
        "cram": _magic(b"CRAM"), "zip": _magic(b"PK\x03\x04"),
        "xlsx": _magic(b"PK\x03\x04"), "tar": _magic(b"\x1f\x8b"),
    }  # fmt: skip
    try:
        looks.get(file_format, _text(file_format))(handle, expected, look)
    except UserError as error:
        look.wrong.append(str(error))
    except (OSError, ValueError, KeyError, struct.error, zlib.error, EOFError) as error:
        look.wrong.append(f"not a readable {file_format} file ({error})")
    except BaseException as error:  # pybigtools has its own types, one of them no Exception
        if isinstance(error, (KeyboardInterrupt, SystemExit, MemoryError)):
            raise
        look.wrong.append(f"not a readable {file_format} file ({error})")


def _magic(magic: bytes) -> Callable[[BinaryIO, Expected, Look], None]:
    def look_for(handle: BinaryIO, expected: Expected, look: Look) -> None:
        start = handle.read(len(magic))
        if start != magic:
            look.wrong.append(f"starts with {start!r}, expected {magic!r}")

    return look_for


def _chromosomes(
    found: Mapping[str, int | None], expected: Expected, look: Look, bare: bool = False
) -> None:
    """Compare names and lengths; ``bare``: names without chr are read (contact matrices)."""
    sizes = {name: size or 0 for name, size in found.items()}
    matched = {
        name: match_chromosome(sizes, name) if bare else (name if name in found else None)
        for name in expected.chromosomes
    }
    there = {name: own for name, own in matched.items() if own is not None}
    if not there:
        names, wanted = ", ".join(list(found)[:4]), ", ".join(expected.chromosomes[:4])
        look.wrong.append(f"its chromosomes are {names}; the configuration's are {wanted}")
        return
    lacking = [name for name, own in matched.items() if own is None]
    if lacking:
        look.odd.append(f"lacks {', '.join(lacking)}")
    for name, own in there.items():
        size, genome = sizes[own], expected.sizes.get(name)
        if size and genome and size != genome:
            look.wrong.append(f"{own} has {size:,} bp, the genome's {name} {genome:,}")
            break
    if any(own != name for name, own in there.items()):
        look.does.append("reads its names without chr")
    more = len(found) - len(there)
    look.seen.append(f"{len(there)} chromosomes in use" + (f", {more} more" if more else ""))


def decompressed(start: bytes) -> bytes:
    """Text of the beginning of a file, gzipped or not, as far as it goes."""
    return _bgzf(start, sys.maxsize) if start[:2] == b"\x1f\x8b" else start


def _bgzf(data: bytes, most: int = 8 * START) -> bytes:
    """Decompressed members of the beginning of a BGZF (or gzip) file, as far as they go."""
    out, size = [], 0
    while data and size < most:
        member = zlib.decompressobj(16 + zlib.MAX_WBITS)
        part = member.decompress(data)
        out.append(part)
        size += len(part)
        data = member.unused_data
        if not member.eof:
            break
    return b"".join(out)


def _bam(handle: BinaryIO, expected: Expected, look: Look) -> None:
    start = handle.read(START)
    data = _bgzf(start) if start[:2] == b"\x1f\x8b" else b""
    if data[:4] != b"BAM\x01":
        raise UserError(f"starts with {start[:8]!r}, expected bam")
    (length,) = struct.unpack_from("<i", data, 4)
    order = _order(data[8 : 8 + length].decode("utf-8", "replace"))
    found, place = _contigs(data, 8 + length)
    _chromosomes(found, expected, look)
    reads = list(itertools.islice(_reads(data, place), 100_000))
    placed = [(reference, at) for _, reference, at in reads if reference >= 0]
    in_order = placed == sorted(placed)
    _flags([flag for flag, _, _ in reads], expected, look)
    look.sorts = order not in ("", "coordinate", "unsorted", "unknown") or not in_order
    look.seen.append(
        f"order {order or 'not said'}, first reads {'in' if in_order else 'out of'} order"
    )
    look.does.append("sorts it once by coordinate" if look.sorts else "indexes it as it is")
    if order == "coordinate" and not in_order:
        look.odd.append("its header says coordinate, its reads are not in order")
    handle.seek(-len(_BGZF_END), 2)
    if handle.read() != _BGZF_END:
        look.wrong.append("the end-of-file block is missing: cut off")


def _order(header: str) -> str:
    first = header.split("\n", 1)[0].split("\t")
    said = dict(part.split(":", 1) for part in first[1:] if ":" in part)
    return said.get("SO") or ("queryname" if said.get("GO") == "query" else "")


def _contigs(data: bytes, place: int) -> tuple[dict[str, int | None], int]:
    (count,) = struct.unpack_from("<i", data, place)
    place, found = place + 4, {}
    for _ in range(count):
        (length,) = struct.unpack_from("<i", data, place)
        name = data[place + 4 : place + 3 + length].decode()
        found[name] = struct.unpack_from("<i", data, place + 4 + length)[0]
        place += 8 + length
    return found, place


def _reads(data: bytes, place: int) -> Iterable[tuple[int, int, int]]:
    """Flag, chromosome and position of the records that lie whole in ``data``."""
    while place + 4 <= len(data):
        (size,) = struct.unpack_from("<i", data, place)
        if place + 4 + size > len(data):
            return
        reference, position = struct.unpack_from("<ii", data, place + 4)
        (flag,) = struct.unpack_from("<H", data, place + 18)
        yield flag, reference, position
        place += 4 + size


def _flags(flags: list[int], expected: Expected, look: Look) -> None:
    if not flags:
        look.wrong.append("no read in the first megabyte")
        return
    paired = sum(bool(flag & 1) for flag in flags)
    kind = "paired-end" if paired == len(flags) else "single-end" if not paired else "mixed"
    parts = [f"{kind}, by the first {len(flags):,} reads"]
    for bits, word in ((0x400, "duplicates"), (0x900, "secondary"), (0x200, "QC-failed")):
        share = sum(bool(flag & bits) for flag in flags) / len(flags)
        if share:
            parts.append(f"{100 * share:.1f} % {word}")
    look.seen.append(", ".join(parts))
    if len(parts) > 1:
        look.does.append("counts all of them, as ABC does")
    if paired and expected.pairs == "ends":
        look.does.append("calls peaks on first mates")
    if paired < len(flags) and expected.pairs == "fragments":
        look.wrong.append("single-end reads, but peaks.pairs is fragments")


def _big(handle: BinaryIO, expected: Expected, look: Look) -> None:
    with pybigtools.open(handle) as track:
        _chromosomes(dict(track.chroms()), expected, look)
        told = track.info()["summary"]
    low, high, covered = (float(told[key]) for key in ("min", "max", "basesCovered"))
    look.seen.append(f"values {low:.4g} to {high:.4g} on {covered / 1e6:,.1f} Mb")
    if not covered:
        look.wrong.append("it holds no value")
    elif low < 0:
        look.odd.append(f"values below 0 (from {low:.4g}): a logarithm?")


def _balancing(
    there: Mapping[str, set[str]], chromosomes: list[str], expected: Expected, look: Look
) -> None:
    """The balancing that is used, and the chromosomes without a vector of it."""
    chosen = next((name for name in expected.normalization if there.get(name)), None)
    listed = ", ".join(sorted(there)) or "none"
    look.seen.append(f"balancings at {expected.resolution:,} bp: {listed}")
    if chosen is None:
        wanted = ", ".join(expected.normalization)
        look.wrong.append(f"none of the balancings {wanted} (contact.normalization)")
        return
    sizes = dict.fromkeys(there[chosen], 1)
    lacking = [name for name in chromosomes if match_chromosome(sizes, name) is None]
    look.does.append(f"balances by {chosen}")
    if lacking:
        look.odd.append(f"no {chosen} vector of {', '.join(lacking)}: no contact there")


def _resolution(found: Iterable[int], expected: Expected) -> None:
    available = sorted(found)
    if expected.resolution not in available:
        listed = ", ".join(f"{width:,}" for width in available)
        raise UserError(f"no resolution {expected.resolution:,} bp; it has {listed}")


def _hic(handle: BinaryIO, expected: Expected, look: Look) -> None:
    header = read_hic_header(handle)
    look.seen.append(f".hic version {header.version}, {header.assembly}")
    _chromosomes(header.chromosomes, expected, look, bare=True)
    _resolution(header.resolutions, expected)
    there = {
        kind: names
        for (kind, width), names in header.vectors.items()
        if width == expected.resolution
    }
    known = [name for name in expected.chromosomes if match_chromosome(header.chromosomes, name)]
    _balancing(there, known, expected, look)


def _cool(handle: BinaryIO, expected: Expected, look: Look) -> None:
    with h5py.File(handle, "r") as file:
        levels = file.get("resolutions")
        if levels is not None:
            _resolution([int(name) for name in levels], expected)
            group = levels[str(expected.resolution)]
        else:
            group = file
            _resolution([int(file.attrs.get("bin-size", 0))], expected)
        names = [n.decode() if isinstance(n, bytes) else str(n) for n in group["chroms/name"][:]]
        sizes = dict(zip(names, map(int, group["chroms/length"][:]), strict=True))
        columns = set(group["bins"]) - {"chrom", "start", "end"}
    _chromosomes(sizes, expected, look, bare=True)
    divisive = sorted(columns & set(_DIVISIVE))
    if divisive:
        look.seen.append(f"{', '.join(divisive)} divide, as Juicer's")
    known = [name for name in expected.chromosomes if match_chromosome(sizes, name)]
    _balancing({name: set(names) for name in columns}, known, expected, look)


def _text(file_format: str) -> Callable[[BinaryIO, Expected, Look], None]:
    def look_for(handle: BinaryIO, expected: Expected, look: Look) -> None:
        start = handle.read(START)
        zipped = start[:2] == b"\x1f\x8b"
        text = (_bgzf(start) if zipped else start).decode("utf-8", "replace")
        if text.lstrip().lower().startswith(("<!doctype", "<html", "<?xml")):
            raise UserError(f"this is a web page, expected {file_format}")
        if "\0" in text[:4096]:
            raise UserError(f"this is not text, expected {file_format}")
        lines = [line for line in text.split("\n")[:-1] or [text] if line.strip()]
        if not lines:
            raise UserError("the file is empty")
        look.seen.append("gzipped text" if zipped else "text")
        if file_format == "fasta":
            _fasta(lines, look)
        elif file_format in ("tsv", "csv") and expected.columns:
            _columns(lines[0], expected, look)
        elif file_format in ("bed", "bedpe", "ctss", "gtf", "tagAlign", "fragments"):
            _intervals(lines, file_format, expected, look)

    return look_for


def _fasta(lines: list[str], look: Look) -> None:
    if not lines[0].startswith((">", ";")):
        raise UserError(f"starts with {lines[0][:20]!r}, expected '>' of fasta")
    look.seen.append(f"first sequence {lines[0][1:].split()[0]}")


def _columns(header: str, expected: Expected, look: Look) -> None:
    """The wanted columns; the separator is the one that gives more of them."""
    rows = [header.rstrip("\r").split(separator) for separator in ("\t", ",")]
    names = {name.strip().strip('"') for name in max(rows, key=len)}
    missing = [wanted for wanted in expected.columns if not names & set(wanted)]
    look.seen.append(f"{len(names)} columns, {len(expected.columns)} wanted")
    beside = sorted(name for name in names - {expected.tss} if "tss" in name.lower())
    if expected.tss in names and beside:
        look.does.append(f"reads {expected.tss}, not {', '.join(beside)} beside it")
    for wanted in missing:
        found = ", ".join(sorted(names)[:40])
        look.wrong.append(f"no column {' or '.join(wanted)}; it has {found}")


def _intervals(lines: list[str], file_format: str, expected: Expected, look: Look) -> None:
    data = [line.rstrip("\r").split("\t") for line in lines if not line.startswith(("#", "track"))]
    least = {"ctss": 6, "gtf": 9, "fragments": 5}.get(file_format, 3)
    if not data or len(data[0]) < least:
        raise UserError(f"a line has {len(data[0]) if data else 0} columns, expected {least}")
    names = dict.fromkeys(row[0] for row in data)
    # Only the beginning was read: other chromosomes come later.
    if not set(names) & set(expected.chromosomes):
        first, wanted = next(iter(names)), expected.chromosomes[0]
        if first.startswith("chr") != wanted.startswith("chr"):
            look.wrong.append(f"its chromosomes are called {first}, the configuration's {wanted}")
