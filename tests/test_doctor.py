"""``gexpipe doctor``: what a configuration needs here, told by a real mirror and a real server."""

from __future__ import annotations

import http.server
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from gexpipe.cli.doctor import app
from gexpipe.doctor.needs import Download, downloads, open_plan, writes
from gexpipe.doctor.portals import ask
from tests.project import ROOT, Project, simulate

TINY = ROOT / "config/tiny.yaml"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working directory with the tiny genome's mirror and sheets, nothing downloaded."""
    folder = tmp_path_factory.mktemp("doctor")
    simulate(folder)
    return folder


def doctor(folder: Path, *configs: Path) -> tuple[int, dict[str, str]]:
    """Exit status, and the lines of the report by what they are about."""
    options = [word for config in configs for word in ("--configfile", str(config))]
    done = CliRunner().invoke(
        app, ["--folder", str(folder), "--workflow", str(ROOT), *options], catch_exceptions=False
    )
    lines = [
        (line[8:44].strip(), line[:8].strip() + " " + line[44:])
        for line in done.output.splitlines()
    ]
    return done.exit_code, dict(lines)


def test_sizes_come_from_the_mirror_and_files_that_are_here_count_no_more(folder: Path) -> None:
    status, lines = doctor(folder, TINY)
    assert status == 0
    assert lines["mirror"] == "ok simulated/mirror: a folder"
    assert lines["to download"].startswith("ok 29 files")
    assert "sizes of 29 known, of 0 estimated; 0 files are here" in lines["to download"]
    here = folder / "resources/files/ENCFF902SIM.bam"
    here.parent.mkdir(parents=True)
    shutil.copy(folder / "simulated/mirror/encode/files/ENCFF902SIM/@@download" / here.name, here)
    _, after = doctor(folder, TINY)
    here.unlink()
    assert "sizes of 28 known, of 0 estimated; 1 files are here" in after["to download"]


def test_told_sizes_are_those_of_the_files(folder: Path) -> None:
    plan = open_plan(ROOT, [TINY], folder)
    size = {row.path: 7 for row in plan.rows}
    found = downloads(plan, lambda row: size[row.path])
    assert sum(file.size for file in found) == 7 * 29
    typical = downloads(plan, lambda row: None)
    assert {file.known for file in typical} == {"typical"}
    assert {f.size for f in typical if f.row.format == "hic"} == {30 * 10**9}


def test_stores_take_at_most_what_the_layout_says(folder: Path) -> None:
    plan = open_plan(ROOT, [TINY], folder)
    (fasta,) = [row for row in plan.rows if row.format == "fasta"]
    parts = writes(plan, [Download(fasta, 1000, "told")])
    kept = 200_000 + 10_240
    # A base is 3 bits; a cell's base is 2 signals, compressed, and its masks.
    assert parts["window stores"] == 20_000 * kept * (3 + 2 * 5) // 8
    assert parts["genome"] == 4000


@pytest.mark.workflow
@pytest.mark.slow
def test_stores_are_no_larger_than_estimated(finished: Project) -> None:
    plan = open_plan(ROOT, [TINY], finished.folder)
    parts = writes(plan, downloads(plan, lambda row: None))
    written = sum(f.stat().st_size for f in (finished.folder / "results/windows").rglob("*"))
    assert 0.02 * parts["window stores"] < written < parts["window stores"]


def test_a_missing_mirror_and_a_full_disk_fail(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    change = tmp_path / "change.yaml"
    change.write_text(yaml.safe_dump({"download": {"mirror": "nowhere"}}))
    status, lines = doctor(folder, TINY, change)
    assert status == 1 and lines["mirror"] == "failed nowhere: no such folder"
    assert "sizes of 0 known, of 29 estimated" in lines["to download"]
    change.write_text(
        yaml.safe_dump({"windows": {"length": 1_000_000}, "seeds": list(range(90_000))})
    )
    status, lines = doctor(folder, TINY, change)
    assert status == 1 and lines["room"].startswith("failed")


def test_language_models_say_where_they_are(folder: Path, tmp_path: Path) -> None:
    _, lines = doctor(folder, TINY)
    stand_in = "resources/gta/stand_ins/backbone"
    assert lines["language model of gta"] == f"ok {stand_in}: made by the workflow (gta.stand_ins)"

    def found(backbone: str) -> str:
        change = {"overrides": {"gta": {"model": {"backbone": backbone}}}}
        (tmp_path / "change.yaml").write_text(yaml.safe_dump(change))
        return doctor(folder, TINY, tmp_path / "change.yaml")[1]["language model of gta"]

    assert found("some/where/else") == "failed some/where/else: no such folder with config.json"
    (folder / "own").mkdir()
    (folder / "own/config.json").write_text("{}")
    assert found("./own") == "ok ./own: a folder"
    text = found("nobody/nothing")
    assert text.startswith("absent nobody/nothing: fetched from the hub with your own access")
    assert "(hf auth login)" in text and "leave gta out of methods" in text


def test_bin_features_are_counted_where_gta_is_a_method(folder: Path) -> None:
    plan = open_plan(ROOT, [TINY], folder)
    assert writes(plan, [])["bin features"] == 20_000 * 21 * 33 * 4
    plan.study.methods.pop("gta")
    assert "bin features" not in writes(plan, [])


@pytest.fixture
def server() -> Iterator[str]:
    """A server that answers HEAD at one address."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_response(403)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    made = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=made.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{made.server_port}"
    made.shutdown()


def test_portals_are_asked_and_silence_is_told(server: str) -> None:
    answers = {a.host: a for a in ask([server, server, "http://127.0.0.1:1"], limit=2)}
    assert len(answers) == 2
    assert answers[server].reached and answers[server].detail.startswith("HTTP 403")
    closed = answers["http://127.0.0.1:1"]
    assert not closed.reached and closed.detail.startswith("not reachable")


def test_a_bad_configuration_is_one_line(folder: Path, tmp_path: Path) -> None:
    from gexpipe.errors import UserError

    change = tmp_path / "change.yaml"
    change.write_text("cells: [SIM9]\n")
    with pytest.raises(UserError, match="unknown cell 'SIM9'"):
        doctor(folder, TINY, change)
