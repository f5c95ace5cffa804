"""Which folder a configuration takes as imported data."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gexpipe.errors import UserError
from gexpipe.prepared import open_prepared
from gexpipe.tables.provenance import write_provenance


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
