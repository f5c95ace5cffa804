"""What a run prepared, as an archive; and its files, in the place of a project's own."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from gexpipe.archive.cards import data_card
from gexpipe.archive.folder import describe, link_or_copy, seal
from gexpipe.errors import UserError
from gexpipe.files import aside, checksum, require
from gexpipe.log import get_logger
from gexpipe.prepared import Prepared, made_with
from gexpipe.sheets import Sheets, locate
from gexpipe.windows.store import MANIFEST, verify

__all__ = ["OFFERED", "export_prepared", "offered", "place"]

logger = get_logger(__name__)

# Everything that is read after preparation; a store is named by its manifest. Left out are the
# genome, which only EPInformer's encoder reads, downloads, alignments and stand-ins.
OFFERED = (
    "resources/reference/chrom.sizes", "results/genes/genes.tsv", "results/genes/mrna.tsv",
    "results/genes/splits.tsv", "results/quality.tsv", "results/quality/{cell}.tsv",
    "results/targets/{cell}.tsv", "results/targets/{cell}.*.tsv",
    "results/abc/{cell}/candidates.bed", "results/abc/{cell}/elements.parquet",
    "results/abc/{cell}/genes.parquet", "results/abc/{cell}/quality.json",
    "results/abc/{cell}/predictions.parquet", "results/peaks/{cell}/peaks.narrowPeak",
    "results/elements/{cell}.parquet", "results/elements/{cell}.zarr/manifest.json",
    "results/examples/{cell}.parquet", "results/examples/{cell}.*.parquet",
    "results/windows/sequence.zarr/manifest.json", "results/windows/{cell}.zarr/manifest.json",
    "results/gta/genes.tsv", "results/gta/bins.zarr/manifest.json",
    "results/gta/signals/{cell}.zarr/manifest.json", "results/gta/prompts/{cell}.parquet",
)  # fmt: skip
# Paths of the exporter's machine, and what another project cannot have.
_OWN = {
    "download": {"mirror": None},
    "discovery": {"truth": None, "motifs": None},
    "samples": "config/samples.tsv",
    "files": "config/files.tsv",
}


def offered(folder: Path, cells: Iterable[str]) -> list[str]:
    """Files of a run that an archive holds, those that are there."""
    patterns = [pattern.format(cell=cell) for cell in cells for pattern in OFFERED]
    found = [path for pattern in dict.fromkeys(patterns) for path in sorted(folder.glob(pattern))]
    return [path.relative_to(folder).as_posix() for path in found if path.is_file()]


def export_prepared(
    folder: Path,
    config: Mapping[str, Any],
    sheets: Sheets,
    base: Path,
    out: Path,
    words: Mapping[str, str],
) -> int:
    """Write a run's prepared data as a sealed folder; returns the number of its files.

    Parameters
    ----------
    folder : Path
        Working directory of the run; everything before training is made and up to date.
    config, sheets, base : mapping, Sheets, Path
        The run's configuration, and the folder beside whose Snakefile paths are looked up.
    out : Path
        A folder that is not there yet.
    words : mapping
        ``title`` and ``licence``, for the card.
    """
    cells = list(config["cells"])
    offers = offered(folder, cells)
    if out.exists():
        raise UserError("it is there already", out)
    for cell in cells:
        require(folder / f"results/examples/{cell}.parquet", f"example table of {cell}")
    with aside(out) as temporary:
        for path in offers:
            _take(folder / path, temporary / path)
        _write_project(config, sheets, base, folder, temporary / "config")
        made = made_with(config, sheets, cells)
        describe(temporary, "prepared", cells=cells, offers=offers, made_with=made, **words)
        text = data_card(folder, config, sheets, offers, words)
        (temporary / "DATA_CARD.md").write_text(text, encoding="utf-8")
        return seal(temporary)


def _take(source: Path, out: Path) -> None:
    """A file, or the store of a manifest, whose bytes are those that were written."""
    if source.name != MANIFEST:
        out.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, out)
        return
    verify(source)
    for path in source.parent.rglob("*"):
        if path.is_file():
            target = out.parent / path.relative_to(source.parent)
            target.parent.mkdir(parents=True, exist_ok=True)
            if path == source:
                shutil.copyfile(path, target)
            else:
                link_or_copy(path, target)


def _write_project(
    config: Mapping[str, Any], sheets: Sheets, base: Path, folder: Path, out: Path
) -> None:
    """Configuration and sheets, from which a new project can start."""
    out.mkdir(parents=True)
    for name, path in sheets.names.items():
        shutil.copyfile(_located(path, folder, base), out / f"{name}.tsv")
    own = {
        key: {**config[key], **value} if isinstance(value, dict) else value
        for key, value in _OWN.items()
    }
    reference = {**config["reference"], "files": "config/reference.tsv"}
    values = {**config, **own, "reference": reference}
    text = yaml.safe_dump(values, sort_keys=False, allow_unicode=True, width=100)
    (out / "config.yaml").write_text(text, encoding="utf-8")


def _located(path: str, folder: Path, base: Path) -> Path:
    here = folder / path
    return here if here.exists() else locate(path, base)


def place(prepared: Prepared, path: str, folder: Path) -> None:
    """Put an offered file, or the store of a manifest, where the workflow looks for it.

    Large files get a second name, not a second copy; every checksum is compared.
    """
    if path not in prepared.offers:
        raise UserError(
            f"not one of its {len(prepared.offers)} files", f"{prepared.folder}: {path}"
        )
    whole = path.removesuffix(f"/{MANIFEST}")
    is_store = whole != path
    with aside(folder / whole) as temporary:
        for name in _below(prepared, whole) if is_store else [path]:
            target = temporary / name.removeprefix(f"{whole}/") if is_store else temporary
            target.parent.mkdir(parents=True, exist_ok=True)
            source = require(Path(prepared.source(name)), "file of an archive")
            if is_store and name != path:
                link_or_copy(source, target)
            else:  # Snakemake sets the time of what a rule writes
                shutil.copyfile(source, target)
            if checksum(target) != prepared.sums[name]:
                raise UserError("its bytes are not those that were archived", source)


def _below(prepared: Prepared, store: str) -> list[str]:
    return [name for name in prepared.sums if name.startswith(f"{store}/")]
