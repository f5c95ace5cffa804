"""Alleles of a VCF in the windows of genes: their places, both strands, what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pysam
import pytest
import torch
from typer.testing import CliRunner

from gexpipe.batch import Batch
from gexpipe.cli.main import app
from gexpipe.data.loading import Loading
from gexpipe.data.windows import WindowData
from gexpipe.errors import UserError
from gexpipe.models.base import ExpressionModel, Output
from gexpipe.prediction.variants import agreement, allele_table, individual_lines
from gexpipe.reference.variants import Variant, haplotype, read_eqtls, read_variants
from tests.project import Project

MOTIF = "GATTA"
CODES = torch.tensor(["ACGT".index(base) for base in MOTIF])
TURN = str.maketrans("ACGT", "TGCA")
LENGTH = 4000
LOW, HIGH = 28_000, 32_000  # of G0, chr1, plus strand
HEAD = """##fileformat=VCFv4.2
##contig=<ID=1>
##contig=<ID=chr22>
##ALT=<ID=DEL,Description="">
##FORMAT=<ID=GT,Number=1,Type=String,Description="">
#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"""


class Counts(ExpressionModel):
    """How often the motif stands in the window as it is read."""

    def __init__(self) -> None:
        super().__init__()
        self.one = torch.nn.Parameter(torch.ones(1))

    def forward(self, batch: Batch) -> Output:
        found = (batch.codes.long().unfold(1, len(MOTIF), 1) == CODES).all(2).sum(1)
        return Output(found.float() * self.one)


@pytest.fixture(scope="module")
def data(world: Path) -> WindowData:
    return WindowData(
        world / "sequence.zarr", world / "cell.zarr", world / "examples.parquet",
        length=LENGTH, signal_names=["DNase"], loading=Loading(strand="gene"),
    )  # fmt: skip


@pytest.fixture(scope="module")
def genome(world: Path) -> dict[str, str]:
    with pysam.FastaFile(str(world / "genome.fa")) as file:
        return {name: file.fetch(name).upper() for name in file.references}


def one_off(text: str, motif: str, low: int, high: int) -> Variant:
    """A substitution in [low, high) that makes the motif."""
    for at in range(low, high):
        site = text[at : at + len(motif)]
        wrong = [k for k in range(len(motif)) if site[k] != motif[k]]
        if len(wrong) == 1 and "N" not in site:
            return Variant(at + wrong[0], site[wrong[0]], motif[wrong[0]])
    raise AssertionError("no site")


def test_a_planted_substitution_and_indel_are_seen_on_both_strands(world, data, genome) -> None:
    lines, expected = [], []
    for row, chrom, tss in ((0, "chr1", 30_000), (1, "chr22", 12_000)):
        text, turned = genome[chrom], row == 1
        motif = MOTIF[::-1].translate(TURN) if turned else MOTIF
        low, high = tss - LENGTH // 2, tss + LENGTH // 2

        def read(window: str, turned: bool = turned) -> int:
            return (window[::-1].translate(TURN) if turned else window).count(MOTIF)

        snv = one_off(text, motif, low, high - 5)
        lines.append((row, "snv", ((snv,),)))
        changed = text[: snv.start] + snv.alt + text[snv.end :]
        expected.append(read(changed[low:high]))
        right = next(k for k in range(tss + 50, high) if text[k] != "N")
        gain = Variant(right, text[right], text[right] + motif)
        lines.append((row, "insertion", ((gain,),)))
        longer = text[:right] + gain.alt + text[right + 1 :]
        expected.append(read(longer[low:high]))
        left = next(k for k in range(tss - 900, tss) if "N" not in text[k : k + 40])
        loss = Variant(left, text[left : left + 40], text[left])
        lines.append((row, "deletion", ((loss,), ())))
        shorter = text[low - 39 : left + 1] + text[left + 40 : high]
        assert len(shorter) == LENGTH
        expected.append((read(shorter) + read(text[low:high])) / 2)
        reference = read(text[low:high])
        assert expected[-3] == reference + 1
    found = allele_table(Counts(), data, world / "genome.fa", lines, 4)
    assert found["alternative"].tolist() == expected
    assert found["variants"].tolist() == [1] * 6
    assert (found["difference"] == found["alternative"] - found["reference"]).all()


def test_an_indel_moves_the_bases_away_from_the_tss() -> None:
    text = "ABCDEFGHIJKLMNOPQRST"

    def bases(low: int, high: int) -> str:
        return "".join(text[k] if 0 <= k < len(text) else "." for k in range(low, high))

    def window(*variants: Variant) -> str:
        return haplotype(bases, variants, 10, 5, 15)[0]

    assert window() == "FGHIJKLMNO"
    assert window(Variant(12, "MN", "M")) == "FGHIJKLMOP", "right: one comes in at the right"
    assert window(Variant(12, "M", "Mxy")) == "FGHIJKLMxy", "two go out"
    assert window(Variant(7, "HI", "H")) == "EFGHJKLMNO", "left: one comes in at the left"
    assert window(Variant(7, "H", "Hxy")) == "HxyIJKLMNO"
    assert window(Variant(8, "IJKL", "I")) == "FGHIMNOPQR", "across the TSS: right"
    assert window(Variant(3, "DEFG", "D")) == "CDHIJ" + "KLMNO"[:5]
    assert window(Variant(13, "NOPQ", "N")) == "FGHIJKLMNR"
    skipped = haplotype(bases, [Variant(12, "MN", "M"), Variant(13, "N", "x")], 10, 5, 15)
    assert skipped == ("FGHIJKLMOP", 1)


def called(folder: Path, rows: list[str], samples: str = "\tFORMAT\tS1\tS2"):
    path = folder / "x.vcf"
    path.write_text("\n".join([HEAD + samples, *rows]) + "\n")
    windows = {"chr1": (np.array([LOW]), np.array([HIGH]))}
    return lambda *names: read_variants(path, windows, names)


def test_genotypes_of_every_kind(tmp_path, data, genome) -> None:
    rest = ".\t.\t.\tGT"
    rows = [
        f"1\t29001\ta\tA\tC,G\t{rest}\t1|2\t0|1",
        f"1\t29101\tb\tA\tAT\t{rest}\t1\t./.",
        f"1\t29201\tc\tA\t<DEL>\t{rest}\t0|1\t0|0",
        f"1\t29301\td\tAC\tA,*\t{rest}\t1/1\t0|2",
        f"1\t50001\te\tA\tC,G\t{rest}\t0|1\t0|0",
        f"chr22\t12001\tf\tA\tC\t{rest}\t0|1\t0|0",
    ]
    found = called(tmp_path, rows)()
    assert found.counts == {"outside all windows": 3, "symbolic": 2,
                            "genotypes missing, taken as the reference": 1}  # fmt: skip
    lines = individual_lines(data, np.array([0, 1]), found)
    one, two, insertion = (
        Variant(29_000, "A", "C"),
        Variant(29_000, "A", "G"),
        Variant(29_100, "A", "AT"),
    )
    deletion = Variant(29_300, "AC", "A")
    assert lines[:2] == [
        (0, "S1", ((one, insertion, deletion), (two, insertion, deletion))),
        (0, "S2", ((), (one,))),
    ]
    assert lines[2:] == [(1, "S1", ((), ())), (1, "S2", ((), ()))]
    assert called(tmp_path, rows)("S2").samples == ("S2",)
    with pytest.raises(UserError, match="no sample 'S3'; it has S1, S2"):
        called(tmp_path, rows)("S3")


def test_phase_matters_only_with_a_second_heterozygous_place(tmp_path, data) -> None:
    row = "1\t{}\t.\tA\tC\t.\t.\t.\tGT\t{}\t0|0"
    alone = called(tmp_path, [row.format(29_001, "0/1"), row.format(29_101, "1/1")])()
    assert len(individual_lines(data, np.array([0]), alone)) == 2
    both = called(tmp_path, [row.format(29_001, "0/1"), row.format(29_101, "0|1")])()
    with pytest.raises(UserError, match=r"chr1:29001 of S1 is not phased .*window of G0 has 2"):
        individual_lines(data, np.array([0]), both)


def test_what_does_not_fit_the_genome_is_refused(tmp_path, world, data, genome) -> None:
    at = next(k for k in range(29_000, 29_900) if genome["chr1"][k] == "G")
    wrong = called(tmp_path, [f"1\t{at + 1}\t.\tA\tC\t.\t.\t."], "")()
    lines = individual_lines(data, np.array([0]), wrong)
    assert lines == [(0, f"chr1_{at + 1}_A_C", ((Variant(at, "A", "C"),),))]
    with pytest.raises(UserError, match=f"chr1:{at + 1} REF is A, the genome has G"):
        allele_table(Counts(), data, world / "genome.fa", lines, 4)
    other = tmp_path / "other.fa"
    other.write_text(">chr1\n" + "A" * 60_000 + "\n")
    with pytest.raises(UserError, match="are not those of the window store"):
        allele_table(Counts(), data, other, lines, 4)
    with pytest.raises(UserError, match="no variant lies in the window of a gene"):
        called(tmp_path, ["1\t5\t.\tA\tC\t.\t.\t."], "")()


def test_eqtls_by_place_and_by_id(tmp_path) -> None:
    known = called(tmp_path, ["1\t29001\trs7\tA\tC\t.\t.\t."], "")()
    genes = pd.DataFrame({"gene_id": ["ENSG01.2"], "chrom": ["chr1"]})
    path = tmp_path / "eqtl.tsv"
    path.write_text(
        "gene_id\tvariant\tslope\nENSG01.9\trs7\t0.5\nENSG01\tchr1_29101_G_GA_b38\t-1\n"
        "ENSG02\trs7\t1\nENSG01\trs8\t1\n"
    )
    found = read_eqtls(path, known, genes)
    assert found["variant"].tolist() == [Variant(29_000, "A", "C"), Variant(29_100, "G", "GA")]
    assert found["gene_id"].unique().tolist() == ["ENSG01.2"]
    path.write_text("gene_id\tchrom\tpos\tref\talt\tslope\nENSG01\t1\t29001\tA\tC\t0.5\n")
    assert read_eqtls(path, None, genes)["variant"].tolist() == [Variant(29_000, "A", "C")]
    table = pd.DataFrame({"difference": [1, 2, -3, 0], "slope": [0.1, 0.2, 0.3, 1.0]})
    measures = agreement(table).set_index("measure")
    assert measures.loc["sign", ["value", "pairs"]].tolist() == [pytest.approx(2 / 3), 3]
    assert measures.loc["sign", "low"] == pytest.approx(0.0943, abs=1e-4)
    assert measures.loc["spearman", "value"] == pytest.approx(-0.2)


@pytest.mark.workflow
@pytest.mark.slow
def test_a_trained_model_by_the_command(finished: Project, tmp_path: Path) -> None:
    folder, genome = finished.folder, finished.folder / "resources/reference/genome.fa"
    genes = pd.read_parquet(folder / "results/examples/SIM1.parquet")
    gene = genes[(genes["fold_11"] == "test") & genes["target"].notna()].iloc[0]
    with pysam.FastaFile(str(genome)) as file:
        at = int(gene["tss"]) + 20
        ref = file.fetch(gene["chrom"], at, at + 4).upper()
    alt = {"A": "C", "C": "A", "G": "T", "T": "G"}[ref[0]]
    rows = [f"{gene['chrom']}\t{at + 1}\tv1\t{ref[0]}\t{alt}\t.\t.\t.\tGT\t0|1",
            f"{gene['chrom']}\t{at + 2}\tv2\t{ref[1:]}\t{ref[1]}\t.\t.\t.\tGT\t1|1"]  # fmt: skip
    head = HEAD.replace("ID=1>", f"ID={gene['chrom']}>") + "\tFORMAT\tS1"
    (tmp_path / "x.vcf").write_text("\n".join([head, *rows]) + "\n")
    pysam.tabix_index(str(tmp_path / "x.vcf"), preset="vcf", keep_original=True)
    (tmp_path / "e.tsv").write_text(f"gene_id\tvariant\tslope\n{gene['gene_id']}\tv1\t0.3\n")
    files = [f"--examples={folder}/results/examples/SIM1.parquet", f"--genome={genome}",
             f"--sequence={folder}/results/windows/sequence.zarr", "--split=test",
             f"--signals={folder}/results/windows/SIM1.zarr",
             f"--vcf={tmp_path}/x.vcf.gz"]  # fmt: skip
    run = f"{folder}/results/runs/SIM1/{{}}/fold11/seed2/best.ckpt"
    for method in ("prism", "caduceus_signals"):
        out = tmp_path / f"{method}.tsv"
        done = CliRunner().invoke(
            app, ["predict", *files, f"--checkpoint={run.format(method)}", f"--out={out}",
                  f"--eqtl={tmp_path}/e.tsv", "--sample=S1"])  # fmt: skip
        assert done.exit_code == 0, (done.output, done.exception)
        table = pd.read_csv(out, sep="\t").set_index("gene_id")
        mine, others = table.loc[gene["gene_id"]], table.drop(gene["gene_id"])
        assert mine["variants"] == 2 and mine["difference"] != 0
        far = others[others["variants"] == 0]
        assert len(far) and (far["difference"] == 0).all()
        plain = pd.read_parquet(Path(run.format(method)).parent / "predictions.parquet")
        plain = plain.set_index("gene_id")["predicted"].reindex(table.index)
        assert np.allclose(table["reference"], plain, atol=2e-3)
        assert len(pd.read_csv(tmp_path / f"{method}.eqtl.tsv", sep="\t")) == 1
        assert (tmp_path / f"{method}.agreement.tsv").is_file()
    (tmp_path / "p.tsv").write_text(
        "gene_id\tchrom\tpos\tref\talt\tslope\n"
        f"{gene['gene_id']}\t{gene['chrom']}\t{at + 1}\t{ref[0]}\t{alt}\t0.3\n"
    )
    done = CliRunner().invoke(
        app, ["predict", *files[:-1], f"--checkpoint={run.format(method)}", f"--out={out}",
              f"--eqtl={tmp_path}/p.tsv"])  # fmt: skip
    assert done.exit_code == 0, (done.output, done.exception)
    alone = pd.read_csv(out, sep="\t")
    assert alone["sample"].tolist() == [f"{gene['chrom']}_{at + 1}_{ref[0]}_{alt}"]
    paired = pd.read_csv(tmp_path / f"{method}.eqtl.tsv", sep="\t")
    assert paired["difference"].tolist() == alone["difference"].tolist() != [0.0]
    for extra, words in ((["--shuffle-windows=0"], "give --genome, and no"),):
        done = CliRunner().invoke(
            app, ["predict", *files, f"--checkpoint={run.format(method)}", f"--out={out}", *extra]
        )
        assert done.exit_code != 0 and words in str(done.exception)
    done = CliRunner().invoke(
        app, ["predict", *files, f"--checkpoint={run.format('epinformer')}", f"--out={out}",
              f"--elements={folder}/results/elements/SIM1.zarr"])  # fmt: skip
    assert done.exit_code != 0 and "windows of DNA around the TSS only" in str(done.exception)
    assert "prism" in str(done.exception)
