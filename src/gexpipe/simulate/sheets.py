"""Sample, file and reference sheets of the simulated cells."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from gexpipe.simulate.config import SimulationConfig

__all__ = ["write_sheets"]

_FILE = ["cell", "role", "replicate", "source", "accession", "format", "url", "md5"]
_REFERENCE = ["role", "source", "accession", "format", "url", "md5"]


def write_sheets(folder: Path, config: SimulationConfig, rows: list[dict[str, str]]) -> None:
    """Write samples.tsv, files.tsv and reference.tsv into ``folder``, without unlisted cells."""
    folder.mkdir(parents=True, exist_ok=True)
    listed = {name: cell for name, cell in config.cells.items() if cell.listed}
    samples = pd.DataFrame(
        {
            "cell": list(listed),
            "assembly": config.assembly,
            "description": [f"simulated cell type, seed {config.seed}" for _ in listed],
            "stands_for": [cell.stands_for for cell in listed.values()],
        }
    )
    table = pd.DataFrame(rows)
    of_cell = table["cell"].isin(list(listed))
    for name, frame in (
        ("samples", samples),
        ("files", table.loc[of_cell, _FILE]),
        ("reference", table.loc[table["cell"] == "", _REFERENCE]),
    ):
        frame.to_csv(folder / f"{name}.tsv", sep="\t", index=False, lineterminator="\n")
