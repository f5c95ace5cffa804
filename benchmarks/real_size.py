"""Every stage before training at the size of a human cell type: what each rule takes and declares.

    python benchmarks/real_size.py --out FOLDER --scale 0.01

Makes the files (big_genome.py), unless the folder has them from a run of the same size, and runs
the workflow on one cell type.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import yaml
from big_genome import CELL, make_files, sizes_of
from tabulate import tabulate

ROOT = Path(__file__).resolve().parents[1]
FORMATS = {
    "fasta": "fasta", "gtf": "gtf", "gene_table": "csv", "blacklist": "bed",
    "qnorm_reference": "tsv", "hic": "hic", "dnase_bam": "bam", "h3k27ac_bam": "bam",
    "cage": "ctss", "dnase_bigwig": "bigWig", "h3k27ac_bigwig": "bigWig",
}  # fmt: skip
REFERENCE = ("fasta", "gtf", "gene_table", "blacklist", "qnorm_reference")
# Snakemake looks at a job every half minute once it is old; here every second, for true peaks.
SNAKEMAKE = """
import sys
import snakemake.benchmark as benchmark
from snakemake.cli import main
benchmark.BENCHMARK_INTERVAL_SHORT = 1.0
benchmark.benchmarked.__wrapped__.__defaults__ = (None, None, 10**9)
main(sys.argv[1:])
"""


def prepare(folder: Path, scale: float, reads: float, chromosomes: list[str]) -> None:
    """Files, sheets and configuration; nothing where they are there at this size."""
    stamp, sizes = folder / "made.json", sizes_of(scale, reads, chromosomes)
    about = json.dumps([scale, reads, chromosomes])
    if stamp.exists() and stamp.read_text() == about:
        return
    began = time.monotonic()
    # hictkpy, which writes the .hic, keeps a core busy for as long as its process lives.
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        paths = pool.submit(make_files, folder / "given", sizes).result()
    write_sheets(folder, paths)
    config = configuration(scale, sizes.with_genes)
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    stamp.write_text(about)
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    peak, cpu = spent.ru_maxrss / 1024, spent.ru_utime + spent.ru_stime
    wall = time.monotonic() - began
    sys.stdout.write(f"files made: {cpu:,.0f} s of CPU, {wall:,.0f} s, {peak:,.0f} MB\n")
    for role, path in paths.items():
        sys.stdout.write(f"  {role}: {path.stat().st_size / 1e6:,.1f} MB\n")
    sys.stdout.flush()


def write_sheets(folder: Path, paths: Mapping[str, Path]) -> None:
    """The three sheets: every file is a local one."""
    head = "role\tsource\taccession\tformat\turl\n"
    rows = {
        role: f"{role}\tpath\t{path.name.split('.')[0]}\t{FORMATS[role]}\t{path.resolve()}\n"
        for role, path in paths.items()
    }
    of_cell = [f"{CELL}\t{row}" for role, row in rows.items() if role not in REFERENCE]
    (folder / "samples.tsv").write_text(f"cell\tassembly\n{CELL}\thg38\n")
    (folder / "files.tsv").write_text(f"cell\t{head}" + "".join(of_cell))
    (folder / "reference.tsv").write_text(head + "".join(rows[role] for role in REFERENCE))


def configuration(scale: float, chromosomes: list[str]) -> dict:
    """What differs from the shipped configuration."""
    small = scale < 0.1
    return {
        "cells": [CELL],
        "samples": "samples.tsv",
        "files": "files.tsv",
        "reference": {"files": "reference.tsv", "chromosomes": chromosomes},
        "genes": {"mrna_features": "gtf"},  # the longer way
        "target": {"source": "cage", "cells": {}},
        "abc": {"largest_share": 1 if small else 0.01},
        "peaks": {"expected": [1, 10_000_000]},
    }


def run_workflow(folder: Path, cores: int, targets: Iterable[str]) -> int:
    """Snakemake's exit status."""
    command = [
        sys.executable, "-c", SNAKEMAKE, "--snakefile", str(ROOT / "Snakefile"),
        "--directory", str(folder), "--configfile", str(folder / "config.yaml"),
        "--cores", str(cores), "--benchmark-extended", "--keep-going",
        # The longest job first: the others run beside it.
        "--prioritize", f"results/peaks/{CELL}/peaks.narrowPeak", "--", *targets,
    ]  # fmt: skip
    return subprocess.run(command, check=False).returncode


def jobs(folder: Path) -> list[dict]:
    """Snakemake's record of every job, with the rule's name and the record's file."""
    found = []
    for path in sorted((folder / "results/benchmarks").glob("*/*.jsonl")):
        record = json.loads(path.read_text().splitlines()[-1])
        found.append({**record, "rule": path.parent.name, "job": path.stem})
    return found


def report(records: Iterable[Mapping]) -> str:
    """Markdown: each job beside what its rule declares; 0 is what ended at once."""
    lines = []
    for job in records:
        asked = job["resources"]
        measured = [job[name] if job[name] != "NA" else 0 for name in ("cpu_time", "s", "max_rss")]
        size = sum(job["input_size_mb"].values())
        declared = [asked["mem_mb"], asked["runtime"], job["threads"]]
        lines.append([f"{job['rule']} {job['job']}", size, *measured, *declared])
    lines.sort(key=lambda line: -line[2])
    names = ["job", "input MB", "CPU s", "wall s", "peak MB", "asked MB", "asked min", "threads"]
    total = ["all", None, sum(line[2] for line in lines), None, max(line[4] for line in lines)]
    return tabulate([*lines, total], headers=names, tablefmt="github", floatfmt=",.0f", intfmt=",")


def main() -> None:
    """Make, run, report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="folder for files and results")
    parser.add_argument("--scale", type=float, default=1.0, help="of genome, reads and genes")
    parser.add_argument("--reads", type=float, default=1.0, help="of the reads, besides")
    parser.add_argument("--chromosome", action="append", help="these alone; repeat")
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--only", choices=["files", "report"], help="make or report, run nothing")
    chosen = parser.parse_args()
    failed = 0
    if chosen.only != "report":
        prepare(chosen.out, chosen.scale, chosen.reads, chosen.chromosome or [])
    if chosen.only is None:
        failed = run_workflow(chosen.out, chosen.cores, ["prepare", "stores"])
    if chosen.only != "files":
        sys.stdout.write(report(jobs(chosen.out)) + "\n")
    sys.exit(failed)


if __name__ == "__main__":
    main()
