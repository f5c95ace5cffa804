from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from gexpipe.download import Request, download
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
    first.unlink()  # it is a link to the user's own file
    first.write_text("chr1\t1\t3\n")
    with pytest.raises(UserError, match=r"a\.bed: the record beside it is of another file"):
        write_provenance(files, {}, tmp_path / "provenance.tsv")
    first.with_name("a.bed.json").unlink()
    with pytest.raises(UserError, match=r"a\.bed\.json: no such file"):
        write_provenance(files, {}, tmp_path / "provenance.tsv")
