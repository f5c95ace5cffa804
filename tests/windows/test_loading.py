"""What can be done to windows on their way to a model, tested on real stores."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from gexpipe.contact.rows import ContactRows
from gexpipe.contact.window import window_contact
from gexpipe.data.loading import Loading, reverse_complement
from gexpipe.data.mixed import MixedCells
from gexpipe.data.open import Sources
from gexpipe.data.open import open_data as open_any
from gexpipe.data.windows import WindowData
from gexpipe.errors import UserError
from gexpipe.methods.merged import read_named
from gexpipe.methods.settings import MethodConfig
from gexpipe.windows.elements import build_elements
from gexpipe.windows.sequence import build_sequence
from gexpipe.windows.signals import SignalSources, build_signals
from tests.goldens import arrays, case_parameters, cases
from tests.project import ROOT

ROWS = np.arange(6)
NAMES = ["H3K27ac", "contact", "DNase"]


def open_data(world: Path, length: int = 12_000, elements: bool = False, **loading) -> WindowData:
    return WindowData(
        world / "sequence.zarr", world / "cell.zarr", world / "examples.parquet",
        world / "elements.zarr" if elements else None,
        length=length, signal_names=NAMES, loading=Loading(**loading),
    )  # fmt: skip


def draw(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.fixture(scope="module", params=case_parameters(cases("per-base Hi-C contact feature")))
def golden_world(tmp_path_factory, request) -> tuple[Path, dict[str, np.ndarray], list[str]]:
    """Stores of the genes of the published contact feature, two of them at chromosome ends."""
    folder = tmp_path_factory.mktemp("golden")
    golden = arrays(request.param)
    names = sorted(key.split("/")[0] for key in golden if key.endswith("/tss"))
    size = int(golden["chrom_length"])
    tss = np.array([int(golden[f"{name}/tss"]) for name in names])
    pixels = {
        (int(a), int(b)): float(v)
        for a, b, v in zip(
            golden["contacts_bin1"], golden["contacts_bin2"], golden["contacts_value"], strict=True
        )
    }
    length = 2 * int(golden["half_window"])
    reach = length // 2 // 5000
    values = np.zeros((len(names), 2 * reach + 1), np.float32)
    for row, t in enumerate(tss):
        for column in range(2 * reach + 1):
            here, other = t // 5000, t // 5000 + column - reach
            values[row, column] = pixels.get((min(here, other), max(here, other)), 0.0)
    genes = pd.DataFrame({"gene_id": names, "chrom": "chr1", "tss": tss, "strand": "+"})
    (folder / "genome.fa").write_text(">chr1\n" + "ACGT" * (size // 4) + "A" * (size % 4) + "\n")
    (folder / "empty.bed").write_text("chr1\t0\t1\n")
    import pyBigWig

    with pyBigWig.open(str(folder / "x.bigWig"), "w") as track:
        track.addHeader([("chr1", size)])
        track.addEntries(["chr1"], [5], ends=[9], values=[1.0])
    contact = ContactRows(
        gene_id=genes["gene_id"].to_numpy(str), chrom=genes["chrom"].to_numpy(str), tss=tss,
        chrom_length=np.full(len(names), size), tss_bin=tss // 5000, values=values,
        row_sum=np.ones(len(names)), resolution=5000,
    )  # fmt: skip
    build_sequence(folder / "genome.fa", genes, length, folder / "sequence.zarr")
    build_signals(
        SignalSources({"x": folder / "x.bigWig"}), genes, {"chr1": size}, length,
        window_contact(contact, length), folder / "cell.zarr", resolution=5000,
    )  # fmt: skip
    from gexpipe.reference.examples import FEATURES

    genes.assign(symbol="x", target=1.0, **dict.fromkeys(FEATURES, 0.0)).to_parquet(
        folder / "examples.parquet"
    )
    return folder, golden, names


def contact_of(world: Path, length: int, shift: bool) -> np.ndarray:
    data = WindowData(
        world / "sequence.zarr", world / "cell.zarr", world / "examples.parquet",
        length=length, signal_names=["contact"], loading=Loading(contact_shift=shift),
    )  # fmt: skip
    return data.batch(np.arange(len(data))).dense().signals[:, 0].numpy()


@pytest.mark.parametrize("key", ["full", "half", "2000"])
def test_contact_where_it_lies_and_as_published(golden_world, key: str) -> None:
    world, golden, names = golden_world
    half = int(golden["half_window"])
    length = {"full": 2 * half, "half": half, "2000": 2_000}[key]
    shifted, true = contact_of(world, length, True), contact_of(world, length, False)
    middle = slice(half - length // 2, half + length // 2)
    for gene, mine, lies in zip(names, shifted, true, strict=True):
        published = golden[f"{gene}/model_input_{key}"]
        np.testing.assert_allclose(mine, published, rtol=1e-6, atol=2e-7, err_msg=gene)
        feature = np.log10(1 + np.nan_to_num(golden[f"{gene}/feature"].astype(np.float64)))
        np.testing.assert_allclose(lies, feature[middle], rtol=1e-6, atol=2e-7, err_msg=gene)
    assert (np.abs(shifted - true).max() > 0) == (length > 2_000)


@pytest.mark.parametrize("shift", [False, True])
@pytest.mark.parametrize("length", [16_000, 2_000, 131])
def test_reverse_complement_turns_everything(world: Path, length: int, shift: bool) -> None:
    batch = open_data(world, length, contact_shift=shift).batch(ROWS)
    which = torch.tensor([True, False, True, True, True, True])
    turned = reverse_complement(batch, which)
    plain, dense = batch.dense(), turned.dense()
    for row in range(6):
        flip = (lambda x: x.flip(-1)) if which[row] else (lambda x: x)
        torch.testing.assert_close(dense.signals[row], flip(plain.signals[row]))
        torch.testing.assert_close(dense.peaks[row], flip(plain.peaks[row]))
        letters = np.array(list("TGCAN" if which[row] else "ACGTN"))[plain.codes[row].numpy()]
        expected = "".join(letters[::-1] if which[row] else letters)
        assert "".join(np.array(list("ACGTN"))[dense.codes[row].numpy()]) == expected
    again = reverse_complement(turned, which).dense()
    torch.testing.assert_close(again.signals, plain.signals)
    torch.testing.assert_close(again.codes, plain.codes)


def test_strand_of_the_gene_and_augmentation(world: Path) -> None:
    plain = open_data(world).batch(ROWS)
    minus = torch.tensor([False, True, False, True, False, False])
    expected = reverse_complement(plain, minus)
    stranded = open_data(world, strand="gene")
    torch.testing.assert_close(stranded.batch(ROWS).codes, expected.codes)
    always = open_data(world, strand="gene", reverse_complement=1.0)
    torch.testing.assert_close(
        always.batch(ROWS, draw()).codes, reverse_complement(plain, ~minus).codes
    )
    torch.testing.assert_close(always.batch(ROWS).codes, expected.codes)  # evaluation draws nothing
    half = open_data(world, reverse_complement=0.5)
    first, same, other = (half.batch(ROWS, draw(seed)).codes for seed in (1, 1, 2))
    assert torch.equal(first, same) and not torch.equal(first, other)


def test_elements_turn_in_their_slots(world: Path) -> None:
    plain = open_data(world, 2_000, elements=True).batch(ROWS).elements
    turned = open_data(world, 2_000, elements=True, reverse_complement=1.0)
    found = turned.batch(ROWS, draw()).elements
    assert plain is not None and found is not None
    complement = torch.tensor([3, 2, 1, 0, 4], dtype=torch.uint8)
    torch.testing.assert_close(found.codes, complement[plain.codes.long()].flip(-1))
    torch.testing.assert_close(found.features, plain.features)


def test_dropped_signals_are_zero_and_the_others_untouched(world: Path) -> None:
    plain = open_data(world).batch(ROWS).dense().signals
    for k, name in enumerate(NAMES):
        found = open_data(world, drop=(name,)).batch(ROWS).dense().signals
        assert plain[:, k].any() and not found[:, k].any()
        others = [i for i in range(3) if i != k]
        torch.testing.assert_close(found[:, others], plain[:, others])
    with pytest.raises(UserError, match="no signal 'ATAC' is read"):
        open_data(world, drop=("ATAC",))


def test_signal_dropout_only_in_training_and_by_seed(world: Path) -> None:
    data = open_data(world, signal_dropout=0.5)
    plain = open_data(world).batch(ROWS).dense().signals
    torch.testing.assert_close(data.batch(ROWS).dense().signals, plain)
    first, same = (data.batch(ROWS, draw(3)).dense().signals for _ in range(2))
    assert torch.equal(first, same)
    kept = (first == plain).all(dim=2)
    zero = (first == 0).all(dim=2)
    assert (kept | zero).all() and kept.any() and (zero & plain.any(dim=2)).any()


def test_without_signals_there_is_nothing_to_drop(world: Path) -> None:
    data = WindowData(
        world / "sequence.zarr", world / "cell.zarr", world / "examples.parquet",
        length=2_000, signal_names=[], loading=Loading(signal_dropout=0.5, reverse_complement=0.5),
    )  # fmt: skip
    assert data.batch(ROWS, draw()).dense().signals.shape == (6, 0, 2_000)


@pytest.mark.parametrize(
    ("loading", "message"),
    [({"strand": "minus"}, "forward or gene"), ({"signal_dropout": 2.0}, "expected 0 to 1")],
)
def test_meaningless_options_are_refused(world: Path, loading: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        open_data(world, **loading)


def test_mixed_cells_give_each_gene_one_cell_whole(world: Path, tmp_path: Path) -> None:
    table = pd.read_parquet(world / "examples.parquet")
    table["target"] = [10.0, 20.0, 30.0, np.nan, 50.0, 60.0]
    table.to_parquet(tmp_path / "other.parquet")
    first = open_data(world)
    second = WindowData(
        world / "sequence.zarr", world / "cell.zarr", tmp_path / "other.parquet",
        length=12_000, signal_names=NAMES, loading=Loading(drop=("DNase",)),
    )  # fmt: skip
    mixed = MixedCells([first, second])
    rows = np.array([5, 0, 2, 3, 4, 1] * 5)
    batch, same = mixed.batch(rows, draw(1)), mixed.batch(rows, draw(1))
    assert batch.gene.tolist() == rows.tolist()
    assert torch.equal(batch.target, same.target) and torch.equal(batch.signals, same.signals)
    own, other = first.batch(rows), second.batch(rows)
    drawn = batch.target == other.target
    assert drawn.any() and (~drawn).any()
    assert drawn[rows == 2].all() and not drawn[rows == 3].any()  # the only cell with a target
    torch.testing.assert_close(
        batch.signals, torch.where(drawn[:, None, None], other.signals, own.signals)
    )
    torch.testing.assert_close(mixed.batch(rows).signals, own.signals)
    valid = mixed.split(11, "valid")
    known = [len(cell.split(11, "valid")) for cell in (first, second)]
    assert len(valid) == sum(known) and known[0] and known[1]
    told = mixed.batch(valid)
    assert told.gene.tolist() == valid.tolist() and len(mixed.gene_ids) == len(mixed.table) == 12
    wanted = [cell.batch(cell.split(11, "valid")).target for cell in (first, second)]
    assert torch.equal(told.target, torch.cat(wanted))
    assert mixed.fingerprint != first.fingerprint


SCRIPT = """
import sys
import numpy as np, torch
from pathlib import Path
from gexpipe.data.batches import BatchOrder, batches
from gexpipe.data.loading import Loading
from gexpipe.data.windows import WindowData

if __name__ == "__main__":
    world, out = Path(sys.argv[1]), sys.argv[2]
    data = WindowData(
        world / "sequence.zarr", world / "cell.zarr", world / "examples.parquet",
        world / "elements.zarr", length=2_000, signal_names=["H3K27ac", "contact", "DNase"],
        loading=Loading(reverse_complement=0.5, signal_dropout=0.3, contact_shift=True),
    )
    order, found = BatchOrder(np.arange(6), 3, seed=2), {}
    for method in ("fork", "spawn"):
        for workers in (0, 2):
            torch.multiprocessing.set_start_method(method, force=True)
            for step, batch in enumerate(batches(data, order, range(5), workers)):
                dense = batch.dense()
                for name in ("gene", "codes", "signals", "features", "target", "peaks"):
                    value = getattr(dense, name).numpy()
                    found[f"{method}{workers}/{step}/{name}"] = value
                found[f"{method}{workers}/{step}/elements"] = dense.elements.codes.numpy()
    np.savez(out, **found)
"""


def test_batches_are_the_same_by_fork_and_spawn_with_and_without_workers(
    world: Path, tmp_path: Path
) -> None:
    """In a process of its own: readers of contact files start threads that forks do not survive."""
    script = tmp_path / "load.py"
    script.write_text(SCRIPT)
    command = [sys.executable, str(script), str(world), str(tmp_path / "found.npz")]
    subprocess.run(command, check=True, timeout=240)
    found = dict(np.load(tmp_path / "found.npz"))
    expected = {k: v for k, v in found.items() if k.startswith("fork0/")}
    assert len(expected) == 5 * 7 and len(found) == 4 * len(expected)
    for key, value in expected.items():
        for way in ("fork2", "spawn0", "spawn2"):
            np.testing.assert_array_equal(found[key.replace("fork0", way)], value, err_msg=key)


def test_training_does_not_import_readers_that_start_threads() -> None:
    code = "import sys, gexpipe.train.run; sys.exit('hictkpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_own_promoters_are_asked_of_the_element_store(world: Path, tmp_path: Path) -> None:
    settings = read_named("epinformer_v2", [ROOT / "config/methods"]).as_mapping()
    settings["model"] = {**settings["model"], "slot": 2000}
    config = MethodConfig.from_mapping(settings)
    files = {name: world / name for name in ("sequence.zarr", "cell.zarr", "examples.parquet")}
    sequence, signals, examples = files.values()
    without = Sources(examples, sequence, signals, world / "elements.zarr")
    with pytest.raises(UserError, match="own promoters among its elements"):
        open_any(without, config)
    genes = pd.read_csv(world / "genes.tsv", sep="\t")
    table = pd.DataFrame(
        {
            "gene_id": genes["gene_id"], "rank": 0, "chrom": genes["chrom"], "start": 1000,
            "end": 1500, "slot_start": 750, "distance_kb": 0.0, "contact_log": 0.1, "activity": 1.0,
        }
    )  # fmt: skip
    build_elements(table, world / "genome.fa", genes, 2000, 1, tmp_path / "near.zarr")
    data = open_any(Sources(examples, sequence, signals, tmp_path / "near.zarr"), config)
    assert data.batch(np.array([0])).elements.features[0, 1, 0] == 0
