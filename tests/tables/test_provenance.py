from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pandas as pd
import pytest

from gexpipe import records
from gexpipe.download.one_file import download
from gexpipe.download.portals import Request
from gexpipe.errors import UserError
from gexpipe.tables.provenance import write_provenance


@pytest.fixture
def files(tmp_path: Path) -> dict[Path, str]:
    used = {}
    for name in ("a", "b"):
        source = tmp_path / f"{name}.bed"
        source.write_text(f"chr1\t1\t2\t{name}\n")
        out = tmp_path / "files" / f"{name}.bed"
        download(Request("path", name, "bed", url=str(source)), out)
        used[out] = f"K562 {name}"
    return {**used, tmp_path / "files" / "not_needed.zip": "published_table"}


def test_every_file_that_is_there(files: dict[Path, str], tmp_path: Path) -> None:
    out = tmp_path / "results" / "provenance.tsv"
    write_provenance(files, {"seeds": [2]}, out)
    table = pd.read_csv(out, sep="\t")
    assert table["accession"].tolist() == ["a", "b"]
    assert table["used_as"].tolist() == ["K562 a", "K562 b"]
    assert table[["url", "md5", "sha256", "size", "date"]].notna().all().all()
    record = json.loads(out.with_suffix(".json").read_text())
    assert record["config"] == {"seeds": [2]}
    assert [row["sha256"] for row in record["files"]] == table["sha256"].tolist()
    assert "numpy" in record["versions"]


def test_a_changed_file_is_noticed(files: dict[Path, str], tmp_path: Path) -> None:
    first = next(iter(files))
    before = first.stat()
    first.unlink()  # it is a link to the user's own file
    first.write_text("chr1\t1\t3\ta\n")
    os.utime(first, ns=(before.st_atime_ns, before.st_mtime_ns))  # same size, same time
    with pytest.raises(UserError, match=r"a\.bed: no record of these bytes beside it"):
        write_provenance(files, {}, tmp_path / "provenance.tsv")
    first.with_name("a.bed.json").unlink()
    with pytest.raises(UserError, match=r"a\.bed: no record of these bytes beside it"):
        write_provenance(files, {}, tmp_path / "provenance.tsv")


def test_a_file_is_read_once_after_its_time_was_set(
    files: dict[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    original = records.checksum
    monkeypatch.setattr(records, "checksum", lambda p: read.append(p.name) or original(p))
    for path in files:
        if path.exists():
            os.utime(path)  # as Snakemake does when a rule has ended
    for _ in range(2):
        write_provenance(files, {}, tmp_path / "provenance.tsv")
    assert read == ["a.bed", "b.bed"]


def test_a_copy_of_the_folder_keeps_its_records(files: dict[Path, str], tmp_path: Path) -> None:
    shutil.copytree(tmp_path / "files", tmp_path / "copied")
    used = {tmp_path / "copied" / path.name: use for path, use in files.items()}
    table = write_provenance(used, {}, tmp_path / "provenance.tsv")
    assert table["accession"].tolist() == ["a", "b"]
