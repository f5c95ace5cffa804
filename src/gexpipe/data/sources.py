"""Which files data sets are made of, without torch; commands, rules and people name them alike."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path

from gexpipe.errors import UserError

__all__ = ["Sources", "sources_of"]


def _file(what: str, place: str) -> dict[str, str]:
    """A file: what it is, and where the workflow writes it."""
    return {"help": what, "place": place}


@dataclass(frozen=True)
class Sources:
    """Files of a cell type.

    Window stores, example table, element store; the enhancer encoder reads element table and
    genome instead of the stores, GTA the stores of bins and the table of prompts. ``mixed`` are
    signal store and example table of further cell types to train on; ``links`` is the table that an
    element store was made from.
    """

    examples: Path = field(
        metadata=_file(
            "Example table of the cell type (.parquet).", "results/examples/{cell}.parquet"
        )
    )
    sequence: Path | None = field(
        default=None, metadata=_file("Window store of bases.", "results/windows/sequence.zarr")
    )
    signals: Path | None = field(
        default=None,
        metadata=_file("Window store of the cell type.", "results/windows/{cell}.zarr"),
    )
    elements: Path | None = field(
        default=None,
        metadata=_file("Element store, if it is read.", "results/elements/{cell}.zarr"),
    )
    activity: Path | None = field(
        default=None,
        metadata=_file(
            "Enhancer encoder: element table of the cell type.",
            "results/abc/{cell}/elements.parquet",
        ),
    )
    genome: Path | None = field(
        default=None,
        metadata=_file("Enhancer encoder: indexed FASTA.", "resources/reference/genome.fa"),
    )
    bins: Path | None = field(
        default=None, metadata=_file("GTA: store of bin features.", "results/gta/bins.zarr")
    )
    bin_signals: Path | None = field(
        default=None,
        metadata=_file(
            "GTA: store of bin signals, if they are read.", "results/gta/signals/{cell}.zarr"
        ),
    )
    prompts: Path | None = field(
        default=None, metadata=_file("GTA: table of prompts.", "results/gta/prompts/{cell}.parquet")
    )
    gene_activity: Path | None = field(
        default=None,
        metadata=_file("Gene activity table of the ABC stage.", "results/abc/{cell}/genes.parquet"),
    )
    links: Path | None = field(
        default=None,
        metadata=_file(
            "Table of the elements of every gene, by rank.", "results/elements/{cell}.parquet"
        ),
    )
    mixed: tuple[tuple[Path, Path], ...] = ()

    def need(self, method: str, *names: str) -> None:
        """Raise a `UserError` that names the options that are missing."""
        if any(getattr(self, name) is None for name in names):
            options = " and ".join(f"--{name}" for name in names)
            raise UserError(f"give {options}", f"method {method}")


def sources_of(folder: Path, cell: str, **given: Path) -> Sources:
    """What the workflow made for a cell type in its working directory; ``given`` files win.

    Raises
    ------
    UserError
        There is no example table of the cell type, with those that there are.
    """
    places = {f.name: f.metadata["place"] for f in fields(Sources) if "place" in f.metadata}
    found = {name: folder / place.format(cell=cell) for name, place in places.items()}
    found = {name: path for name, path in found.items() if path.exists()} | given
    if "examples" not in found:
        tables = (folder / "results/examples").glob("*.parquet")
        cells = ", ".join(sorted({path.name.split(".")[0] for path in tables})) or "none"
        raise UserError(f"no example table of {cell!r}; there are {cells}", folder)
    return Sources(**found)  # type: ignore[arg-type]
