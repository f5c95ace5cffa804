"""Where the workflow's own files are: rules, schemas, configuration, sheets, profiles."""

from __future__ import annotations

from pathlib import Path

__all__ = ["home", "snakefile"]

_HERE = Path(__file__).parent


def home(beside: str | Path | None = None) -> Path:
    """Folder with ``Snakefile``, ``workflow``, ``config`` and ``profiles``.

    Parameters
    ----------
    beside : path, optional
        Folder of the Snakefile that is being read. It is the answer where it is a folder of this
        machine; a Snakefile that Snakemake fetches (``github(...)``) brings no such folder.

    Returns
    -------
    Path
        That, the source tree that this package lies in, or the copy that a wheel holds.
    """
    places = [Path(beside)] if beside is not None else []
    for place in [*places, _HERE.parents[1], _HERE / "project"]:
        if (place / "config" / "config.yaml").exists() and (
            place / "workflow" / "Snakefile"
        ).exists():
            return place
    raise FileNotFoundError(f"the installation of gexpipe lacks its workflow: {_HERE}")


def snakefile() -> str:
    """Path of the Snakefile, for ``module gexpipe: snakefile: ...`` in one's own."""
    return str(home() / "workflow" / "Snakefile")
