"""Look into a window store: what it holds, and one gene's tracks as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import zarr
from matplotlib.figure import Figure

from gexpipe.errors import UserError
from gexpipe.files import aside
from gexpipe.reference.genes import find_row
from gexpipe.windows.layout import unpack_bases, unpack_bits
from gexpipe.windows.reader import ShardedArray
from gexpipe.windows.remote import Place
from gexpipe.windows.store import read_manifest

__all__ = ["describe", "draw_gene", "read_gene", "window_contact"]

# Points drawn along a window; each is the mean (signals) or any (masks) of the bases it covers.
POINTS = 2000


def describe(store: Path) -> list[str]:
    """Lines that say what a store holds: kind, genes, arrays with shape and dtype, size on disk."""
    folder, manifest = read_manifest(store)
    if not isinstance(folder, Path):
        raise UserError("only a store on this machine is described; copy it here", folder)
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    genes = len(manifest["genes"])
    lines = [
        f"{manifest['kind']} store, {genes:,} genes, {size / 1e6:.1f} MB "
        f"({size / max(genes, 1) / 1e3:.1f} kB a gene), made by gexpipe {manifest['gexpipe']}",
    ]
    if "length" in manifest:
        lines.append(f"window: {manifest['length']:,} bp centred on the TSS")
    chromosomes = manifest.get("chromosomes", {})
    if chromosomes:
        counts = ", ".join(f"{name} {count}" for name, count in chromosomes.items())
        lines.append(f"genes per chromosome: {counts}")
        first = folder / next(iter(chromosomes))
        lines += [_array_line(path.parent, first) for path in sorted(first.rglob("c"))]
    for name in manifest.get("arrays", []):
        array = zarr.open_array(folder, path=name, mode="r")
        lines.append(f"  {name:24} {array.shape!s:18} {array.dtype!s:8} {_what(array.attrs)}")
    lines += [f"source: {s['file']} sha256 {s['sha256'][:12]}" for s in manifest["sources"]]
    lines.append(f"fingerprint: {manifest['fingerprint']}")
    return lines


def _array_line(path: Path, chromosome: Path) -> str:
    """One line for an array of the first chromosome, with its size on disk."""
    array = ShardedArray(path)
    stored = sum(p.stat().st_size for p in path.rglob("*") if p.is_file()) / len(array) / 1e3
    name = path.relative_to(chromosome).as_posix()
    what = _what(array.attributes)
    return f"  {name:24} {array.shape!s:18} {array.dtype!s:8} {stored:6.2f} kB a gene  {what}"


def _what(attributes: Any) -> str:
    transform = attributes.get("transform", "none")
    return attributes.get("description", "") + ("" if transform == "none" else f"; {transform}")


def read_gene(store: Path, gene: str) -> dict[str, Any]:
    """Arrays of one gene, unpacked; ``gene`` is an id or, where the store has them, a symbol."""
    folder, manifest = read_manifest(store)
    if manifest["kind"] == "elements":
        raise UserError("an element store has no windows", folder)
    row = find_row(manifest["genes"], manifest.get("symbols", []), gene, str(folder))
    chrom, within = _locate(folder, manifest, row)
    group = folder / chrom

    def read(name: str) -> np.ndarray:
        return ShardedArray(group / name).read(within)

    if manifest["kind"] == "sequence":
        return {"codes": unpack_bases(read("sequence/bases"), read("sequence/unknown"))}
    names = manifest["signals"]
    return {
        "signals": {name: read(f"signals/{name}/values") for name in names},
        "valid": {name: unpack_bits(read(f"signals/{name}/valid")) for name in names},
        "masks": dict(zip(manifest["masks"], unpack_bits(read("masks/masks")), strict=True)),
        "contact": read("contact/bins"),
        "contact_start": int(read("contact/start")),
        "resolution": manifest["resolution"],
    }


def _locate(folder: Place, manifest: dict[str, Any], row: int) -> tuple[str, int]:
    """Chromosome of a gene and its row there, from the recorded order."""
    names = manifest["gene_chromosomes"]
    chrom = names[row]
    return chrom, names[:row].count(chrom)


def draw_gene(store: Path, gene: str, out: Path) -> None:
    """Draw signals, contact and masks of one gene's window to a PNG."""
    tracks = read_gene(store, gene)
    if "signals" not in tracks:
        raise UserError("only a cell store has tracks to draw", store)
    length = len(next(iter(tracks["signals"].values())))
    panels = [*tracks["signals"].items(), ("contact", window_contact(tracks, length))]
    figure = Figure(figsize=(10, 1.4 * (len(panels) + 1)), layout="constrained")
    axes = figure.subplots(len(panels) + 1, 1, sharex=True)
    step = max(length // POINTS, 1)
    n = length // step
    x = (np.arange(n) * step - length // 2) / 1000
    for axis, (name, values) in zip(axes, panels, strict=False):
        binned = values[: n * step].astype(np.float32).reshape(n, step).mean(axis=1)
        axis.fill_between(x, binned, step="mid", linewidth=0)
        axis.set_ylabel(name, rotation=0, ha="right", va="center")
        axis.spines[["top", "right"]].set_visible(False)
    names = list(tracks["masks"])
    for level, name in enumerate(names):
        inside = tracks["masks"][name][: n * step].reshape(n, step).any(axis=1)
        axes[-1].fill_between(x, level, level + 0.8 * inside, step="mid", linewidth=0)
    axes[-1].set_yticks(np.arange(len(names)) + 0.4, names)
    axes[-1].set_xlabel("distance from the TSS (kb)")
    figure.suptitle(gene)
    with aside(out) as temporary:
        figure.savefig(temporary, dpi=120)


def window_contact(tracks: dict[str, Any], length: int) -> np.ndarray:
    """Contact of every base of a window, from the bins that `read_gene` gives."""
    bins = (np.arange(length) + tracks["contact_start"]) // tracks["resolution"]
    return tracks["contact"][bins]
