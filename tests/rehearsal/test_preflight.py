"""The preflight: every file looked at by small requests, and every planted fault found."""

from __future__ import annotations

import gzip
import io
import json
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pysam
import pytest
import yaml

from gexpipe.cli.init import SNAKEFILE
from gexpipe.config import load_yaml
from gexpipe.costs import COSTS
from gexpipe.doctor.gene_names import GeneNames, compare, names_here, names_there
from gexpipe.doctor.hic_header import read_hic_header
from gexpipe.doctor.looks import Expected, Look, look_at
from gexpipe.doctor.preflight import preflight
from gexpipe.doctor.remote import BLOCK, RangeFile
from gexpipe.doctor.report import Preflight
from gexpipe.doctor.stages import stages_of
from gexpipe.errors import UserError
from gexpipe.reference.gtf import read_gtf
from tests.project import ROOT, Project, simulate
from tests.rehearsal.range_server import RangeHandler, RangeServer, serving

CHROMOSOMES = ["chr1", "chr2", "chr3", "chr21", "chr22", "chrX"]


@pytest.fixture(scope="session")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("preflight")
    simulate(folder)
    return folder


@pytest.fixture
def folder(simulated: Path, tmp_path: Path) -> Path:
    """A copy of the simulated project that may be damaged."""
    shutil.copytree(simulated / "simulated", tmp_path / "simulated")
    return tmp_path


@pytest.fixture
def server(folder: Path) -> Iterator[RangeServer]:
    with serving(RangeServer(folder / "simulated/mirror")) as running:
        yield running


def look(folder: Path, server: RangeServer, change: dict[str, Any] | None = None) -> Preflight:
    own = {"download": {"mirror": server.url}, **(change or {})}
    (folder / "own.yaml").write_text(yaml.safe_dump(own))
    files = [ROOT / "config/tiny.yaml", folder / "own.yaml"]
    return preflight(ROOT, files, folder)


def meta(folder: Path, accession: str, portal: str = "encode/files") -> Path:
    return folder / "simulated/mirror" / portal / accession / "metadata.json"


def change_meta(folder: Path, accession: str, **changes: Any) -> None:
    path = meta(folder, accession)
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def body(folder: Path, accession: str) -> Path:
    place = folder / "simulated/mirror/encode/files" / accession / "@@download"
    return next(place.iterdir())


def test_a_good_configuration_passes_by_small_requests(folder: Path, server: RangeServer) -> None:
    report = look(folder, server)
    assert not report.failed, [row.line() for row in report.rows if row.state == "failed"]
    assert all(row.state == "ok" for row in report.rows)
    assert server.asked < 12 * len(report.rows)
    assert not (folder / "resources").exists(), "nothing is downloaded"
    totals = report.totals()
    sizes = [path.stat().st_size for path in (folder / "simulated/mirror").rglob("*.bam")]
    assert totals["to_download"] > sum(sizes[:8]) / 2 and totals["sizes_unknown"] == 0


def end_of_file(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-28])


def by_name(path: Path) -> None:
    pysam.sort("-n", "-o", f"{path}.n", str(path), catch_stdout=False)
    Path(f"{path}.n").replace(path)


def without_vector(path: Path) -> None:
    """Rename VC of chrX at 5,000 bp in the index, as a file without it has it."""
    data = path.read_bytes()
    entry = b"VC\0" + CHROMOSOMES.index("chrX").to_bytes(4, "little") + b"BP\0\x88\x13\0\0"
    first = entry if entry in data else b"VC\0" + (6).to_bytes(4, "little") + entry[7:]
    assert first in data
    path.write_bytes(data.replace(first, b"ZZ" + first[2:]))


def names_without_chr(path: Path) -> None:
    lines = gzip.decompress(path.read_bytes()).decode().splitlines()
    text = "\n".join(line.removeprefix("chr") for line in lines) + "\n"
    path.write_bytes(gzip.compress(text.encode()))


def url_file(folder: Path, name: str) -> Path:
    return folder / "simulated/mirror/url/simulated.invalid" / name


# Accession -> what is done to the folder, state, words of the row.
FAULTS: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "ENCFF902SIM": (
        lambda f: meta(f, "ENCFF902SIM").unlink(), "failed", "no metadata of ENCFF902SIM"),
    "ENCFF903SIM": (
        lambda f: change_meta(f, "ENCFF903SIM", file_size=7), "failed", "the portal lists 7"),
    "ENCFF904SIM": (
        lambda f: change_meta(f, "ENCFF904SIM", status="revoked"), "failed", "status 'revoked'"),
    "ENCFF905SIM": (
        lambda f: change_meta(f, "ENCFF905SIM", assembly="hg19"), "failed", "the file is on hg19"),
    "ENCFF906SIM": (
        lambda f: end_of_file(body(f, "ENCFF906SIM")), "failed", "end-of-file block is missing"),
    "ENCFF907SIM": (
        lambda f: body(f, "ENCFF907SIM").write_bytes(b"<html>log in</html>" * 99), "failed",
        "not a readable bigWig"),
    "4DNFISIM0901": (
        lambda f: without_vector(next(f.rglob("4DNFISIM0901.hic"))), "odd",
        "no VC vector of chrX: no contact there"),
    "ENCFF908SIM": (
        lambda f: (change_meta(f, "ENCFF908SIM", dataset="/experiments/ENCSR1/"),
                   change_meta(f, "ENCFF909SIM", dataset="/experiments/ENCSR2/")), "odd",
        "pooled with a file of another experiment (ENCSR1, ENCSR2)"),
    "ENCFF910SIM": (
        lambda f: change_meta(f, "ENCFF910SIM", output_type="peaks"), "odd",
        "its output type is 'peaks', expected signal"),
    "sim38.annotation": (
        lambda f: names_without_chr(url_file(f, "reference/annotation.gtf.gz")), "failed",
        "its chromosomes are called 1, the configuration's chr1"),
}  # fmt: skip


def test_ten_planted_faults_are_found_before_any_download(
    folder: Path, server: RangeServer
) -> None:
    for damage, _, _ in FAULTS.values():
        damage(folder)
    report = look(folder, server)
    found = {row.accession: row for row in report.rows}
    # A file whose size changed with the damage says that too.
    for accession, (_, state, words) in FAULTS.items():
        row = found[accession]
        assert words in row.line(), (accession, row.line())
        assert row.state == ("failed" if accession == "4DNFISIM0901" and row.look.wrong else state)
    untouched = [r for r in report.rows if r.accession not in {*FAULTS, "ENCFF909SIM"}]
    assert len(untouched) > 10 and all(row.state == "ok" for row in untouched)
    assert not (folder / "resources").exists()


def test_an_order_by_name_is_said_with_what_follows(folder: Path, server: RangeServer) -> None:
    by_name(body(folder, "ENCFF902SIM"))
    size = body(folder, "ENCFF902SIM").stat().st_size
    change_meta(folder, "ENCFF902SIM", file_size=size)
    report = look(folder, server)
    row = next(row for row in report.rows if row.accession == "ENCFF902SIM")
    assert row.state == "ok" and "order queryname" in row.line()
    assert "sorts it once by coordinate" in row.line()
    assert report.totals()["sorted_copies"] == size


def test_the_command_says_the_same_as_json_and_of_local_files(
    folder: Path, server: RangeServer
) -> None:
    (folder / "own.yaml").write_text(yaml.safe_dump({"download": {"mirror": server.url}}))
    here = folder / "resources/files/ENCFF906SIM.bam"
    here.parent.mkdir(parents=True)
    here.write_bytes(body(folder, "ENCFF906SIM").read_bytes()[:-28])
    command = [
        sys.executable, "-m", "gexpipe", "doctor", "--preflight", "--workflow", str(ROOT),
        "--configfile", str(ROOT / "config/tiny.yaml"), "--configfile", str(folder / "own.yaml"),
        "--folder", str(folder),
    ]  # fmt: skip
    done = subprocess.run([*command, "--json"], capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    told = json.loads(done.stdout)
    (row,) = (row for row in told["rows"] if row["state"] == "failed")
    assert row["accession"] == "ENCFF906SIM" and row["here"]
    assert row["look"]["wrong"] == ["the end-of-file block is missing: cut off"]
    assert told["totals"]["files"] == len(told["rows"])
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "failed  SIM1 h3k27ac_bam" in done.stdout and "1 failed, 0 odd" in done.stdout


def expected(**changes: Any) -> Expected:
    return Expected(CHROMOSOMES, {}, **changes)


def test_wanted_columns_of_a_table_are_looked_for_in_its_archive(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("t/genes.csv", "ENSID,chrom,TSS\nA,1,5\n" * 9)
    wanted = [("gene_id", "ENSID"), ("TSS_xpresso",)]
    found = Look()
    with zipfile.ZipFile(path) as archive, archive.open("t/genes.csv") as handle:
        look_at(handle, "csv", expected(columns=wanted), found)  # type: ignore[arg-type]
    assert found.wrong == ["no column TSS_xpresso; it has ENSID, TSS, chrom"]


def test_lengths_of_another_genome_are_found(tmp_path: Path) -> None:
    path = tmp_path / "x.bam"
    header = {"HD": {"VN": "1.6"}, "SQ": [{"SN": "chr1", "LN": 249_250_621}]}
    with pysam.AlignmentFile(str(path), "wb", header=header) as bam:
        read = pysam.AlignedSegment(bam.header)
        read.query_name, read.query_sequence, read.reference_id = "r", "ACGT", 0
        read.reference_start, read.cigartuples = 5, [(0, 4)]
        bam.write(read)
    found = Look()
    with path.open("rb") as handle:
        look_at(handle, "bam", Expected(["chr1", "chr2"], {"chr1": 248_956_422}), found)
    assert found.wrong == ["chr1 has 249,250,621 bp, the genome's chr1 248,956,422"]
    assert found.odd == ["lacks chr2"]


@pytest.mark.parametrize("name", ["hg19_all_2500kb.hic", "hg38_sparse_multires_no_norms.hic"])
def test_real_hic_files_are_read_by_their_headers(shared: Path, name: str) -> None:
    import hictkpy

    path = shared / "data/hic" / name
    with path.open("rb") as handle:
        header = read_hic_header(handle)
    truth = hictkpy.MultiResFile(path)
    assert sorted(header.resolutions) == sorted(truth.resolutions())
    width = header.resolutions[0]
    kinds = {kind for kind, own in header.vectors if own == width}
    assert kinds == set(hictkpy.File(path, width).avail_normalizations())
    sizes = {n: int(s) for n, s in truth.chromosomes().items() if n.upper() != "ALL"}
    assert header.chromosomes == sizes


def test_a_range_file_reads_like_the_file(tmp_path: Path) -> None:
    data = bytes(range(256)) * 3000
    (tmp_path / "x").write_bytes(data)
    with serving(RangeServer(tmp_path)) as server, httpx.Client() as client:
        handle = RangeFile(client, f"{server.url}/x")
        assert handle.size == len(data)
        reader = io.BufferedReader(handle)
        for place in (0, BLOCK - 3, len(data) - 5, 77):
            reader.seek(place)
            assert reader.read(9) == data[place : place + 9]
        assert handle.asked == 3, "the first, second and last block, once each"
        with pytest.raises(UserError, match="the server answered 404"):
            RangeFile(client, f"{server.url}/y")


def test_how_many_genes_a_table_has_is_said(folder: Path, server: RangeServer) -> None:
    found = {row.use: row for row in look(folder, server).rows}
    told = re.search(
        r"has ([\d,]+) of the ([\d,]+) genes of the gtf", found["SIM2 geuvadis"].line()
    )
    assert told is not None and told[1] == told[2]


def test_a_table_of_other_genes_is_found(tmp_path: Path) -> None:
    config = load_yaml(ROOT / "config/config.yaml")
    own = "".join(f"ENSG{n:011d}.4\t{n}.5\n" for n in range(300))
    (tmp_path / "rna.tsv").write_text("gene_id\tTPM\n" + own)
    rnaseq = names_here(tmp_path / "rna.tsv", "rnaseq", config)

    def told(first: int) -> Look:
        names = [f"ENSG{n:011d}" for n in range(first, first + 200)]
        genes = GeneNames(pd.DataFrame({"gene_id": names, "symbol": ""}), True)
        compare("rnaseq", rnaseq, "gene_table", genes, found := Look())
        return found

    assert told(100).seen == ["has 200 of the 200 genes of the gene_table"] and not told(100).odd
    assert told(200).odd == ["lacks 100 of the 200 genes of the gene_table"]
    assert told(900).wrong == [
        "none of its genes (ENSG00000000000 ...) is one of the gene_table (ENSG00000000900 ...)"
    ]


def test_of_an_annotation_the_beginning_is_compared(shared: Path) -> None:
    config = load_yaml(ROOT / "config/config.yaml")
    path = shared / "data/annotation/gencode.v24.annotation_chr19.gtf.gz"
    with path.open("rb") as handle:
        begun = names_there(handle, "gtf", config, "https://host/gtf")
    whole = names_here(path, "gtf", config)
    assert 100 < len(begun.genes) < len(whole.genes) and whole.whole and not begun.whole
    models = read_gtf(path, config["reference"]["chromosomes"])
    assert set(whole.genes["gene_id"]) == set(models["gene_id"])
    compare("gtf", begun, "gene_table", whole, found := Look())
    number = len(begun.genes)
    assert found.seen == [f"of its first {number} genes {number} are in the gene_table"]


def test_a_column_tss_beside_the_one_that_is_read_is_said() -> None:
    wanted = expected(columns=[("gene_id", "ENSID"), ("TSS_xpresso",)], tss="TSS_xpresso")
    for header, told in (
        ("ENSID,TSS_xpresso,TSS", ["reads TSS_xpresso, not TSS beside it"]),
        ("ENSID,TSS_xpresso", []),
    ):
        look_at(io.BytesIO(f"{header}\nA,1,5\n".encode()), "csv", wanted, found := Look())
        assert found.does == told and not found.wrong


class Whole(RangeHandler):
    """A server that knows no Range."""

    def give(self, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.reply(200, body, headers)


class Busy(RangeHandler):
    """A server that has too much to do."""

    def do_GET(self) -> None:
        self.reply(503, b"later")


@pytest.mark.parametrize(
    ("handler", "states", "words"),
    [(Whole, {"ok", "odd"}, "the server gives no parts of a file"),
     (Busy, {"unseen"}, "gave up after 1 tries: the server answered 503")],
)  # fmt: skip
def test_what_cannot_be_seen_is_no_fault_of_the_file(
    folder: Path, handler: type[RangeHandler], states: set[str], words: str
) -> None:
    with serving(RangeServer(folder / "simulated/mirror", handler)) as server:
        report = look(folder, server)
    assert {row.state for row in report.rows} == states
    assert any(words in row.line() for row in report.rows)


def test_totals_say_disk_memory_and_hours_of_every_stage(folder: Path, server: RangeServer) -> None:
    report = look(folder, server)
    stages = {stage.name: stage for stage in report.stages}
    assert list(stages)[:3] == ["download", "reference", "peaks"]
    least = COSTS["sort_bam"].megabytes(0)
    assert stages["peaks"].memory_mb == least and stages["peaks"].largest == "sort_bam"
    assert stages["train"].longest_hours == 48 and stages["train"].jobs > 10
    words = "\n".join(report.words())
    assert "GB to download" in words and "GB window stores" in words
    assert report.disk.needed < report.disk.free
    report.disk.free = 10
    assert report.failed and "too little" in "\n".join(report.words())


def test_memory_follows_the_rules_and_the_size_of_the_files(folder: Path) -> None:
    sizes = {"resources/bam/ENCFF902SIM.bam": 10**10}
    found = stages_of(
        ROOT, [ROOT / "config/tiny.yaml"], folder, sizes, ["results/peaks/SIM1/peaks.narrowPeak"]
    )
    (peaks,) = (stage for stage in found if stage.name == "peaks")
    assert peaks.largest == "peaks"
    assert peaks.memory_mb == pytest.approx(COSTS["peaks"].megabytes(10_000), rel=0.01)


def test_a_run_looks_first_and_fetches_nothing_where_a_file_is_wrong(folder: Path) -> None:
    change_meta(folder, "ENCFF905SIM", assembly="hg19")
    project = Project(folder)
    wanted = [f"resources/files/{name}.bam" for name in ("ENCFF902SIM", "ENCFF905SIM")]
    done = project.run("--", *wanted)
    text = done.stdout + done.stderr
    assert done.returncode == 1 and "nothing was fetched: 1 of 2 files would stop the run" in text
    assert "ENCFF905SIM: the file is on hg19" in text
    assert not list((folder / "resources").rglob("*.bam"))
    assert set(project.planned(wanted[0])) == {"download"}
    done = project.run("--quiet", "all", "--", wanted[0])
    assert done.returncode == 0, "only what is fetched is looked at" + done.stderr
    (row,) = json.loads((folder / "results/checks/preflight.json").read_text())
    assert row["accession"] == "ENCFF902SIM" and row["state"] == "ok"
    assert project.planned(wanted[0]) == {}


def test_a_project_that_uses_the_module_looks_first_too(folder: Path) -> None:
    change_meta(folder, "ENCFF905SIM", assembly="hg19")
    (folder / "Snakefile").write_text(SNAKEFILE)
    (folder / "config").mkdir()
    (folder / "config/config.yaml").write_text((ROOT / "config/tiny.yaml").read_text())
    command = [sys.executable, "-m", "snakemake", "--cores", "2", "resources/files/ENCFF905SIM.bam"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    text = done.stdout + done.stderr
    assert done.returncode == 1 and "nothing was fetched: 1 of 1 files would stop the run" in text
    assert not list((folder / "resources").rglob("*.bam"))


def test_the_balancings_of_a_matrix_decide_which_is_used(simulated: Path) -> None:
    """As for matrices of which nobody says what they carry."""
    data = next(simulated.rglob("4DNFISIM0901.hic")).read_bytes()
    order = ["VC", "SCALE", "KR", "VC_SQRT"]

    def found(*absent: str) -> Look:
        left = data
        for name in absent:
            entry = rb"(?<![A-Z_])" + name.encode() + rb"(\0....BP\0\x88\x13\0\0)"
            left, number = re.subn(entry, b"Z" * len(name) + rb"\1", left, flags=re.S)
            assert number == len(CHROMOSOMES), name
        look_at(io.BytesIO(left), "hic", expected(normalization=order), look := Look())
        return look

    assert "balances by VC" in found().does
    assert "balances by SCALE" in found("VC").does
    assert "balances by VC_SQRT" in found("VC", "SCALE", "KR").does
    none = found("VC", "SCALE", "KR", "VC_SQRT").wrong
    assert none == ["none of the balancings VC, SCALE, KR, VC_SQRT (contact.normalization)"]
