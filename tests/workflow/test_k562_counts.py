"""docs/k562.md: its command, on the real files, gives the numbers of its tables."""

from __future__ import annotations

import csv
import gzip
import hashlib
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pandas as pd
import pytest
import yaml

from tests.project import ROOT

pytestmark = [pytest.mark.workflow, pytest.mark.slow]

PAGE = (ROOT / "docs/k562.md").read_text(encoding="utf-8")
METHODS = ["linear_promoter", "linear", "linear_contact", "boosted_contact"]


def stored(shared: Path) -> dict[str, Path]:
    """md5 of every small file of the reference data, unpacked where it is packed -> its path."""
    found = {}
    for path in (shared / "data").rglob("*"):
        if path.is_file() and path.stat().st_size < 60_000_000:
            data = path.read_bytes()
            found[hashlib.md5(data).hexdigest()] = path
            if path.suffix == ".gz":
                found[hashlib.md5(gzip.decompress(data)).hexdigest()] = path
    return found


def mirror(shared: Path, folder: Path) -> None:
    """A mirror that holds every file of the K562 sheets, with the md5 that they name."""
    known = stored(shared)
    for name in ("files", "reference"):
        with (ROOT / f"config/k562_counts/{name}.tsv").open() as handle:
            for row in csv.DictReader(handle, delimiter="\t"):
                if row["md5"] not in known:
                    pytest.skip(f"the reference data have no {row['accession']}")
                address = urlsplit(row["url"])
                out = folder / "url" / address.netloc / address.path.lstrip("/")
                out.parent.mkdir(parents=True, exist_ok=True)
                data = known[row["md5"]].read_bytes()
                plain = hashlib.md5(data).hexdigest() == row["md5"]
                out.write_bytes(data if plain else gzip.decompress(data))


def published(label: str) -> dict[str, float]:
    """MSE and Pearson of a row of the page's table."""
    line = next(line for line in PAGE.splitlines() if line.startswith(f"| {label} |"))
    cells = [cell.split("±")[0].strip() for cell in line.strip("| ").split("|")]
    return {"mse": float(cells[2]), "pearson": float(cells[4])}


def test_the_documented_command_gives_the_documented_numbers(shared: Path, tmp_path: Path) -> None:
    mirror(shared, tmp_path / "mirror")
    change = {"download": {"mirror": "mirror"}, "methods": METHODS, "seeds": [2]}
    (tmp_path / "change.yaml").write_text(yaml.safe_dump(change))
    done = subprocess.run(
        [
            sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"),
            "--directory", str(tmp_path), "--configfile", str(ROOT / "config/k562_counts.yaml"),
            str(tmp_path / "change.yaml"), "--cores", "2", "--",
            "results/tables/k562_counts.tsv", "results/crispr/K562.tsv",
        ],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    table = pd.read_csv(tmp_path / "results/tables/k562_counts.tsv", sep="\t").set_index("method")
    for method in METHODS:
        known = published(table.loc[method, "label"])
        # Linear models have no chance in them; of the trees one seed of five is run.
        within = {"mse": 0.003, "pearson": 0.003} if "boosted" in method else {}
        for name, value in known.items():
            assert table.loc[method, name] == pytest.approx(value, abs=within.get(name, 5.1e-5))
    examples = pd.read_parquet(tmp_path / "results/examples/K562.parquet")
    assert int(examples["target"].notna().sum()) == 17_860
    screen = pd.read_csv(tmp_path / "results/crispr/K562.tsv", sep="\t")
    for row in screen[screen["predictor"] == "abc_score"].itertuples():
        if row.distance != "all":
            continue
        line = re.search(r"^\| all \| ([\d,]+) \| (\d+) \| ([\d.]+)", PAGE, re.M)
        assert line is not None
        assert row.pairs == int(line[1].replace(",", ""))
        assert row.regulated == int(line[2])
        assert row.average_precision == pytest.approx(float(line[3]), abs=5.1e-4)
        break
    else:
        raise AssertionError("no row of all pairs")
