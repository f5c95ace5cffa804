"""What a preflight found: a line a file, and what the run will take."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from gexpipe.doctor.gene_names import GeneNames
from gexpipe.doctor.looks import Look
from gexpipe.doctor.stages import Stage

__all__ = ["Disk", "Preflight", "RowReport"]

GB = 10**9


@dataclass
class RowReport:
    """One row of a sheet: what was expected, what was seen, what gexpipe will do about it.

    Attributes
    ----------
    use : str
        ``CELL ROLE`` or ``ROLE``.
    state : {"ok", "odd", "failed", "unseen"}
        ``failed`` stops a run; ``odd`` does not, but is to be known; of ``unseen`` nothing is
        known, because its server gave no answer.
    bytes : int or None
        Size of what is downloaded.
    place : str
        Where it is, without tokens.
    here : bool
        Whether it is downloaded already.
    """

    use: str
    accession: str
    format: str
    state: str = "ok"
    place: str = ""
    bytes: int | None = None
    here: bool = False
    md5: str = ""
    portal: dict[str, str] = field(default_factory=dict)
    look: Look = field(default_factory=Look)
    genes: GeneNames | None = None

    def settle(self) -> None:
        """Set the state from what was found."""
        look = self.look
        self.state = (
            "failed" if look.wrong else "unseen" if look.unseen else "odd" if look.odd else "ok"
        )

    def line(self) -> str:
        """One line for people: what is wrong first, then what is odd, seen and done."""
        size = f"{self.bytes / GB:,.2f} GB" if self.bytes is not None else "size unknown"
        look = self.look
        done = f"gexpipe {', '.join(look.does)}" if look.does else ""
        portal = ", ".join(self.portal.values())
        here = "here already" if self.here else size
        parts = [*look.wrong, *look.unseen, *look.odd, here, portal, *look.seen, done]
        return "; ".join(part for part in parts if part)

    def as_json(self) -> dict[str, Any]:
        """All but the names of the genes."""
        return {**asdict(self), "genes": None if self.genes is None else len(self.genes.genes)}


@dataclass
class Disk:
    """Bytes that a run takes, and that are free.

    Attributes
    ----------
    to_download : int
        Files that are not here; of those of unknown size a typical one.
    sizes_unknown : int
        How many these are.
    sorted_copies, largest_sort : int
        Alignments that are not in order: their copies, and the parts of the largest while it is
        sorted, which lie beside them.
    to_write : dict
        What is made -> at most.
    free : int
        Free where the run would write.
    """

    to_download: int
    sizes_unknown: int
    sorted_copies: int
    largest_sort: int
    to_write: dict[str, int]
    free: int

    @property
    def needed(self) -> int:
        """All of it."""
        written = sum(self.to_write.values())
        return self.to_download + self.sorted_copies + self.largest_sort + written


@dataclass
class Preflight:
    """The report of a configuration.

    Attributes
    ----------
    rows : list of RowReport
        One a file.
    disk : Disk
        What it takes of the disk.
    seconds : float
        How long it took.
    stages : list of Stage
        What the rules of a run ask for; empty where nothing is left to do, or nobody asked.
    unplanned : str
        Why the run could not be planned.
    """

    rows: list[RowReport]
    disk: Disk
    seconds: float
    stages: list[Stage] = field(default_factory=list)
    unplanned: str = ""

    @property
    def failed(self) -> bool:
        """Whether a run would stop, or may: a file without an answer, too small a disk."""
        wrong = any(row.state in ("failed", "unseen") for row in self.rows)
        return wrong or bool(self.unplanned) or self.disk.needed > self.disk.free

    def totals(self) -> dict[str, Any]:
        """Files, bytes of the disk, and every stage's jobs, memory and hours."""
        return {
            "files": len(self.rows),
            **asdict(self.disk),
            "needed": self.disk.needed,
            "stages": [asdict(stage) for stage in self.stages],
            "unplanned": self.unplanned,
            "seconds": round(self.seconds, 1),
        }

    def words(self) -> list[str]:
        """The totals for people."""
        return [self._counts(), *self._room(), *self._work()]

    def _counts(self) -> str:
        states = [row.state for row in self.rows]
        unseen = states.count("unseen")
        return (
            f"{len(states)} files in {self.seconds:.0f} s: {states.count('failed')} failed, "
            f"{states.count('odd')} odd" + (f", {unseen} unseen" if unseen else "")
        )

    def _room(self) -> Iterator[str]:
        disk = self.disk
        unknown = f" ({disk.sizes_unknown} sizes unknown)" if disk.sizes_unknown else ""
        sort = disk.sorted_copies + disk.largest_sort
        yield (
            f"disk: {_gb(disk.to_download)} to download{unknown}, {_gb(sort)} to sort alignments, "
            + ", ".join(f"{_gb(size)} {name}" for name, size in disk.to_write.items())
        )
        enough = "" if disk.needed <= disk.free else ": too little"
        yield f"disk: {_gb(disk.needed)} needed, {_gb(disk.free)} free{enough}"

    def _work(self) -> Iterator[str]:
        if self.unplanned:
            yield self.unplanned
        if self.stages:
            yield "stage        jobs  memory (largest job)        hours at most: in all, one job"
        for stage in self.stages:
            memory = f"{stage.memory_mb / 1000:.1f} GB {stage.largest}"
            yield (
                f"{stage.name:12} {stage.jobs:4}  {memory:26}  {stage.hours:8,.1f} "
                f"{stage.longest_hours:6,.1f}"
            )

    def as_json(self) -> dict[str, Any]:
        """Rows and totals."""
        return {"rows": [row.as_json() for row in self.rows], "totals": self.totals()}


def _gb(size: int) -> str:
    return f"{size / GB:,.2f} GB"
