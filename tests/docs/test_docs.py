"""Documentation runs: every command block, page by page, in a fresh checkout.

The rule, as the README states it: a block whose first line is ``# needs: ...`` is only parsed, and
its Snakemake commands are dry-run; every other block is executed.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from tests.docs.blocks import PAGES, ROOT, Block, blocks, checkout, execute
from tests.project import Project
from tests.workflow.test_stress import simulation

pytestmark = [pytest.mark.workflow, pytest.mark.slow]

LITERAL = "docs/add_a_cell.md"
ALL = [block for page in PAGES for block in blocks(page)]
WAITING = [block for block in ALL if block.needs]


# As in bin/demo.sh.
OF_DEMO = "gexpipe simulate --config config/simulator/demo.yaml --out demo/simulated"


def short_demo() -> dict[str, Any]:
    """The demo's genome with as few genes and reads as the tiny one."""
    demo, tiny = (
        yaml.safe_load((ROOT / f"config/simulator/{name}.yaml").read_text())
        for name in ("demo", "tiny")
    )
    return demo | {
        "chromosomes": dict.fromkeys(demo["chromosomes"], 600_000),
        "genes": tiny["genes"] | {"count": 130},
        "reads": tiny["reads"],
    }


def test_the_rule_is_stated_and_pages_have_blocks() -> None:
    assert "whose first line says what it `needs:`" in (ROOT / "README.md").read_text()
    assert {block.page for block in ALL} >= {"README.md", LITERAL, "docs/clusters.md"}
    assert len([block for block in ALL if not block.needs]) >= 10
    fenced = [
        len(re.findall("^```(sh|shell|console)$", (ROOT / p).read_text(), re.M)) for p in PAGES
    ]
    assert sum(fenced) == 0, "commands stand in ```bash blocks only"


@pytest.mark.parametrize("page", [p for p in PAGES if p != LITERAL])
def test_blocks_of_a_page_run_in_order(page: str, tmp_path: Path) -> None:
    runnable = [block for block in blocks(page) if not block.needs]
    if not runnable:
        return
    folder = checkout(tmp_path / "gexpipe")
    for block in runnable:
        done = execute(block.text, folder)
        assert done.returncode == 0, f"{page}:\n{block.text}\n{done.stdout}\n{done.stderr}"


@pytest.mark.parametrize("block", WAITING, ids=lambda block: f"{block.page}:{block.needs}")
def test_blocks_that_need_more_parse_and_plan(block: Block, tmp_path: Path) -> None:
    done = subprocess.run(
        ["bash", "-n"], input=block.text, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    if not block.snakemake:
        return
    folder = checkout(tmp_path / "gexpipe")
    # A plan asks for the sheets alone: the shortest chromosomes do.
    (folder / "config/simulator/stress.yaml").write_text(yaml.safe_dump(simulation()))
    (folder / "config/simulator/demo.yaml").write_text(yaml.safe_dump(short_demo()))
    of_demo = [OF_DEMO] if "--directory demo" in block.text else []
    for command in [*of_demo, *block.simulations]:
        done = execute(command, folder)
        assert done.returncode == 0, f"{command}\n{done.stderr[-2000:]}"
    for command in block.snakemake:
        done = execute(command, folder)
        assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"


def test_files_that_commands_name_are_there() -> None:
    for block in ALL:
        for name in re.findall(
            r"(?<![\w/])(?:bin|config|benchmarks|containers|locks)/[\w./-]+", block.text
        ):
            assert (ROOT / name).exists(), f"{block.page}: {name}"


def test_adding_a_cell_type_followed_literally(finished: Project, tmp_path: Path) -> None:
    """On the finished tiny run, so that the page's first block has nothing left to do."""
    folder = checkout(tmp_path / "gexpipe")
    shutil.copytree(finished.folder, folder / "tiny")
    outputs = []
    for block in blocks(LITERAL):
        assert not block.needs
        done = execute(block.text, folder)
        assert done.returncode == 0, f"{block.text}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        outputs.append(done.stdout + done.stderr)
    planned = next(text for text in outputs if "This was a dry-run" in text)
    jobs = [line for line in planned.splitlines() if line.startswith("Job ")]
    assert any("SIM3" in line for line in jobs)
    assert not any("SIM1" in line or "SIM2" in line for line in jobs)
    results = folder / "tiny/results"
    table = pd.read_parquet(results / "runs/SIM3/linear/fold11/seed2/predictions.parquet")
    assert table["predicted"].notna().all() and len(table) > 10
    assert set(pd.read_csv(results / "targets/SIM3.tsv", sep="\t")["gene_id"]) >= set(
        table["gene_id"]
    )
    check_report(folder / "tiny/report.html")


def check_report(path: Path) -> None:
    """The report holds tables, figures, and the words of their captions."""
    text = path.read_text()
    for words in (
        "beside the published value",  # workflow/report/table.rst
        "colour is the density of genes",  # workflow/report/scatter.rst
        "Time, CPU time and the largest memory",  # workflow/report/costs.rst
        "never saw, beside the values",  # workflow/report/workflow.rst
        "results/figures/scatter/SIM1.prism.png",
        "results/figures/training/SIM1.png",
        "results/tables/costs.html",
        "results/tables/controls.html",
        "results/provenance.html",
        '"mime_type": "text/html"',  # shown as a page, where Markdown is only offered for download
    ):
        assert words in text, words
    # What a table's job was given is shown beside it, and every double quote of it as \\".
    shown = re.findall(r'"rule": "(\w+)", [^}]*?"params": ("(?:[^"\\]|\\.)*")', text)
    assert {"table", "provenance"} <= {rule for rule, _ in shown}
    assert not any('\\"' in json.loads(params) for _, params in shown)
