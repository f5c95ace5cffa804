"""Malformed inputs of every kind: one clear line that names the file, a failing status, no table.

Data files are broken in a finished tiny run and the stage that reads them is run as the workflow
runs it; sheets, configuration, methods and tables go through what the Snakefile calls.
"""

from __future__ import annotations

import copy
import os
import shlex
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from gexpipe.cli import main as command_line
from gexpipe.config import load_yaml, merge, validate
from gexpipe.errors import UserError
from gexpipe.methods.merged import method_settings
from gexpipe.sheets import load_sheets
from tests.faults import stages
from tests.faults.stages import Stage
from tests.project import ROOT

pytestmark = [pytest.mark.workflow, pytest.mark.slow]

Damage = Callable[[bytes], bytes]


def half(data: bytes) -> bytes:
    return data[: len(data) // 2]


def tail_lost(data: bytes) -> bytes:
    return data[:-40]


def flipped(data: bytes) -> bytes:
    """Noise in the middle, where the records are."""
    at = len(data) // 2
    return data[:at] + bytes(b ^ 0x5A for b in data[at : at + 400]) + data[at + 400 :]


def empty(data: bytes) -> bytes:
    return b""


def page(data: bytes) -> bytes:
    return b"<!DOCTYPE html><html><title>Sign in</title></html>\n" * 20


def zeros(data: bytes) -> bytes:
    return bytes(len(data))


def replaced(old: bytes, new: bytes) -> Damage:
    def change(data: bytes) -> bytes:
        assert old in data
        return data.replace(old, new, 1)

    return change


def first_field(column: int, value: bytes) -> Damage:
    """Another value in the second line of a tab-separated table."""

    def change(data: bytes) -> bytes:
        lines = data.split(b"\n")
        fields = lines[1].split(b"\t")
        fields[column] = value
        return b"\n".join([lines[0], b"\t".join(fields), *lines[2:]])

    return change


def glob(pattern: str) -> Callable[[Path], Path]:
    return lambda folder: sorted(folder.glob(pattern))[0]


DOWNLOADED = "resources/files/ENCFF902SIM.bam"
BAM = "resources/bam/ENCFF902SIM.bam"
BIGWIG = "resources/files/ENCFF904SIM.bigWig"
HIC = "resources/files/4DNFISIM0901.hic"
GENES = "results/genes/genes.tsv"
EXAMPLES = "results/examples/SIM1.parquet"
ROWS = "results/contacts/SIM1/rows.npz"
RUN = "results/runs/SIM1/macs3/fold11/seed2"
BASES = "results/windows/sequence.zarr/chr1/sequence/bases/c/0/*"
SIGNAL = "results/windows/SIM1.zarr/chr1/signals/*/*values/c/0/*"

# (rule whose command reads the file, file, what is done to it)
DATA: list[tuple[str, str, Damage]] = [
    ("sort_bam", DOWNLOADED, half),
    ("sort_bam", DOWNLOADED, flipped),
    ("sort_bam", DOWNLOADED, empty),
    ("sort_bam", DOWNLOADED, page),
    ("check", BAM, page),
    ("check", BAM, empty),
    ("check", BIGWIG, zeros),
    ("check", BIGWIG, empty),
    ("check", HIC, page),
    ("check", HIC, empty),
    ("candidates", BAM, half),
    ("candidates", BAM, flipped),
    ("activity", BAM, half),
    ("activity", BAM, flipped),
    ("peaks", BAM, empty),
    ("contacts", HIC, half),
    ("contacts", HIC, flipped),
    ("contacts", HIC, zeros),
    ("signal_store", BIGWIG, half),
    ("signal_store", BIGWIG, flipped),
    ("signal_store", BIGWIG, zeros),
    ("signal_store", ROWS, half),
    ("signal_store", ROWS, flipped),
    ("signal_store", ROWS, empty),
    ("scores", ROWS, half),
    ("genome", "resources/files/sim38.fa.gz", half),
    ("genome", "resources/files/sim38.fa.gz", flipped),
    ("genome", "resources/files/sim38.fa.gz", page),
    ("genes", "resources/files/sim38.annotation.gtf.gz", half),
    ("genes", "resources/files/sim38.annotation.gtf.gz", page),
    ("target", "CAGE", half),
    ("target", "CAGE", page),
    ("candidates", "results/peaks/SIM1/peaks.narrowPeak", empty),
    ("candidates", "results/peaks/SIM1/peaks.narrowPeak", first_field(1, b"far")),
    ("candidates", "results/peaks/SIM1/peaks.narrowPeak", first_field(9, b"-1")),
    ("candidates", "resources/reference/chrom.sizes", first_field(1, b"long")),
    ("scores", GENES, first_field(3, b"near")),
    ("scores", GENES, first_field(3, b"-7")),
    ("scores", GENES, replaced(b"tss", b"TSS")),
    ("scores", "results/abc/SIM1/elements.parquet", half),
    ("scores", "results/abc/SIM1/elements.parquet", empty),
    ("scores", "results/abc/SIM1/elements.parquet", page),
    ("elements", "results/abc/SIM1/predictions.parquet", tail_lost),
    ("element_store", "results/elements/SIM1.parquet", half),
    ("examples", "results/genes/mrna.tsv", half),
    ("examples", "results/genes/splits.tsv", replaced(b"fold_7", b"fold_x")),
    ("examples", "results/targets/SIM1.tsv", replaced(b"target", b"label")),
    ("examples", "results/abc/SIM1/genes.parquet", tail_lost),
    ("baseline", EXAMPLES, half),
    ("train", EXAMPLES, tail_lost),
    ("train", "results/windows/SIM1.zarr/manifest.json", half),
    ("train", "results/windows/sequence.zarr/manifest.json", replaced(b'"layout"', b'"outlay"')),
    ("train", BASES, half),
    ("train", SIGNAL, half),
    ("train", SIGNAL, flipped),
    ("train", SIGNAL, empty),
    ("shuffled", f"{RUN}/best.ckpt", half),
    ("shuffled", f"{RUN}/best.ckpt", flipped),
    ("shuffled", f"{RUN}/best.ckpt", page),
    ("shuffled", f"{RUN}/best.ckpt", empty),
    ("metrics", f"{RUN}/predictions.parquet", half),
    ("metrics", f"{RUN}/predictions.parquet", zeros),
    ("scatter", f"{RUN}/predictions.parquet", tail_lost),
    ("table", "results/metrics/table1.tsv", replaced(b"method", b"model")),
    ("table", "results/metrics/table1.tsv", empty),
]


def invoke(command: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """Status of a gexpipe command, run as from a shell, in this process."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "argv", ["gexpipe", *shlex.split(command)])
    try:
        command_line.run()
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def error_line(said: str) -> str:
    """The one line of a user's error among what a command said."""
    assert "Traceback" not in said and "fault of gexpipe" not in said, said
    lines = [line for line in said.splitlines() if "gexpipe: error:" in line]
    assert len(lines) == 1, said
    return lines[0]


@pytest.mark.parametrize(
    ("rule", "file", "damage"), DATA, ids=[f"{r}-{Path(f).name}-{d.__name__}" for r, f, d in DATA]
)
def test_damaged_data(
    broken: Path,
    jobs: dict[str, Stage],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    rule: str,
    file: str,
    damage: Damage,
) -> None:
    stage = jobs[rule]
    command = stage.command
    if file == "CAGE":
        file = shlex.split(command)[shlex.split(command).index("--file") + 1]
    target = sorted(broken.glob(file))[0]
    whole, finished = target.read_bytes(), stages.content(stage, broken)
    stamp = target.stat()
    last = broken / RUN / "last.ckpt"
    if rule == "train":  # it is finished: without its checkpoint it begins anew
        last.rename(last.with_name("kept"))
    store = broken / "results/windows/SIM1.zarr"
    if rule == "signal_store":  # whose parts would all be kept
        store.rename(store.with_name("kept"))
    try:
        target.unlink()
        target.write_bytes(damage(whole))
        status = invoke(command, broken, monkeypatch)
    finally:
        target.unlink()
        target.write_bytes(whole)
        os.utime(target, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
        if rule == "train":
            last.unlink(missing_ok=True)
            last.with_name("kept").rename(last)
        if rule == "signal_store":
            assert not store.exists(), "a store of damaged files"
            shutil.rmtree(store.with_name(f".{store.name}.building"), ignore_errors=True)
            store.with_name("kept").rename(store)
    said = capfd.readouterr()
    assert status == 1, said.out + said.err
    line = error_line(said.out + said.err)
    assert target.name in line or target.parent.name in line, line
    after = stages.content(stage, broken)
    kept = {name: digest for name, digest in finished.items() if not name.endswith(".ckpt")}
    assert {n: d for n, d in after.items() if n in kept} == kept, "a finished output was changed"


CONFIG = merge(load_yaml(ROOT / "config/config.yaml"), load_yaml(ROOT / "config/tiny.yaml"))
SCHEMAS = ROOT / "workflow" / "schemas"

# What is laid over the configuration, and words that the line must have.
CONFIGS: list[tuple[dict[str, Any], str]] = [
    ({"cels": ["SIM1"]}, "unknown key 'cels'"),
    ({"cells": []}, "cells:"),
    ({"cells": "SIM1"}, "cells: 'SIM1' is not of type"),
    ({"cells": ["SIM 1"]}, "cells.0: 'SIM 1'"),
    ({"seeds": [2, 2]}, "seeds:"),
    ({"seeds": [-1]}, "seeds.0: -1"),
    ({"splits": {"fold": 0}}, "splits.fold: 0"),
    ({"download": {"tries": 0}}, "download.tries: 0"),
    ({"download": {"on_revoked": "ignore"}}, "download.on_revoked: 'ignore' is not one of"),
    ({"genes": {"source": "gff"}}, "genes.source: 'gff' is not one of"),
    ({"peaks": {"pvalue": 2}}, "peaks.pvalue: 2"),
    ({"contact": {"normalization": ["KRR"]}}, "contact.normalization.0: 'KRR'"),
    ({"windows": {"length": 2004}}, "windows.length: 2004"),
    ({"train": {"precision": "fp8"}}, "train.precision: 'fp8'"),
    ({"train": {"batch_size": 2.5}}, "train.batch_size: 2.5"),
    ({"overrides": {"prism": {"tain": {}}}}, "overrides.prism: unknown key 'tain'"),
]


@pytest.mark.parametrize(("change", "words"), CONFIGS, ids=[words for _, words in CONFIGS])
def test_bad_configuration(change: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError) as caught:
        validate(merge(CONFIG, change), SCHEMAS / "config.schema.yaml", "config")
    line = str(caught.value)
    assert line.startswith("config: ") and words in line and "\n" not in line


@pytest.mark.parametrize(
    ("sheet", "column", "value", "words"),
    [
        ("samples", "cell", "", "samples.tsv, row 2: cell"),
        ("files", "cell", "SIM9", "cell 'SIM9' is not in"),
        ("files", "role", "dnase bam", "files.tsv, row 2: role"),
        ("files", "source", "geo", "files.tsv, row 2: source: 'geo'"),
        ("files", "accession", "../x", "files.tsv, row 2: accession: '../x'"),
        ("files", "accession", "a b", "files.tsv, row 2: accession"),
        ("files", "format", "sam", "files.tsv, row 2: format: 'sam'"),
        ("files", "md5", "123", "files.tsv, row 2: md5: '123'"),
        ("files", "assembly", "hg 19", "files.tsv, row 2: assembly"),
        ("files", "assembly", "hg19", "there is no liftover of bam"),
        ("files", None, "", "files.tsv: the row"),
        ("files", "url", None, "30 columns, the header has"),
        ("reference", "url", "", "reference.tsv, row 2: url"),
        ("reference", "role", "fastq", "reference.tsv, row 2: role"),
    ],
)
def test_bad_sheets(
    broken: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    sheet: str,
    column: str | None,
    value: str | None,
    words: str,
) -> None:
    monkeypatch.chdir(broken)
    config = copy.deepcopy(CONFIG)
    given = config["reference"]["files"] if sheet == "reference" else config[sheet]
    rows = pd.read_csv(given, sep="\t", dtype=str, keep_default_na=False)
    if column is None:  # the first row twice
        rows = pd.concat([rows, rows.head(1)])
    elif value is not None:
        rows[column] = rows.get(column, "")
        at = rows.index[rows["format"] == "bam"][0] if words.endswith("of bam") else 0
        rows.loc[at, column] = value
    path = tmp_path / Path(given).name
    rows.to_csv(path, sep="\t", index=False)
    if value is None:  # a row with too many fields
        path.write_text(path.read_text() + "\t".join("x" * 30) + "\n")
    if sheet == "reference":
        config["reference"]["files"] = str(path)
    else:
        config[sheet] = str(path)
    with pytest.raises(UserError) as caught:
        load_sheets(config, ROOT, SCHEMAS)
    assert words in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name: [", "not valid YAML"),
        ("- a\n- b\n", "top level"),
        ("name: odd\nlabel: x\n", "missing 'architecture'"),
        ((ROOT / "config/methods/macs3.yaml").read_text(), "name is 'macs3'"),
        ("\x00\x01", "not valid YAML"),
    ],
)
def test_bad_method_file(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "odd.yaml").write_text(text)
    with pytest.raises(UserError) as caught:
        method_settings(tmp_path, "odd", CONFIG["train"], {}, SCHEMAS)
    line = str(caught.value)
    assert words in line and "odd" in line and "\n" not in line


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"metrics": ["mse", "mes"]}, "metrics.1: 'mes' is not one of"),
        ({"metrics": []}, "metrics"),
        ({"rows": "all"}, "rows: 'all'"),
        ({"titel": "x"}, "unknown key 'titel'"),
        ({"folds": [13]}, "folds"),
    ],
)
def test_bad_table_declaration(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    path = tmp_path / "table1.yaml"
    path.write_text(yaml.safe_dump({**load_yaml(ROOT / "config/tables/table1.yaml"), **change}))
    with pytest.raises(UserError) as caught:
        validate(load_yaml(path), SCHEMAS / "table.schema.yaml", str(path))
    line = str(caught.value)
    assert "table1.yaml" in line and words in line and "\n" not in line
