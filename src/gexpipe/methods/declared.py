"""What each architecture declares, without torch: every question about a method is asked here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gexpipe.errors import UserError
from gexpipe.methods import gene_features, published
from gexpipe.methods.external import ExternalOptions
from gexpipe.methods.extracted import RidgeOptions, ZeroShotOptions
from gexpipe.methods.options import parse, suggestion
from gexpipe.methods.outside import announced, load, source_digest

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["DATA", "DECLARED", "SCORES", "Declaration", "declaration", "model_table"]

# What a method may be given -> what that is.
DATA = {
    "windows": "window stores, and the element store where its inputs say so",
    "bins": "stores of bins, and prompts where its options say so",
    "element_activity": "candidate elements: bases and activity",
    "gene_features": "numbers of genes and of their elements; no store",
    "examples": "the example table, and what its command asks for",
    "extracted": "what a model of others says at the TSS (extractors of the configuration)",
}
# Scores of bases or elements that a method may offer.
SCORES = ("mask", "saliency", "perturbation", "attention")
_ON_WINDOWS = ("saliency", "perturbation")


@dataclass(frozen=True)
class Declaration:
    """What the workflow must know of an architecture before it is built.

    Attributes
    ----------
    name : str
        As ``architecture`` in a method's file.
    options : type
        Frozen dataclass of its ``model`` section: types, defaults, legal values.
    model : str
        ``module:Class`` of the network, a `gexpipe.models.base.ExpressionModel`; empty for a
        baseline that is fitted (`gexpipe baseline`).
    reads : str
        Key of `DATA`.
    scores : tuple of str
        Of `SCORES`: what a trained model can say of bases or elements.
    starts_from : str
        Architecture whose trained weights it can take over; empty for none.
    needs_start : bool
        It cannot be trained without them.
    shows : tuple of str
        Figures that a trained model of it alone can give: ``weights`` of its signals, ``motifs`` of
        its encoder.
    """

    name: str
    options: type
    model: str = ""
    reads: str = "windows"
    scores: tuple[str, ...] = ()
    starts_from: str = ""
    needs_start: bool = False
    shows: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.reads not in DATA:
            raise UserError(f"reads {self.reads!r}; {suggestion(self.reads, DATA)}", self.name)
        for score in self.scores:
            if score not in SCORES:
                raise UserError(f"scores {score!r}; {suggestion(score, SCORES)}", self.name)

    @property
    def trained(self) -> bool:
        """Whether it is a network with checkpoints, not a fitted baseline."""
        return bool(self.model)

    def parse(self, options: Mapping[str, Any], where: str) -> Any:
        """Options as an object of ``options``; a `UserError` names what is unknown or illegal."""
        return parse(self.options, options, where)

    @property
    def fitted(self) -> bool:
        """Whether `gexpipe baseline train` fits it."""
        return not self.model and self.reads == "gene_features"

    @property
    def source(self) -> str:
        """Digest of its source where that is not this package's: part of what a run is."""
        return source_digest(self.model)

    def load(self) -> Any:
        """The network's class; imports torch."""
        return load(self.model)


def _network(name: str, options: type, place: str, *scores: str, **more: Any) -> Declaration:
    return Declaration(name, options, f"gexpipe.models.{place}", scores=scores, **more)


_CADUCEUS = "a file or folder of a pre-trained Caduceus"
_ALL = (
    _network("enformer", published.EnformerOptions, "enformer:Enformer", *_ON_WINDOWS,
             starts_from="a folder of enformer-pytorch"),
    _network("hyena", published.HyenaOptions, "hyena:Hyena", *_ON_WINDOWS),
    _network("mamba", published.MambaOptions, "mamba:Mamba", *_ON_WINDOWS),
    _network("caduceus", published.CaduceusOptions, "caduceus:Caduceus", *_ON_WINDOWS,
             starts_from=_CADUCEUS),
    _network("macs3", published.MACS3Options, "masked:MACS3Mask", "mask", *_ON_WINDOWS),
    _network("seq2exp_soft", published.Seq2ExpSoftOptions, "seq2exp:Seq2ExpSoft",
             "mask", *_ON_WINDOWS),
    _network("seq2exp_hard", published.Seq2ExpHardOptions, "seq2exp_hard:Seq2ExpHard",
             "mask", *_ON_WINDOWS),
    _network("seq2exp_retrain", published.Seq2ExpRetrainOptions, "seq2exp_retrain:Seq2ExpRetrain",
             "mask", *_ON_WINDOWS, starts_from="seq2exp_soft", needs_start=True),
    _network("prism", published.PrismOptions, "prism:Prism", *_ON_WINDOWS,
             starts_from=_CADUCEUS, shows=("weights",)),
    _network("infer", published.PrismOptions, "infer:InFER", *_ON_WINDOWS,
             starts_from=_CADUCEUS, shows=("weights",)),
    _network("epinformer", published.EPInformerOptions, "epinformer:EPInformer",
             "perturbation", "attention", starts_from="enhancer_encoder"),
    _network("enhancer_encoder", published.EnhancerEncoderOptions,
             "enhancer_encoder:EnhancerEncoder", reads="element_activity", shows=("motifs",)),
    _network("epinformer_features", gene_features.EPInformerFeaturesOptions,
             "epinformer_features:EPInformerFeatures", reads="gene_features"),
    _network("gta", published.GTAOptions, "gta:GTA", reads="bins"),
    *(
        Declaration(name, gene_features.GeneFeatureOptions, reads="gene_features")
        for name in ("linear", "boosted")
    ),
    Declaration("external", ExternalOptions, reads="examples"),
    Declaration("zero_shot", ZeroShotOptions, reads="extracted"),
    Declaration("ridge", RidgeOptions, reads="extracted"),
)  # fmt: skip
# architecture -> its declaration.
DECLARED = {found.name: found for found in _ALL}


def declaration(architecture: str) -> Declaration:
    """The declaration of an architecture.

    Parameters
    ----------
    architecture : str
        A key of `DECLARED`; a name that an installed package announces (`gexpipe.methods.outside`);
        or ``module:NAME`` of code outside this package, importable or in the working directory: a
        `Declaration`, or a model class with ``Options`` (and, where they differ, ``reads``,
        ``scores``, ``starts_from``, ``needs_start``).

    Raises
    ------
    UserError
        It does not exist, with the nearest name that does.
    """
    if architecture in DECLARED:
        return DECLARED[architecture]
    place = announced().get(architecture, architecture)
    if ":" not in place:
        known = suggestion(architecture, [*DECLARED, *announced()])
        raise UserError(f"unknown architecture {architecture!r}; {known}", "architecture")
    found = load(place)
    if isinstance(found, Declaration):
        return found
    if not isinstance(getattr(found, "Options", None), type):
        raise UserError("neither a Declaration nor a class with Options", place)
    kept = ("reads", "scores", "starts_from", "needs_start", "shows")
    said = {key: getattr(found, key) for key in kept if hasattr(found, key)}
    return Declaration(architecture, found.Options, place, **said)


def model_table() -> pd.DataFrame:
    """What architectures there are: a row each, without torch.

    Returns
    -------
    DataFrame
        Index architecture; reads (windows, bins, element_activity, gene_features), scores that it
        offers, starts_from, options with the published defaults (a dict).
    """
    import pandas as pd

    rows = {
        name: {
            "reads": found.reads,
            "scores": ", ".join(found.scores),
            "starts_from": found.starts_from,
            "options": vars(found.options()),
        }
        for name, found in DECLARED.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("architecture")
