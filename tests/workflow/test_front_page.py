"""The first page of a run, in a real browser."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.project import Project

pytestmark = pytest.mark.workflow

# Writes into the page what the browser made of it.
PROBE = """<script>addEventListener("load", () => {
  const seen = [...document.images].map(i => [i.naturalWidth, i.alt].join(" ")).join("|");
  document.body.setAttribute("data-images", seen);
  document.body.setAttribute("data-rows", document.querySelectorAll("table tr").length);
});</script></body>"""


def _browser() -> str:
    found = [shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome")]
    browser = next((path for path in found if path), None)
    if browser is None:
        pytest.skip("no Chromium is installed (Debian package chromium)")
    return browser


def test_the_page_shows_its_table_and_pictures_and_no_link_is_broken(finished: Project) -> None:
    page = finished.folder / "results/index.html"
    text = page.read_text()
    for link in re.findall(r'href="([^"]+)"', text):
        assert (page.parent / link).exists(), link
    probed = page.with_name("probed.html")
    probed.write_text(text.replace("</body>", PROBE))
    command = [_browser(), "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom",
               "--virtual-time-budget=5000", f"--user-data-dir={finished.folder / 'browser'}",
               probed.resolve().as_uri()]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    (images,) = re.findall(r'data-images="([^"]*)"', done.stdout)
    shown = dict(reversed(image.split(" ", 1)) for image in images.split("|"))
    assert "MSE of every method" in shown and "SIM1.prism" in shown
    genes = [re.fullmatch(r"SIMG\d+ in (SIM[12])", name) for name in shown]
    assert sorted(gene[1] for gene in genes if gene) == ["SIM1", "SIM1", "SIM2", "SIM2"]
    assert all(int(width) > 100 for width in shown.values()), shown
    (rows,) = re.findall(r'data-rows="(\d+)"', done.stdout)
    assert int(rows) > 14, "seven methods on two cells, genes, costs"


def test_a_failed_job_shows_its_log_even_when_all_is_quiet(
    finished: Project, tmp_path: Path
) -> None:
    folder = shutil.copytree(finished.folder, tmp_path / "tiny")
    predictions = folder / "results/runs/SIM1/prism/fold11/seed2/predictions.parquet"
    whole = predictions.read_bytes()
    middle = len(whole) // 2  # both ends look like a finished file
    predictions.write_bytes(whole[:middle] + bytes(len(whole) - middle - 8) + whole[-8:])
    done = Project(folder).run(
        "--quiet", "all", "--retries", "0", "--forcerun", "table_metrics", "--rerun-triggers",
        "mtime", "--", "results/tables/table1.tsv",
    )  # fmt: skip
    assert done.returncode != 0
    shown = r"gexpipe: table_metrics failed\. The end of its log, \S+:\n  .*\S"
    assert re.search(shown, done.stdout + done.stderr), done.stdout + done.stderr
    assert "Error in rule" not in done.stdout + done.stderr, "it is told once"


@pytest.mark.parametrize(
    ("change", "target", "words"),
    [
        ({"seedz": [1]}, "results/tables/table1.tsv", "unknown key 'seedz'"),
        (None, "results/tables/nothing.tsv", "No rule to produce results/tables/nothing.tsv"),
    ],
    ids=["configuration", "target"],
)
def test_a_refusal_is_told_even_when_all_is_quiet(
    finished: Project, change: dict[str, Any] | None, target: str, words: str
) -> None:
    done = finished.run("--quiet", "all", "--", target, change=change)
    assert done.returncode != 0
    assert (done.stdout + done.stderr).count(words) == 1, done.stdout + done.stderr
