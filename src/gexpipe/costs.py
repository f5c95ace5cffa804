"""What rules of data preparation take: a table, by which they ask and so the preflight tells.

Measured by ``benchmarks/real_size.py`` (docs/benchmarks.md) on the files of one human cell type.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["COSTS", "Cost"]

_ROOM = 1.5  # memory asked for, over what was measured
_SLOW = 10  # time asked for, over the CPU time measured: slow disks, shared cores, older processors
_LEAST_MB, _LEAST_MINUTES = 1000, 30


@dataclass(frozen=True)
class Cost:
    """What a job takes, by the size of its input.

    Attributes
    ----------
    memory : float
        Peak memory whatever the input, MB; of a rule with several processes, all of them.
    memory_per_mb : float
        What comes to it for each MB of input, MB.
    seconds, seconds_per_mb : float
        CPU time whatever the input, and for each MB of it.
    """

    memory: float
    memory_per_mb: float
    seconds: float
    seconds_per_mb: float

    def megabytes(self, input_mb: float) -> int:
        """Memory to ask for, MB."""
        return max(_LEAST_MB, int(_ROOM * self.memory_at(input_mb)))

    def memory_at(self, input_mb: float) -> float:
        """Peak memory that it takes, MB."""
        return self.memory + self.memory_per_mb * input_mb

    def cpu_seconds(self, input_mb: float) -> float:
        """CPU time that it takes."""
        return self.seconds + self.seconds_per_mb * input_mb

    def minutes(self, input_mb: float) -> int:
        """Time to ask for, minutes."""
        return max(_LEAST_MINUTES, int(_SLOW * self.cpu_seconds(input_mb) / 60))


COSTS = {
    "genome": Cost(150, 0.01, 2, 0.03),
    "genes": Cost(500, 25, 5, 0.7),
    "mrna": Cost(1500, 0.1, 40, 0.005),
    "target": Cost(150, 22, 2, 0.25),
    "check": Cost(500, 0.01, 5, 0.002),
    # As for files that have to be sorted, by four threads; others are indexed in a twelfth of that.
    "sort_bam": Cost(3400, 0.001, 5, 0.14),
    # MACS3: the longest chromosome's pile-up, and all reads.
    "peaks": Cost(1500, 0.3, 5, 0.22),
    "candidates": Cost(500, 0.01, 10, 0.01),
    "activity": Cost(500, 0.01, 10, 0.012),
    # Seconds of a file with all resolutions, of which one is read; memory of a filled band.
    "contacts": Cost(2000, 0.05, 10, 0.2),
    "scores": Cost(800, 0.1, 25, 0.05),
    "elements": Cost(400, 2, 5, 0.1),
    # Four processes, each with one of the longest chromosomes; of signals, bigWigs take 4,300 MB
    # and alignments 6,600.
    "sequence_store": Cost(3400, 0.01, 5, 0.013),
    "signal_store": Cost(5600, 0.01, 20, 0.14),
    "element_store": Cost(1000, 0.01, 5, 0.012),
}
