"""What a model of others is shown of a gene, and which bins of its answer are taken."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gexpipe.errors import UserError
from gexpipe.extractors.ask import ask, gene_window, one_hot
from gexpipe.extractors.contract import open_extractor
from gexpipe.extractors.reading import ExtractedStore
from gexpipe.extractors.settings import ExtractorSettings, check_extractor, read_settings
from gexpipe.extractors.sizes import Layout, Sizes
from gexpipe.extractors.store import build_extracted
from gexpipe.extractors.tracks import chosen_tracks, numbered_tracks, read_targets
from gexpipe.reference.genes import GENE_COLUMNS
from gexpipe.windows.layout import encode
from gexpipe.windows.store import read_manifest
from tests.extractors.planted import MOTIF, Filters, reverse_complement

PLANTED, RANDOM = "tests.extractors.planted:Motifs", "tests.extractors.planted:Filters"
LONG = 3000
ENDS = [(3, "+"), (900, "-"), (2990, "+")]


def settings(model: str = PLANTED, **more: object) -> ExtractorSettings:
    return read_settings("own", {"model": model, "window": 96, **more})


def gene_table(rows: list[tuple[str, str, int, str]]) -> pd.DataFrame:
    made = [(g, g, c, tss, strand, tss, tss + 9, "mane") for g, c, tss, strand in rows]
    return pd.DataFrame(made, columns=GENE_COLUMNS)


def write_genome(path: Path, chromosomes: dict[str, str]) -> Path:
    path.write_text("".join(f">{name}\n{text}\n" for name, text in chromosomes.items()))
    return path


def extracted(
    folder: Path, chromosomes: dict[str, str], genes: pd.DataFrame, said: ExtractorSettings
) -> ExtractedStore:
    folder.mkdir(exist_ok=True)
    fasta = write_genome(folder / "genome.fa", chromosomes)
    build_extracted("own", said, fasta, genes, folder / "own.zarr")
    return ExtractedStore(folder / "own.zarr")


def planted(places: list[int], strand: str) -> str:
    """Adenines with the motif where its first base, on its own strand, is at these places."""
    text = ["A"] * LONG
    for place in places:
        start = place if strand == "+" else place - len(MOTIF) + 1
        motif = MOTIF if strand == "+" else reverse_complement(MOTIF)
        text[start : start + len(MOTIF)] = motif
    return "".join(text)


@pytest.mark.parametrize("both", [True, False])
@pytest.mark.parametrize(
    ("strand", "inside", "outside"),
    [
        ("+", [1500 - 48, 1500, 1500 + 47], [1500 - 49 - 9, 1500 + 48 + 9]),
        ("+", [1500 - 48], [1500 + 48]),
        ("+", [1500 + 47], [1500 - 49]),
        ("-", [1500 + 48], [1500 - 48]),
        ("-", [1500 - 47], [1500 + 49]),
    ],
)
def test_motifs_within_the_window_at_the_tss_are_counted_on_the_genes_strand(
    tmp_path: Path, strand: str, inside: list[int], outside: list[int], both: bool
) -> None:
    genome = {"chr1": planted([*inside, *outside], strand)}
    genes = gene_table([("G", "chr1", 1500, strand)])
    store = extracted(tmp_path, genome, genes, settings(reverse_complement=both))
    n = len(inside)
    assert store.read("tracks", ["G"]).tolist() == [[n, 0, n]]
    # Beside a gene on the other strand the same DNA is antisense, one base further.
    other = gene_table([("G", "chr1", 1500, "-" if strand == "+" else "+")])
    turned = extracted(tmp_path / "other", genome, other, settings(reverse_complement=both))
    last = (1452, 1548) if strand == "-" else (1453, 1549)
    seen = len([place for place in inside + outside if last[0] <= place < last[1]])
    assert turned.read("tracks", ["G"]).tolist() == [[0, seen, seen]]


@pytest.mark.parametrize("both", [True, False])
def test_a_genome_read_backwards_gives_the_same(tmp_path: Path, both: bool) -> None:
    draw = np.random.default_rng(0)
    text = "".join(draw.choice(list("ACGT"), LONG))
    places = [(f"G{i}", t, s) for i, (t, s) in enumerate(ENDS)]
    forward = gene_table([(g, "chr1", tss, s) for g, tss, s in places])
    turned = [(g, "chr1", LONG - 1 - tss, "-+"[s == "-"]) for g, tss, s in places]
    said = settings(RANDOM, window=128, reverse_complement=both)
    one = extracted(tmp_path / "a", {"chr1": text}, forward, said)
    other = extracted(tmp_path / "b", {"chr1": reverse_complement(text)}, gene_table(turned), said)
    for array in ("tracks", "embedding"):
        found = one.read(array, [g for g, _, _ in places])
        assert found.std() > 0
        np.testing.assert_allclose(found, other.read(array, other.gene_ids), rtol=1e-5)


def test_both_ways_to_read_the_dna_are_averaged_with_strands_exchanged() -> None:
    model, said = Filters(), settings(RANDOM, window=128)
    layout = Layout.of(model.sizes, 128, "own")
    codes = np.random.default_rng(1).integers(0, 4, (2, model.sizes.length)).astype(np.uint8)
    turned = 3 - codes[:, ::-1]
    model = open_extractor("own", said)
    forward, backward = (
        ask(model, windows, layout, settings(RANDOM, window=128, reverse_complement=False))
        for windows in (codes, turned)
    )
    # Six bins: the two in the middle are the same two from the other end.
    assert (layout.first, layout.mirrored) == (2, 2)
    tracks, embedding = ask(model, codes, layout, said)
    np.testing.assert_allclose(tracks, (forward[0] + backward[0][:, ::-1]) / 2, rtol=1e-6)
    np.testing.assert_allclose(embedding, (forward[1] + backward[1]) / 2, rtol=1e-4, atol=1e-5)


def test_the_tss_lies_in_the_middle_of_the_bins_that_are_read() -> None:
    odd = Layout.of(Sizes(1024, 32, 24), 96, "own")
    assert (odd.first, odd.count, odd.mirrored) == (10, 3, 11)
    assert odd.tss == 128 + 10 * 32 + 48
    even = Layout.of(Sizes(1024, 32, 24), 128, "own")
    assert (even.first, even.tss) == (10, 128 + 10 * 32 + 64)
    track = np.arange(5000) % 4
    window = gene_window(track.astype(np.uint8), 2000, False, odd)
    assert window[odd.tss] == track[2000] and len(window) == 1024
    minus = gene_window(track.astype(np.uint8), 2001, True, odd)
    assert minus[odd.tss] == 3 - track[2001] and minus[odd.tss + 1] == 3 - track[2000]


def test_bases_off_the_chromosome_are_zeros(tmp_path: Path) -> None:
    window = gene_window(encode("ACGT" * 5), 2, True, Layout(64, 32, 0, 1, 0))
    hot = one_hot(window[None], "cpu")[0].numpy()
    assert hot.sum() == 20 and (hot.sum(axis=1) <= 1).all()
    genes = gene_table([("G", "chr1", 5, "+"), ("H", "chr1", LONG - 3, "-")])
    genome = {"chr1": planted([5], "+")}
    store = extracted(tmp_path, genome, genes, settings())
    # 48 bases before the TSS, of which 43 are off: only those that are there are counted.
    np.testing.assert_allclose(
        store.read("embedding", ["G"])[0].sum() * 3, 96 - 43, err_msg="bases"
    )
    assert store.read("tracks", ["G"])[0, 0] == 1


def test_batches_and_repetitions_change_nothing(tmp_path: Path) -> None:
    text = "".join(np.random.default_rng(4).choice(list("ACGTN"), LONG))
    genes = gene_table([(f"G{i}", "chr1", 400 * i + 7, "+-"[i % 2]) for i in range(7)])
    found = [
        extracted(tmp_path / str(k), {"chr1": text}, genes, settings(RANDOM, window=128, batch=b))
        for k, b in enumerate((1, 1, 3, 64))
    ]
    first = found[0].read("tracks", found[0].gene_ids)
    np.testing.assert_array_equal(first, found[1].read("tracks", found[1].gene_ids))
    for other in found[2:]:
        np.testing.assert_allclose(first, other.read("tracks", other.gene_ids), rtol=1e-5)
    kept = [read_manifest(tmp_path / str(k) / "own.zarr")[1]["fingerprint"] for k in (0, 1)]
    assert kept[0] == kept[1]


def test_chromosomes_that_did_not_change_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw = np.random.default_rng(5)
    genome = {name: "".join(draw.choice(list("ACGT"), LONG)) for name in ("chr1", "chr2")}
    genes = gene_table([("A", "chr1", 900, "+"), ("B", "chr2", 900, "-")])
    asked: list[int] = []
    called = Filters.__call__

    def counted(self: Filters, sequence: object, bins: slice) -> object:
        asked.append(len(sequence))  # type: ignore[arg-type]
        return called(self, sequence, bins)  # type: ignore[arg-type]

    monkeypatch.setattr(Filters, "__call__", counted)
    extracted(tmp_path, genome, genes, settings(RANDOM, window=128))
    assert sum(asked) == 4
    moved = genes.assign(strand=["+", "+"])
    extracted(tmp_path, genome, moved, settings(RANDOM, window=128))
    assert sum(asked) == 6, "chr2 alone was asked again"
    extracted(tmp_path, genome, moved, settings(RANDOM, window=256))
    assert sum(asked) == 10, "another window is another answer"


TARGETS = """\
\tidentifier\tdescription\tstrand_pair
0\tC1+\tCAGE:leukemia cell line:K562\t1
1\tC1-\tCAGE:leukemia cell line:K562\t0
2\tR1\tRNA:K562\t2
3\tC2+\tCAGE:liver\t4
4\tC2-\tCAGE:liver\t3
"""


def test_tracks_are_named_by_identifier_description_or_number(tmp_path: Path) -> None:
    path = tmp_path / "targets.txt"
    path.write_text(TARGETS)
    table = read_targets(path)
    assert table["strand"].tolist() == ["+", "-", ".", "+", "-"]

    def rows(*named: str, indices: tuple[int, ...] = (), strand: str = "both") -> list[int]:
        return chosen_tracks(table, named, indices, strand, "m").tolist()

    assert rows("CAGE.*K562") == [0, 1]
    assert rows("K562") == [0, 1, 2]
    assert rows("K562", strand="same") == [0, 2]
    assert rows("C1-", "liver") == [1, 3, 4]
    assert rows(indices=(4, 0)) == [0, 4]
    with pytest.raises(UserError, match=r"m.tracks: 'CAGE.*HepG2' means no track"):
        rows("CAGE.*HepG2")
    with pytest.raises(UserError, match=r"m.indices: 5, expected less than 5"):
        rows(indices=(5,))
    with pytest.raises(UserError, match="tracks have no description: name a table of targets"):
        chosen_tracks(numbered_tracks(3), ["CAGE"], (), "both", "m")
    with pytest.raises(UserError, match="no track is left"):
        rows("C1-", strand="same")
    for wrong, words in (("0\tC1+", "0\tC1"), ("\t1\n", "\t9\n")):
        path.write_text(TARGETS.replace(wrong, words, 1))
        with pytest.raises(UserError, match=r"expected a \+ or -|does not answer it"):
            read_targets(path)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({}, r"extractors.own.model: 'own'; known: borzoi, .*, or module:factory"),
        ({"model": "borzoy"}, "did you mean 'borzoi'"),
        ({"model": "borzoi"}, "its weights are not given"),
        ({"model": "borzoi", "weights": "nowhere"}, r"nowhere: no such file or folder"),
        ({"model": "no_such_module:X"}, "no module 'no_such_module' here or installed"),
        ({"model": "borzoi", "weights": "w", "length": 1000}, "1000, expected a multiple of 128"),
        ({"model": "borzoi", "weights": "w", "window": 100}, "a multiple of its bins of 32 bp"),
        ({"model": "borzoi", "weights": "w", "length": 4096, "window": 8192}, "longer than the"),
        ({"model": "enformer", "weights": "w", "length": 65536}, "expected at least 114688"),
        ({"model": "alphagenome", "weights": "w", "length": 2097152}, "expected at most 1048576"),
        ({"model": "borzoi", "weights": "w", "targets": "none.txt"}, "none.txt"),
        ({"model": "borzoi", "wieghts": "w"}, "unknown key 'wieghts'; did you mean 'weights'"),
        ({"model": "borzoi", "weights": "empty"}, "no config.json beside|an empty folder"),
    ],
)
def test_what_cannot_be_asked_is_refused_before_anything_is_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: dict, words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "w").write_bytes(b"")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=words):
        check_extractor("own", said)


def test_a_model_that_is_none_is_one_line() -> None:
    for model, more, words in (
        ("tests.extractors.planted:not_a_factory", {}, "what it makes has no 'sizes'"),
        (PLANTED, {"options": {"depth": 3}}, "unexpected keyword argument 'depth'"),
        ("tests.extractors.planted:Absent", {}, "has no 'Absent'"),
    ):
        with pytest.raises(UserError, match=words):
            open_extractor("own", settings(model, **more))
    model = open_extractor("own", settings())
    model.width = 9
    layout = Layout.of(model.sizes, 96, "own")
    with pytest.raises(UserError, match=r"it gave \(1, 3, 4\) as embedding, expected \(1, 3, 9\)"):
        ask(model, np.zeros((1, 1024), np.uint8), layout, settings())
