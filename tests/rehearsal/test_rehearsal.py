"""The shipped configuration against portals that answer as the real ones do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pysam
import pytest
import yaml
import zarr

from gexpipe.config import load_yaml
from gexpipe.doctor.preflight import preflight
from gexpipe.sheets import FileRow, load_sheets
from tests.project import ROOT, simulate
from tests.rehearsal import habits
from tests.rehearsal.portals import Portals, PortalsServer
from tests.rehearsal.range_server import serving

pytestmark = [pytest.mark.workflow, pytest.mark.slow]
CONFIG = load_yaml(ROOT / "config/config.yaml")
SHEETS = load_sheets(CONFIG, ROOT, ROOT / "workflow/schemas")
LENGTHS = load_yaml(ROOT / "config/simulator/tiny.yaml")["chromosomes"]
# The raw files of the sheets: ordered by name, paired-end, nothing filtered.
RAW = {"ENCFF257HEE", "ENCFF205FNC"}


def simulated_files(folder: Path) -> dict[tuple[str, str], Path]:
    """(cell, role) -> a file of the simulated genome; reference roles without a cell."""
    rows: list[pd.DataFrame] = [
        pd.read_csv(folder / f"config/{name}.tsv", sep="\t", dtype=str, keep_default_na=False)
        for name in ("files", "reference")
    ]
    found = {}
    for row in pd.concat(rows).fillna("").to_dict("records"):
        place = row["url"].removeprefix("https://") if row["source"] == "url" else row["accession"]
        paths = [p for p in (folder / "mirror").rglob("*") if p.is_file() and place in str(p)]
        files = [p for p in paths if p.suffix not in (".json", ".md5")]
        found.setdefault((row["cell"], row["role"]), files[0])
    return found


def made(row: FileRow, sources: dict[tuple[str, str], Path], folder: Path, shared: Path) -> Path:
    """The file of a sheet's row, with its habits."""
    out = folder / f"{row.accession}.{row.format}"
    twin = "SIM2" if row.cell == "GM12878" else "SIM1"
    if row.format == "bam":
        kind = "h3k27ac_bam" if row.role.startswith("h3k27ac") else "dnase_bam"
        make = habits.unfiltered_pairs if row.accession in RAW else habits.filtered
        return make(sources[twin, kind], out)
    if row.format == "hic":
        return habits.bare_hic(sources["SIM1", "hic"], out)
    if row.role == "fasta":
        return habits.genome(sources["", "fasta"], out)
    if row.role == "gene_table":
        return habits.gene_table(sources["", "gtf"], out)
    if row.role == "qnorm_reference":
        return shared / "data/reference_hg38/EnhancersQNormRef.K562.txt"
    if row.role == "cage":
        return sources["SIM1", "cage"]
    role = row.role if row.cell else ("blacklist" if "blacklist" in row.role else row.role)
    return sources[twin if row.cell else "", role]


NEEDED = {
    "dnase_bam", "h3k27ac_bam", "dnase_bigwig", "h3k27ac_bigwig", "hic", "cage", "fasta",
    "blacklist", "mask_blacklist", "gene_table", "qnorm_reference",
}  # fmt: skip


@pytest.fixture(scope="module")
def portals(tmp_path_factory: pytest.TempPathFactory, shared: Path) -> Iterator[PortalsServer]:
    folder = tmp_path_factory.mktemp("portals")
    simulate(folder)
    sources = simulated_files(folder / "simulated")
    stock = Portals()
    for row in SHEETS.by_path.values():
        if row.role in NEEDED:
            facts: dict[str, Any] = {}
            if row.format == "bam":
                raw = row.accession in RAW
                facts["output_type"] = "unfiltered alignments" if raw else "alignments"
                facts["mapped_run_type"] = "paired-ended" if raw else "single-ended"
                facts["biological_replicates"] = [int(row.replicate)]
                facts["dataset"] = f"/experiments/ENCSR{row.cell}{row.role[:5]}/"
            elif row.format == "bigWig":
                facts["output_type"] = "signal p-value"
            stock.add(row, made(row, sources, folder, shared), **facts)
    with serving(PortalsServer(stock)) as server:
        yield server  # type: ignore[misc]


def change(server: PortalsServer, **more: Any) -> dict[str, Any]:
    """Addresses and sizes, and nothing else."""
    return {
        "reference": {"chromosomes": habits.CHROMOSOMES},
        "download": {"addresses": server.addresses, "tries": 2},
        "peaks": {"expected": [50, 10_000]},
        "abc": {"n_strongest": 500, "largest_share": 1},
        "contact": {"max_distance": 500_000},
        "elements": {"max_elements": 3},
        **more,
    }


def run(folder: Path, changed: dict[str, Any], *targets: str) -> str:
    (folder / "change.yaml").write_text(yaml.safe_dump(changed))
    # The small genome is called hg38: its lengths stand where a finished genome has them.
    sizes = folder / "resources/reference/chrom.sizes"
    sizes.parent.mkdir(parents=True)
    sizes.write_text("".join(f"{name}\t{size}\n" for name, size in LENGTHS.items()))
    done = subprocess.run(
        [
            sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"),
            "--directory", str(folder), "--configfile", "change.yaml", "--cores", "2",
            "--quiet", "all", "--", *targets,
        ],
        capture_output=True, text=True, check=False, cwd=folder,
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-8000:]
    return done.stdout + done.stderr


def stores(cells: list[str]) -> list[str]:
    return [
        target.format(cell=cell)
        for target in (
            "results/windows/{cell}.zarr/manifest.json",
            "results/examples/{cell}.parquet",
        )
        for cell in cells
    ]


def test_the_shipped_configuration_runs_to_its_stores(
    portals: PortalsServer, tmp_path: Path
) -> None:
    text = run(tmp_path, change(portals), *stores(CONFIG["cells"]))
    sort = (tmp_path / "logs/peaks/sort.ENCFF257HEE.log").read_text()
    assert "is ordered by queryname: sorting it by coordinate" in sort
    linked = tmp_path / "resources/bam/ENCFF020WZB.bam"
    assert linked.samefile(tmp_path / "resources/files/ENCFF020WZB.bam")
    with pysam.AlignmentFile(str(tmp_path / "resources/bam/ENCFF257HEE.bam")) as bam:
        assert bam.mapped > 50_000 and "chrEBV" in bam.references
    counted = (tmp_path / "logs/abc/activity.K562.log").read_text()
    assert "mates of pairs (each counts)" in counted and "duplicates" in counted
    rows = (tmp_path / "logs/contacts/K562.rows.log", *tmp_path.glob("logs/contact*/*K562*.log"))
    said = "".join(path.read_text() for path in rows if path.is_file())
    assert "has no balancing VC on chrX: contact is missing there" in said
    genes = pd.read_csv(tmp_path / "results/genes/genes.tsv", sep="\t")
    assert set(genes["source"]) == {"table:TSS_xpresso"}
    example = pd.read_parquet(tmp_path / "results/examples/GM12878.parquet")
    assert example["target"].notna().all() and len(example) == len(genes)
    for cell in CONFIG["cells"]:
        store = zarr.open_group(tmp_path / f"results/windows/{cell}.zarr", mode="r")
        assert list(store.group_keys())
    assert "ENCFF257HEE" in portals.signed or "SECRET" not in text
    assert all("SECRET" not in p.read_text() for p in tmp_path.glob("resources/files/*.json"))
    assert portals.signed, "some came by a signed redirect"
    record = json.loads((tmp_path / "resources/files/4DNFITUOMFUQ.hic.json").read_text())
    assert "4dn-open-data-public.s3.amazonaws.com" in record["url"]


def test_the_other_cells_and_the_papers_pair_run_on_what_they_have(
    portals: PortalsServer, tmp_path: Path
) -> None:
    """A raw paired-end file pooled with a single-end one; coverage as signal; three targets."""
    cells = ["K562_paper", "H1", "NHEK"]
    run(
        tmp_path, change(portals, cells=cells), *stores(["NHEK"]),
        "results/abc/K562_paper/elements.parquet", *(f"results/targets/{c}.tsv" for c in cells),
    )  # fmt: skip
    record = json.loads((tmp_path / "results/peaks/K562_paper/peaks.json").read_text())
    assert record["files"] == ["ENCFF425WDA.bam", "ENCFF205FNC.bam"]
    assert record["arguments"][1:3] == ["-f", "BAM"]
    table = pd.read_csv(tmp_path / "resources/files/xpresso_18377_genes.csv").set_index("gene_id")
    target = {c: pd.read_csv(tmp_path / f"results/targets/{c}.tsv", sep="\t") for c in cells}
    for cell, column in (("K562_paper", "K562_CAGE_128*3_sum"), ("NHEK", "Actual_NHEK")):
        own = target[cell].set_index("gene_id")["raw"]
        assert own.tolist() == table[column].reindex(own.index).tolist()
    assert target["H1"]["raw"].sum() > 0
    record = json.loads((tmp_path / "resources/files/CNhs13964.ctss.bed.gz.json").read_text())
    assert "embryonic%2520stem" in record["url"], "found in the folder's listing"
    manifest = (tmp_path / "results/windows/NHEK.zarr/manifest.json").read_text()
    assert "ENCFF117RNM" in manifest and "ENCFF770JWP" in manifest


def test_a_preflight_of_the_shipped_sheets_says_what_will_be_done(
    portals: PortalsServer, tmp_path: Path
) -> None:
    (tmp_path / "change.yaml").write_text(yaml.safe_dump(change(portals)))
    report = preflight(ROOT, [tmp_path / "change.yaml"], tmp_path)
    rows = {row.accession: row for row in report.rows}
    raw = rows["ENCFF257HEE"]
    assert "sorts it once by coordinate" in raw.line() and "unfiltered" in raw.line()
    assert "calls peaks on first mates" in raw.line()
    hic = rows["4DNFITUOMFUQ"].line()
    assert "reads its names without chr" in hic and "no VC vector of chrX" in hic
    assert rows["xpresso_18377_genes"].state == "ok", rows["xpresso_18377_genes"].line()
    # The simulated genome is not hg38: every length is told of, once a file.
    wrong = [row for row in report.rows if row.format in ("bam", "bigWig", "hic")]
    told = {row.accession for row in wrong if "the genome's" in row.line()}
    assert told == {row.accession for row in wrong}
    assert report.seconds < 60
