"""The shipped configuration against portals that answer as the real ones do."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pysam
import pytest
import yaml
import zarr

from gexpipe.config import load_yaml
from gexpipe.doctor.preflight import preflight
from gexpipe.reference.genes import genes_from_gtf
from gexpipe.sheets import FileRow, load_sheets
from tests.project import ROOT, simulate
from tests.rehearsal import habits
from tests.rehearsal.portals import Portals, PortalsServer
from tests.rehearsal.range_server import serving
from tests.workflow.every_row import write_workbook

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


# The gene table as Zenodo has it: in the archive, with its real name.
RECORD, ARCHIVE = "13232430", "expression_data.zip"
MEMBER = "GM12878_K562_18377_gene_expr_fromXpresso_with_sequence_strand.csv"
# A network that trains in seconds; the rest of its settings are the shipped ones.
SMALL = {
    "inputs": {"length": 512}, "model": {"d_model": 8, "layers": 1, "center": 256},
    "train": {
        "steps": 2, "warmup_steps": 1, "batch_size": 4, "validations_per_epoch": 1, "workers": 0,
        "precision": "32-true", "scan_backend": "reference",
    },
}  # fmt: skip


def made(row: FileRow, sources: dict[tuple[str, str], Path], folder: Path, shared: Path) -> Path:
    """The file of a sheet's row, with its habits; equal ones are made once."""
    twin = "SIM2" if row.cell == "GM12878" else "SIM1"
    if row.format == "bam":
        kind = "h3k27ac_bam" if row.role.startswith("h3k27ac") else "dnase_bam"
        raw = row.accession in RAW
        make = habits.unfiltered_pairs if raw else habits.filtered
        return once(folder / f"{twin}.{kind}.{raw}.bam", lambda o: make(sources[twin, kind], o))
    if row.format == "hic":
        return once(folder / "bare.hic", lambda o: habits.bare_hic(sources["SIM1", "hic"], o))
    if row.role == "fasta":
        return habits.genome(sources["", "fasta"], folder / "genome.fa.gz")
    if row.role == "gtf":
        return habits.annotation(sources["", "gtf"], folder / "gencode.gtf.gz")
    if row.role == "gene_table":
        return habits.gene_table(sources["", "gtf"], folder / "genes.csv")
    if row.role == "holdout":
        return habits.splits(sources["", "gtf"], folder / "splits.csv")
    if row.role == "h3k27ac_peaks":
        return habits.narrow_peaks(folder / "h3k27ac.narrowPeak.gz")
    if row.role == "crispr:fulco":
        return write_workbook(folder)
    if row.role == "qnorm_reference":
        return shared / "data/reference_hg38/EnhancersQNormRef.K562.txt"
    if row.role == "cage":
        return sources["SIM1", "cage"]
    if row.role.startswith("signal:"):
        return sources[twin, "h3k27ac_bigwig"]
    if row.role in ("chain", "sei", "published_table"):
        return habits.stand_in(row.format, folder / f"stand_in.{row.format}")
    if row.role in ("crispr", "geuvadis"):
        return sources["SIM1" if row.role == "crispr" else "SIM2", row.role]
    role = "blacklist" if "blacklist" in row.role else row.role
    return sources[twin if row.cell else "", role]


def once(out: Path, make: Callable[[Path], Path]) -> Path:
    return out if out.exists() else make(out)


def facts_of(row: FileRow) -> dict[str, Any]:
    """What ENCODE's record of a row says beside the usual."""
    if row.format == "bigWig":
        return {"output_type": "signal p-value"}
    if row.format != "bam":
        return {}
    raw = row.accession in RAW
    return {
        "output_type": "unfiltered alignments" if raw else "alignments",
        "mapped_run_type": "paired-ended" if raw else "single-ended",
        "biological_replicates": [int(row.replicate)],
        "dataset": f"/experiments/ENCSR{row.cell}{row.role[:5]}/",
    }


@pytest.fixture(scope="module")
def portals(tmp_path_factory: pytest.TempPathFactory, shared: Path) -> Iterator[PortalsServer]:
    folder = tmp_path_factory.mktemp("portals")
    simulate(folder)
    sources = simulated_files(folder / "simulated")
    stock = Portals()
    for row in SHEETS.by_path.values():
        if row.format != "bigBed":  # of a query, which no window reads
            stock.add(row, made(row, sources, folder, shared), **facts_of(row))
    archive = habits.zipped(folder / "genes.csv", MEMBER, folder / ARCHIVE)
    stock.records[RECORD] = {ARCHIVE: archive}  # the gene table a second time
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


def run(folder: Path, changed: dict[str, Any], *targets: str) -> None:
    (folder / "change.yaml").write_text(yaml.safe_dump(changed))
    # The small genome is called hg38: its lengths stand where a finished genome has them.
    sizes = folder / "resources/reference/chrom.sizes"
    if not sizes.exists():
        sizes.parent.mkdir(parents=True)
        sizes.write_text("".join(f"{name}\t{size}\n" for name, size in LENGTHS.items()))
    done = subprocess.run(
        [
            sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"),
            "--directory", str(folder), "--configfile", "change.yaml", "--cores", "2",
            "--quiet", "rules", "--", *targets,
        ],
        capture_output=True, text=True, check=False, cwd=folder,
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-8000:]


@pytest.fixture(scope="module")
def prepared(portals: PortalsServer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The stores of all cell types of the sheets, and K562's elements of the paper's pair."""
    folder = tmp_path_factory.mktemp("prepared")
    run(
        folder, change(portals, cells=habits.CELLS),
        *(f"results/windows/{cell}.zarr/manifest.json" for cell in habits.CELLS),
        *(f"results/examples/{cell}.parquet" for cell in habits.CELLS),
        "results/windows/sequence.zarr/manifest.json",
        "results/abc/K562_paper/elements.parquet", "results/targets/K562_paper.tsv",
    )  # fmt: skip
    return folder


def log(folder: Path, name: str) -> str:
    return (folder / "logs" / name).read_text()


def test_every_shipped_cell_has_its_stores(prepared: Path) -> None:
    genes = pd.read_csv(prepared / "results/genes/genes.tsv", sep="\t")
    assert set(genes["source"]) == {"table:TSS_xpresso"}
    for cell in habits.CELLS:
        store = zarr.open_group(prepared / f"results/windows/{cell}.zarr", mode="r")
        assert list(store.group_keys())
        example = pd.read_parquet(prepared / f"results/examples/{cell}.parquet")
        assert example["target"].notna().all() and len(example) == len(genes)


def test_an_order_by_name_is_sorted_once_and_only_then(prepared: Path) -> None:
    sort = log(prepared, "peaks/sort.ENCFF257HEE.log")
    assert "is ordered by queryname: sorting it by coordinate" in sort
    linked = prepared / "resources/bam/ENCFF020WZB.bam"
    assert linked.samefile(prepared / "resources/files/ENCFF020WZB.bam")


def test_unfiltered_pairs_with_other_contigs_are_counted_and_said(prepared: Path) -> None:
    with pysam.AlignmentFile(str(prepared / "resources/bam/ENCFF257HEE.bam")) as bam:
        assert bam.mapped > 50_000 and "chrEBV" in bam.references
    counted = log(prepared, "abc/activity.K562.log")
    assert "mates of pairs (each counts)" in counted and "duplicates" in counted
    elements = pd.read_parquet(prepared / "results/abc/K562/elements.parquet")
    assert set(elements["chrom"]) <= set(habits.CHROMOSOMES)


def test_a_raw_pair_is_pooled_with_a_single_end_file(prepared: Path) -> None:
    record = json.loads((prepared / "results/peaks/K562_paper/peaks.json").read_text())
    assert record["files"] == ["ENCFF425WDA.bam", "ENCFF205FNC.bam"]
    assert record["arguments"][1:3] == ["-f", "BAM"]


def test_a_chromosome_without_vector_has_no_contact(prepared: Path) -> None:
    said = log(prepared, "contacts/K562.log")
    assert "has no balancing VC on chrX: contact is missing there" in said
    with np.load(prepared / "results/contacts/K562/rows.npz") as rows:
        missing, without = np.isnan(rows["values"]).all(axis=1), rows["chrom"] == "chrX"
    assert missing[without].all() and missing[~without].mean() < 0.1


def test_a_soft_masked_genome_with_other_contigs_is_read_whole(prepared: Path) -> None:
    sizes = pd.read_csv(prepared / "resources/reference/chrom.sizes", sep="\t", header=None)
    assert set(habits.EXTRA) < set(sizes[0])
    store = zarr.open_group(prepared / "results/windows/sequence.zarr", mode="r")
    unknown = next(array for name, array in arrays(store) if name.endswith("unknown"))
    bits = np.unpackbits(unknown[:, unknown.shape[1] // 4 : unknown.shape[1] // 2])
    assert bits.mean() < 0.6, "small letters are bases"


def arrays(group: zarr.Group) -> Iterator[tuple[str, Any]]:
    for name, member in group.members(max_depth=None):
        if isinstance(member, zarr.Array):
            yield name, member


def test_cells_without_tracks_have_the_coverage_of_their_alignments(prepared: Path) -> None:
    for cell, dnase, mark in (
        ("NHEK", "ENCFF117RNM", "ENCFF770JWP"),
        ("HUVEC", "ENCFF091KTX", "ENCFF374DGO"),
        ("HepG2", "ENCFF691HJY", "ENCFF862NDZ"),
    ):
        manifest = (prepared / f"results/windows/{cell}.zarr/manifest.json").read_text()
        assert dnase in manifest and mark in manifest


def test_a_cell_has_its_own_kind_of_target(prepared: Path) -> None:
    table = pd.read_csv(prepared / "resources/files/xpresso_18377_genes.csv").set_index("gene_id")
    columns = {"K562_paper": "K562_CAGE_128*3_sum", "NHEK": "Actual_NHEK", "HUVEC": "Actual_HUVEC"}
    for cell, column in columns.items():
        own = pd.read_csv(prepared / f"results/targets/{cell}.tsv", sep="\t").set_index("gene_id")
        assert own["raw"].tolist() == table[column].reindex(own.index).tolist()
    assert pd.read_csv(prepared / "results/targets/H1.tsv", sep="\t")["raw"].sum() > 0


def record_of(folder: Path, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / f"resources/files/{name}.json").read_text())
    return found


def test_portals_answers_of_every_kind_are_followed(portals: PortalsServer, prepared: Path) -> None:
    assert portals.signed, "some came by a signed redirect"
    assert all("SECRET" not in p.read_text() for p in prepared.glob("resources/files/*.json"))
    hic = record_of(prepared, "4DNFITUOMFUQ.hic")
    assert "4dn-open-data-public.s3.amazonaws.com" in hic["url"] and hic["md5"]
    cage = record_of(prepared, "CNhs13964.ctss.bed.gz")
    assert "embryonic%2520stem" in cage["url"], "found in the folder's listing"
    assert "hgdownload.soe.ucsc.edu/goldenPath/hg38/bigZips/md5sum.txt" in portals.places
    looked = json.loads((prepared / "results/checks/preflight.json").read_text())
    assert {row["state"] for row in looked} <= {"ok", "odd"} and len(looked) > 40


def test_table_1_of_a_method_and_a_cell_without_expression(
    portals: PortalsServer, prepared: Path
) -> None:
    small = change(
        portals, cells=["K562"], methods=["caduceus_signals"], seeds=[2],
        overrides={"caduceus_signals": SMALL}, tables={"lengths": {200_000: 512}},
        target={"cells": {"NHEK": {"source": "none"}}},
    )  # fmt: skip
    run_of = "caduceus_signals/fold11/seed2/predictions.parquet"
    predicted = f"results/predicted/NHEK/from_K562/{run_of}"
    run(prepared, small, "results/tables/table1.tsv", predicted)
    table = pd.read_csv(prepared / "results/tables/table1.tsv", sep="\t")
    done = table[table["runs"] > 0]
    assert done["method"].tolist() == ["caduceus_signals"] and done["mse"].notna().all()
    found = pd.read_parquet(prepared / predicted)
    assert found["observed"].isna().all() and found["predicted"].notna().all()
    assert len(found) == len(pd.read_csv(prepared / "results/genes/genes.tsv", sep="\t"))
    by_hand = subprocess.run(
        [
            sys.executable, "-m", "gexpipe", "predict", "--out", "by_hand.parquet",
            "--checkpoint", "results/runs/K562/caduceus_signals/fold11/seed2/best.ckpt",
            "--sequence", "results/windows/sequence.zarr", "--signals", "results/windows/NHEK.zarr",
            "--examples", "results/examples/NHEK.parquet", "--split", "test",
        ],
        capture_output=True, text=True, check=False, cwd=prepared,
    )  # fmt: skip
    assert by_hand.returncode == 0, by_hand.stderr
    same = found[found["split"] == "test"].reset_index(drop=True)
    pd.testing.assert_frame_equal(pd.read_parquet(prepared / "by_hand.parquet"), same)


def test_zenodos_archive_ncbis_records_and_gencodes_twins(
    portals: PortalsServer, tmp_path: Path
) -> None:
    rows = (ROOT / "config/reference.tsv").read_text().splitlines(keepends=True)
    own = f"gene_table\tzenodo\tzipped\tcsv\t{RECORD}/{ARCHIVE}!{MEMBER}\t\n"
    rows = [own if row.startswith("gene_table") else row for row in rows]
    (tmp_path / "reference.tsv").write_text("".join(rows))
    changed = change(portals)
    changed["reference"] = {**changed["reference"], "files": "reference.tsv"}
    run(
        tmp_path, changed, "results/genes/genes.tsv", "results/gta/genes.tsv",
        "results/gta/prompts/K562.parquet", "resources/files/gencode.v29.gtf.gz",
    )  # fmt: skip
    archive = record_of(tmp_path, "zipped.csv")["archive"]
    data = portals.portals.records[RECORD][ARCHIVE].read_bytes()
    assert archive == {"md5": hashlib.md5(data).hexdigest(), "size": len(data)}
    prompts = pd.read_parquet(tmp_path / "results/gta/prompts/K562.parquet")
    assert (prompts["found"] == "ensembl").mean() > 0.5
    assert "mane" in set(pd.read_csv(tmp_path / "results/gta/genes.tsv", sep="\t")["source"])
    gtf = tmp_path / "resources/files/gencode.v29.gtf.gz"
    known = genes_from_gtf(gtf, [*habits.CHROMOSOMES, "chrY"])
    assert not known["gene_id"].duplicated().any()
    (twin,) = known.loc[known["chrom"] == "chrY", "gene_id"]
    assert twin.endswith("_PAR_Y") and twin.removesuffix("_PAR_Y") in set(known["gene_id"])
    assert not known["gene_id"].str.contains(".", regex=False).any(), "versions are cut"


def test_a_preflight_of_the_shipped_sheets_says_what_will_be_done(
    portals: PortalsServer, tmp_path: Path
) -> None:
    (tmp_path / "change.yaml").write_text(yaml.safe_dump(change(portals)))
    report = preflight(ROOT, [tmp_path / "change.yaml"], tmp_path)
    rows = {row.accession: row for row in report.rows}
    raw = rows["ENCFF257HEE"]
    assert "sorts it once by coordinate" in raw.line() and "unfiltered" in raw.line()
    assert "calls peaks on first mates" in raw.line() and "order queryname" in raw.line()
    plain = rows["ENCFF600THN"].line()
    assert "single-end" in plain and "indexes it as it is" in plain
    assert "reads TSS_xpresso, not TSS beside it" in rows["xpresso_18377_genes"].line()
    assert "genes of the gene_table" in rows["gencode.v29"].line()
    assert [stage.name for stage in report.stages][:3] == ["download", "reference", "peaks"]
    hic = rows["4DNFITUOMFUQ"].line()
    assert "reads its names without chr" in hic and "no VC vector of chrX" in hic
    assert rows["xpresso_18377_genes"].state == "ok", rows["xpresso_18377_genes"].line()
    quiet = [row for row in report.rows if "the genome's" not in row.line()]
    assert {row.state for row in quiet} == {"ok"}, [r.line() for r in quiet if r.state != "ok"]
    # The simulated genome is not hg38: every length is told of, once a file.
    wrong = [row for row in report.rows if row.format in ("bam", "bigWig", "hic")]
    told = {row.accession for row in wrong if "the genome's" in row.line()}
    assert told == {row.accession for row in wrong}
    assert report.seconds < 60
