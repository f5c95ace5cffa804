"""Command blocks of the documentation, and checkouts to run them in."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.project import ROOT

BLOCK = re.compile(r"^```bash\n(.*?)^```$", re.M | re.S)
NEEDS = "# needs: "
PAGES = ["README.md", *sorted(str(p.relative_to(ROOT)) for p in (ROOT / "docs").glob("*.md"))]
# What a dry run cannot be given here: a profile or a bucket that the reader has made.
READER_MADE = {
    "--workflow-profile profiles/mine": "--workflow-profile none",
    "--default-storage-provider s3 --default-storage-prefix s3://BUCKET/PROJECT": "",
}


@dataclass(frozen=True)
class Block:
    """One block: its text, and what it says it needs (empty: it is run)."""

    page: str
    text: str

    @property
    def needs(self) -> str:
        first = self.text.splitlines()[0]
        return first.removeprefix(NEEDS) if first.startswith(NEEDS) else ""

    @property
    def simulations(self) -> list[str]:
        """Commands that write a genome, at the beginning of a line."""
        return [line for line in self.text.splitlines() if line.startswith("gexpipe simulate ")]

    @property
    def snakemake(self) -> list[str]:
        """Snakemake commands that stand at the beginning of a line, as dry runs."""
        lines = self.text.replace("\\\n", " ").splitlines()
        plain = [line.split(" #")[0].strip() for line in lines if line.startswith("snakemake ")]
        for given, instead in READER_MADE.items():
            plain = [line.replace(given, instead) for line in plain]
        return [line.replace("snakemake ", "snakemake --dry-run --quiet all ", 1) for line in plain]


def blocks(page: str) -> list[Block]:
    """Every ```bash block of a page."""
    return [Block(page, text) for text in BLOCK.findall((ROOT / page).read_text())]


def checkout(folder: Path) -> Path:
    """The tracked and new files of this tree in a folder of their own, with the environment."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    for name in listed.split("\0"):
        source, target = ROOT / name, folder / name
        if name and source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(source.read_bytes())
    (folder / ".venv").symlink_to(Path(sys.executable).parents[1])
    return folder


def execute(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a script in a checkout as a reader's shell would, but stop at the first error."""
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        # The same sources where kernels are compiled already, by the run that `tiny` is a copy of.
        "PYTHONPATH": str(ROOT / "src"),
        "NUMBA_CACHE_DIR": str(folder / "tiny/numba"),
    }
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
