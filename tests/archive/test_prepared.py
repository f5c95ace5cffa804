"""Which folder a configuration takes as imported data."""

from __future__ import annotations

import copy
import json
import logging
from pathlib import Path

import pytest
import yaml

from gexpipe.errors import UserError
from gexpipe.prepared import Prepared, check_prepared, made_with, open_prepared
from gexpipe.tables.provenance import write_provenance
from tests.project import ROOT
from tests.test_sheet_roles import sheets


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def sealed(folder: Path, **record: object) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "archive.json").write_text(
        json.dumps({"kind": "prepared", "cells": ["K562"], **record})
    )
    (folder / "SHA256SUMS").write_text(f"{'0' * 64}  archive.json\n")


def test_a_folder_of_that_name_without_an_archive_is_none(here: Path) -> None:
    assert open_prepared(None) is None
    assert open_prepared("prepared") is None
    (here / "prepared").mkdir()
    assert open_prepared("prepared") is None
    sealed(here / "prepared")
    found = open_prepared("prepared")
    assert found is not None and found.cells == ["K562"]


def test_a_name_of_ones_own_must_be_there(here: Path) -> None:
    with pytest.raises(UserError, match="config: prepared: no such folder: theirs"):
        open_prepared("theirs")
    (here / "theirs").mkdir()
    with pytest.raises(UserError, match="no such archive of prepared data"):
        open_prepared("theirs")
    sealed(here / "theirs", kind="model")
    with pytest.raises(UserError, match="an archive of kind 'model', expected prepared data"):
        open_prepared("theirs")
    (here / "prepared").mkdir()
    (here / "prepared/SHA256SUMS").write_text("short  x\n")
    with pytest.raises(UserError, match="no such archive of prepared data"):
        open_prepared("prepared")


def test_the_provenance_names_imported_data(here: Path) -> None:
    sealed(here / "prepared", title="Six cell types", licence="CC0")
    write_provenance({}, {"prepared": "prepared"}, here / "provenance.tsv")
    record = json.loads((here / "provenance.json").read_text())["prepared"]
    assert record["title"] == "Six cell types" and len(record["sha256sums"]) == 64
    assert "Imported data" in (here / "provenance.html").read_text()


def test_keys_that_an_archive_could_not_know_are_said_others_refused(
    here: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = yaml.safe_load((ROOT / "config/config.yaml").read_text()) | {"cells": ["C1"]}
    rows = sheets(here, ("dnase_bam", "1", "a", "bam"))
    made = made_with(copy.deepcopy(config), rows, ["C1"])
    archive = Prepared(here, {"cells": ["C1"], "made_with": json.loads(json.dumps(made))})
    check_prepared(archive, config, rows)
    config["targets"]["mine"] = {"source": "cage"}  # a further one is none of the archive's
    config["abc"]["new_key"] = 1
    with caplog.at_level(logging.WARNING, "gexpipe"):
        check_prepared(archive, config, rows)
    assert "made before there was abc.new_key, which changes nothing" in caplog.text
    config["windows"]["signals"]["ATAC"] = "signal:ATAC"
    with pytest.raises(UserError, match=r"windows.signals.ATAC is 'signal:ATAC'.*with None"):
        check_prepared(archive, config, rows)
    del config["windows"]["signals"]["ATAC"]
    more = sheets(here, ("dnase_bam", "1", "a", "bam"), ("dnase_bam", "2", "b", "bam"))
    with pytest.raises(UserError, match=r"C1 dnase_bam path b bam: .* were made without it"):
        check_prepared(archive, config, more)
    screen = sheets(here, ("dnase_bam", "1", "a", "bam"), ("crispr", "", "c", "tsv"))
    check_prepared(archive, config, screen)
