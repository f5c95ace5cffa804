"""What no golden of Prism covers: options, InFER's mean, prediction by learned weights."""

from __future__ import annotations

import pytest
import torch

from gexpipe.errors import UserError
from gexpipe.models import ExpressionModel, build, from_reference
from gexpipe.models.prism import WeightGenerator
from gexpipe.prediction.reweighted import Reweighted
from tests.train.fake import FakeData

SMALL = {"d_model": 8, "layers": 1, "center": 64}
INPUTS = {"length": 128, "signals": ["H3K27ac", "DNase", "contact"]}


def made(**options: object) -> ExpressionModel:
    torch.manual_seed(0)
    return build("prism", {**SMALL, **options}, INPUTS)


def batch():
    return FakeData(genes=12, length=128).batch([0, 1, 2]).dense()


def test_softmax_weights_share_one_over_the_dimensions() -> None:
    sigmoid, softmax = made(), made(weight_activation="softmax")
    softmax.load_state_dict(sigmoid.state_dict())
    plain, _ = sigmoid.weight_generator(batch().signals)
    shared, _ = softmax.weight_generator(batch().signals)
    assert shared.shape == (3, 8, 2)
    torch.testing.assert_close(shared.sum(dim=1), torch.ones(3, 2))
    torch.testing.assert_close(shared, torch.logit(plain).softmax(dim=1))


def test_without_intervention_there_are_no_weights_and_no_terms() -> None:
    whole, bare = made(), made(intervention_weight=0.0)
    assert not any(isinstance(module, WeightGenerator) for module in bare.modules())
    names = {n: t for n, t in whole.state_dict().items() if not n.startswith("weight_generator")}
    bare.load_state_dict(names)
    given = batch()
    for mode in (True, False):
        output = bare.train(mode)(given)
        assert set(bare.loss(given, output)) == {"prediction", "total"}
        torch.testing.assert_close(output.prediction, whole.train(mode)(given).prediction)


def test_the_authors_file_without_intervention_has_no_generator() -> None:
    config = {
        "d_model": 8, "n_layer": 1, "center_len": 64, "signal_size": 3, "seq_range": 128,
        "ssm_cfg": {"d_state": 16, "d_conv": 4, "expand": 2}, "useRNAFeat": True, "rna_feat_dim": 9,
        "n_context": 2, "cnn_dim": 8, "weight_act": "softmax",
    }  # fmt: skip
    for alpha in (0.0, 1.0):
        model = made(intervention_weight=alpha, weight_activation="softmax")
        theirs = {_theirs(name): tensor for name, tensor in model.state_dict().items()}
        read = from_reference("prism", {**config, "intervention_loss_weight": alpha}, theirs)
        assert (read.weight_generator is None) == (alpha == 0)
        assert read.options.weight_activation == "softmax"


def _branch_by_hand(model: ExpressionModel, given, k: int) -> torch.Tensor:
    """Hidden states of one re-weighted branch, from the paper's formula."""
    sequence, signal = model.embed(given)
    weights, _ = model.weight_generator(given.signals)
    return model.backbone(sequence + weights[:, :, k].unsqueeze(1) * signal)


def _head(model: ExpressionModel, hidden: torch.Tensor, given) -> torch.Tensor:
    middle = hidden.shape[1] // 2
    pooled = hidden[:, middle - 32 : middle + 32].mean(1)
    return model.head(pooled, given.features)[0]


@pytest.mark.parametrize("method", ["prism", "infer"])
def test_the_intervention_is_the_mean_of_states_or_of_predictions(method: str) -> None:
    torch.manual_seed(1)
    model = build(method, SMALL, INPUTS).eval()
    with torch.no_grad():  # states so far apart that the order of mean and head shows
        model.weight_generator.projector.weight *= 100
        model.embed.signal.weight *= 20
        model.head.mlp[0].weight *= 20
    given = batch()
    hidden = [_branch_by_hand(model, given, k) for k in range(2)]
    states = _head(model, torch.stack(hidden).mean(0), given)
    predictions = torch.stack([_head(model, h, given) for h in hidden]).mean(0)
    found = model(given, branches=True).extras["intervention"]
    wanted, other = (states, predictions) if method == "prism" else (predictions, states)
    torch.testing.assert_close(found, wanted)
    assert not torch.allclose(found, other, rtol=1e-4, atol=0)


def test_learned_weights_give_the_intervention_and_their_mean() -> None:
    model = made().eval()
    given = batch()
    output = Reweighted(model)(given)
    hidden = torch.stack([_branch_by_hand(model, given, k) for k in range(2)]).mean(0)
    torch.testing.assert_close(output.prediction, _head(model, hidden, given))
    weights, _ = model.weight_generator(given.signals)
    torch.testing.assert_close(output.extras["weights"], weights)
    assert not torch.allclose(output.prediction, model(given).prediction)
    with pytest.raises(UserError, match="learns no weights"):
        Reweighted(made(intervention_weight=0.0))


def _theirs(name: str) -> str:
    """A tensor's name in the authors' files."""
    for ours, known in (
        ("head.mlp.", "pToExpr."),
        ("embed.sequence.", "seq_input_layer."),
        ("embed.signal.", "signal_input_layer."),
        ("backbone.", "caduceus.backbone."),
        ("weight_generator.cnn.", "weight_generator.cnn_encoder."),
        ("weight_generator.projector.", "weight_generator.weight_projector.0."),
        (".ahead.", ".mamba_fwd."),
        (".back.", ".mamba_rev."),
        (".mixer.in_proj.", ".mixer.mamba_fwd.in_proj."),
        (".mixer.out_proj.", ".mixer.mamba_fwd.out_proj."),
    ):
        name = name.replace(ours, known)
    return name
