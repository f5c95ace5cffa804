"""Sei: layout of the release, numbers of its parts, projection, classes."""

from __future__ import annotations

import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.interpolate import splev

from gexpipe.bins.classes import CLASSES, GROUPS, KEPT
from gexpipe.bins.extract import SeiClasses, open_extractor
from gexpipe.bins.release import unpack
from gexpipe.bins.sei import (
    Sei,
    SeiSizes,
    both_strands,
    encode_bins,
    load_sei,
    project,
    spline_basis,
)
from gexpipe.bins.stand_ins import NARROW, write_sei
from gexpipe.errors import UserError


def release_shapes() -> dict[str, tuple[int, ...]]:
    """Names and shapes of the public release's state_dict, written out."""
    convs = {
        "lconv1.0": (480, 4, 9), "lconv1.1": (480, 480, 9),
        "conv1.0": (480, 480, 9), "conv1.2": (480, 480, 9),
        "lconv2.2": (640, 480, 9), "lconv2.3": (640, 640, 9),
        "conv2.1": (640, 640, 9), "conv2.3": (640, 640, 9),
        "lconv3.2": (960, 640, 9), "lconv3.3": (960, 960, 9),
        "conv3.1": (960, 960, 9), "conv3.3": (960, 960, 9),
        **{f"dconv{i}.1": (960, 960, 5) for i in range(1, 6)},
        "classifier.0": (21_907, 15_360), "classifier.2": (21_907, 21_907),
    }  # fmt: skip
    weights = {f"{name}.weight": shape for name, shape in convs.items()}
    return weights | {f"{name}.bias": shape[:1] for name, shape in convs.items()}


def test_full_size_has_the_layout_of_the_release() -> None:
    with torch.device("meta"):
        network = Sei()
        profiles = network(torch.empty(2, 4, 4096))
    assert {k: tuple(v.shape) for k, v in network.state_dict().items()} == release_shapes()
    assert profiles.shape == (2, 21_907)


@pytest.mark.parametrize(("length", "count"), [(256, 16), (40, 6)])
def test_splines_as_a_spline_package_evaluates_them(length: int, count: int) -> None:
    position = np.arange(length, dtype=float)
    inner = np.percentile(position, 100 * np.linspace(0, 1, count - 4 + 2)[1:-1])
    knots = np.sort(np.concatenate([[0, length - 1] * 4, inner]))
    expected = np.stack([splev(position, (knots, row, 3)) for row in np.eye(count)], axis=1)
    np.testing.assert_allclose(spline_basis(length, count), expected, atol=1e-12)


def reference(network: Sei, x: torch.Tensor) -> torch.Tensor:
    """The forward pass of the release, unrolled from its named layers in evaluation mode."""
    layer = dict(network.named_modules())

    def path(names: str, values: torch.Tensor) -> torch.Tensor:
        for name in names.split():
            values = values.relu() if name == "relu" else layer[name](values)
        return values

    pool = torch.nn.MaxPool1d(4, 4)
    lout1 = path("lconv1.0 lconv1.1", x)
    out1 = path("conv1.0 relu conv1.2 relu", lout1)
    lout2 = path("lconv2.2 lconv2.3", pool(out1 + lout1))
    out2 = path("conv2.1 relu conv2.3 relu", lout2)
    lout3 = path("lconv3.2 lconv3.3", pool(out2 + lout2))
    out3 = path("conv3.1 relu conv3.3 relu", lout3)
    total = out3 + path("dconv1.1 relu", out3 + lout3)
    for i in range(2, 6):
        total = total + path(f"dconv{i}.1 relu", total)
    flat = torch.matmul(total, network.basis).reshape(len(x), -1)
    return path("classifier.0 relu classifier.2", flat).sigmoid()


def test_forward_as_the_release_wires_it() -> None:
    torch.manual_seed(0)
    network = Sei(NARROW).eval()
    x = encode_bins(torch.randint(0, 5, (2, 4096), dtype=torch.uint8))
    torch.testing.assert_close(network(x), reference(network, x))


def test_bases_and_their_reverse_complement() -> None:
    codes = torch.tensor([[0, 1, 2, 3, 4]], dtype=torch.uint8)
    encoded = encode_bins(codes)
    torch.testing.assert_close(encoded[0, :, 4], torch.full((4,), 0.25))
    torch.testing.assert_close(encoded[0, :, :4], torch.eye(4))
    other = encode_bins(torch.tensor([[4, 0, 1, 2, 3]], dtype=torch.uint8))
    torch.testing.assert_close(encoded.flip(1, 2), other)  # ACGTN -> NACGT
    torch.manual_seed(0)
    network = Sei(NARROW).eval()
    x = encode_bins(torch.randint(0, 4, (2, 4096), dtype=torch.uint8))
    torch.testing.assert_close(both_strands(network, x), both_strands(network, x.flip(1, 2)))


def test_projection_is_a_scalar_product_with_unit_vectors() -> None:
    profiles, projection = torch.rand(3, 7), torch.randn(5, 7)
    expected = profiles.numpy() @ projection.numpy().T / np.linalg.norm(projection.numpy(), axis=1)
    np.testing.assert_allclose(project(profiles, projection), expected, rtol=1e-5)


def test_classes_of_table_3() -> None:
    assert len(CLASSES) == 40 and len(KEPT) == 33 and set(GROUPS) == {c.group for c in CLASSES}
    counts = {g: sum(c.group == g for c in CLASSES) for g in GROUPS}
    assert counts == {"PC": 4, "L": 7, "TN": 4, "E": 12, "TF": 5, "HET": 6, "P": 1, "CTCF": 1}
    assert CLASSES[25].name == "Promoter" and CLASSES[12].label == "E5"
    assert not [CLASSES[i] for i in KEPT if "signal" in CLASSES[i].name]


def test_weights_load_strictly(tmp_path: Path) -> None:
    write_sei(tmp_path)
    network = load_sei(tmp_path / "sei.pth")
    assert network.sizes == NARROW and not network.training
    weights = torch.load(tmp_path / "sei.pth", weights_only=True)
    for change, expected in [
        ({"module.model.conv1.0.weight": None}, "Missing key.*conv1.0.weight"),
        ({"module.model.extra": torch.zeros(1)}, "Unexpected key.*extra"),
        ({"module.model.dconv1.1.weight": torch.zeros(2, 2, 5)}, "size mismatch.*dconv1.1.weight"),
        ({"module.model.classifier.0.weight": None}, "no weight 'classifier.0.weight'"),
    ]:
        changed = {k: v for k, v in {**weights, **change}.items() if v is not None}
        torch.save({"state_dict": changed}, tmp_path / "broken.pth")
        with pytest.raises(UserError, match=expected):
            load_sei(tmp_path / "broken.pth")
    (tmp_path / "text.pth").write_text("no weights")
    with pytest.raises(UserError, match="not a file of tensors"):
        load_sei(tmp_path / "text.pth")


def test_features_of_bins(tmp_path: Path) -> None:
    write_sei(tmp_path)
    files = {"weights": "sei.pth", "projection": "projvec_targets.npy"}
    given = {key: str(tmp_path / name) for key, name in files.items()}
    extract = open_extractor({"name": "sei", **given, "batch": 2})
    assert isinstance(extract, SeiClasses) and len(extract.labels) == 33
    codes = np.random.default_rng(0).integers(0, 4, (3, 4096), dtype=np.uint8)
    found = extract(codes)
    network = load_sei(given["weights"])
    with torch.inference_mode():
        profiles = both_strands(network, encode_bins(torch.from_numpy(codes)))
    rows = np.load(given["projection"])
    expected = profiles.numpy() @ rows.T / np.linalg.norm(rows, axis=1)
    np.testing.assert_allclose(found, expected[:, list(KEPT)], rtol=1e-4, atol=1e-5)
    assert found[:, 0].std() > 0


class Counts:
    """An extractor of a test: how often each base occurs."""

    labels, words, length, recipe = ("A", "C"), ("adenine", "cytosine"), 100, "counts"

    def __init__(self, scale: float = 1.0) -> None:
        self.scale = scale

    def __call__(self, codes: np.ndarray) -> np.ndarray:
        counts = [(codes == base).sum(axis=1) for base in (0, 1)]
        return self.scale * np.stack(counts, axis=1).astype(np.float32)


def counts(scale: float) -> Counts:
    """A function makes extractors, too."""
    return Counts(scale)


class Bare:
    """It lacks what the store asks for."""

    labels = words = ()

    def __call__(self, codes: np.ndarray) -> np.ndarray:
        return codes


def test_other_extractors_plug_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert open_extractor({"name": f"{__name__}:counts", "scale": 3.0}).scale == 3.0  # type: ignore[attr-defined]
    extract = open_extractor({"name": f"{__name__}:Counts", "scale": 2.0})
    np.testing.assert_array_equal(extract(np.zeros((1, 100), np.uint8)), [[200.0, 0.0]])
    for settings, expected in [
        ({"name": "nowhere:Nothing"}, "cannot be imported"),
        ({"name": f"{__name__}:Nothing"}, "cannot be imported"),
        ({"name": f"{__name__}:Counts", "shape": 1}, "unexpected keyword"),
        ({"name": "sei"}, "missing 2 required"),
        ({"name": "os:system", "command": "touch called"}, "os:system is neither a class with"),
        ({"name": "subprocess:run", "args": "touch called", "shell": True}, "neither a class"),
        ({"name": "subprocess:Popen", "args": "touch called", "shell": True}, "neither a class"),
        ({"name": f"{__name__}:Bare"}, "what it makes has no length"),
    ]:
        with pytest.raises(UserError, match=expected):
            open_extractor(settings)
    assert not (tmp_path / "called").exists()


def test_links_in_the_archive_of_sei_are_refused_where_they_lead_nowhere(tmp_path: Path) -> None:
    for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE):
        for target in ("/etc/passwd", "sei.pth"):
            with tarfile.open(tmp_path / "sei.tar.gz", "w:gz") as archive:
                link = tarfile.TarInfo("sei.pth")
                link.type, link.linkname = kind, target
                archive.addfile(link)
            with pytest.raises(UserError, match=r"sei\.tar\.gz: (not a readable archive|no sei)"):
                unpack(tmp_path / "sei.tar.gz", tmp_path / "out")
            assert not (tmp_path / "out" / "sei.pth").exists()


@pytest.mark.parametrize("kept", [0.5, 0.98])
def test_a_cut_archive_of_sei_is_refused(tmp_path: Path, kept: float) -> None:
    (tmp_path / "sei.pth").write_bytes(np.random.default_rng(1).bytes(100_000))
    with tarfile.open(tmp_path / "sei.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "sei.pth", "sei.pth")
    whole = (tmp_path / "sei.tar.gz").read_bytes()
    (tmp_path / "sei.tar.gz").write_bytes(whole[: int(kept * len(whole))])
    with pytest.raises(UserError, match="not a readable archive"):
        unpack(tmp_path / "sei.tar.gz", tmp_path / "out")


def test_sizes_follow_the_weights(tmp_path: Path) -> None:
    sizes = SeiSizes((4, 6, 8), 20, 5)
    write_sei(tmp_path, sizes=sizes)
    assert load_sei(tmp_path / "sei.pth").sizes == sizes
