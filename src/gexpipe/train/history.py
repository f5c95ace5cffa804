"""What is measured between two validations, and the table it becomes."""

from __future__ import annotations

import csv
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from gexpipe.files import aside

__all__ = ["Meter", "write_history"]

COLUMNS = (
    "step", "epoch", "train_loss", "valid_mse", "valid_r2", "learning_rate", "genes_per_second",
    "data_wait",
)  # fmt: skip


@dataclass
class Meter:
    """Sums since the last validation; kept in ``last.ckpt``, so that a resumed row is whole."""

    steps: int = 0
    genes: int = 0
    loss: float = 0.0
    seconds: float = 0.0
    waited: float = 0.0

    def add(self, genes: int, loss: float, seconds: float, waited: float) -> None:
        """Count one step; ``seconds`` includes the time ``waited`` for data."""
        self.steps += 1
        self.genes += genes
        self.loss += loss
        self.seconds += seconds
        self.waited += waited

    def row(
        self, step: int, epoch: float, valid: tuple[float, float], rate: float
    ) -> dict[str, Any]:
        """One row of history.csv; ``valid`` are MSE and squared correlation."""
        seconds = max(self.seconds, 1e-9)
        values = (
            step, round(epoch, 4), self.loss / max(1, self.steps), *valid, rate,
            round(self.genes / seconds, 2), round(self.waited / seconds, 4),
        )  # fmt: skip
        return dict(zip(COLUMNS, values, strict=True))

    def state(self) -> dict[str, Any]:
        """Plain values for a checkpoint."""
        return asdict(self)


def write_history(path: Path, rows: list[dict[str, Any]]) -> None:
    """Write history.csv, one row a validation."""
    with aside(path) as temporary, temporary.open("w", newline="") as handle:
        writer = csv.DictWriter(handle, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
