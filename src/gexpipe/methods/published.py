"""Options of the architectures, without torch: types, published defaults, legal values."""

from __future__ import annotations

from dataclasses import dataclass

from gexpipe.bins.classes import CLASSES, KEPT
from gexpipe.errors import UserError
from gexpipe.methods.options import fraction, least, one_of, suggestion

ELEMENT_FEATURES = ("distance", "contact", "activity")


@dataclass(frozen=True)
class BackboneOptions:
    """Size and initialisation of a stack of Mamba blocks.

    Attributes
    ----------
    d_model, layers, d_state, d_conv, expand : int
        Width, number of blocks, state dimensions, convolution taps, inner width / d_model.
    init_layers : int
        Output projections start divided by the square root of this number. The published Seq2Exp
        leaves it at its library's default, 64; the Caduceus and Mamba baselines use their depth.
    """

    d_model: int = least(128, 1)
    layers: int = least(4, 1)
    d_state: int = least(16, 1)
    d_conv: int = least(4, 1)
    expand: int = least(2, 1)
    init_layers: int = least(4, 1)


@dataclass(frozen=True)
class WindowOptions(BackboneOptions):
    """Options of every backbone on a window; sizes as `BackboneOptions`.

    Attributes
    ----------
    center : int
        Central bases whose hidden states are averaged.
    """

    center: int = least(2000, 1)


@dataclass(frozen=True)
class CaduceusOptions(WindowOptions):
    """Options of `Caduceus`.

    Attributes
    ----------
    signal_retention : float
        Share of signal values kept in training, drawn independently; the others are zero and the
        kept ones scaled up (Prism, appendix L). 1 keeps all.
    """

    signal_retention: float = fraction(1.0)


@dataclass(frozen=True)
class MambaOptions(WindowOptions):
    """Options of `Mamba`; as `WindowOptions`."""


@dataclass(frozen=True)
class HyenaSizes:
    """Sizes of a stack of Hyena blocks.

    Attributes
    ----------
    d_model, layers, expand : int
        Width, number of blocks, hidden width of a block's MLP / d_model.
    filter_width : int
        Hidden width of the network that gives the long filter.
    filter_bands : int
        Sine and cosine waves of the position that this network reads, beside the position itself.
    filter_frequency : float
        Initial frequency of its sine activations.
    short_taps : int
        Taps of the short convolution in front of the gates.
    embedding_dropout : float
        Share of embedding values dropped in training.
    """

    d_model: int = least(128, 1)
    layers: int = least(4, 1)
    expand: int = least(4, 1)
    filter_width: int = least(64, 1)
    filter_bands: int = least(2, 1)
    filter_frequency: float = least(10.0, 0)
    short_taps: int = least(3, 1)
    embedding_dropout: float = fraction(0.1)


@dataclass(frozen=True)
class HyenaOptions(HyenaSizes):
    """Options of `Hyena`; sizes as `HyenaSizes`.

    Attributes
    ----------
    center : int
        Central bases whose hidden states are averaged.
    """

    center: int = least(2000, 1)


@dataclass(frozen=True)
class EnformerOptions:
    """Options of `Enformer`; the first ones as enformer-pytorch names them.

    Attributes
    ----------
    dim, depth, heads, attn_dim_key : int
        Width, attention layers, heads, width of a head's keys.
    num_downsamples : int
        Poolings by 2 in front of the attention layers; 3 or more.
    target_length : int
        Central positions of 2^num_downsamples bp that are averaged.
    dropout_rate, attn_dropout, pos_dropout : float
        Shares dropped in training: of values, attention weights, position features.
    use_tf_gamma : bool
        The position features that the weights pretrained with TensorFlow expect (1,536 positions).
    hidden : int
        Width of the MLP.
    """

    dim: int = least(1536, 1)
    depth: int = least(11, 1)
    heads: int = least(8, 1)
    attn_dim_key: int = least(64, 1)
    num_downsamples: int = least(7, 3)
    target_length: int = least(896, 1)
    dropout_rate: float = fraction(0.4)
    attn_dropout: float = fraction(0.05)
    pos_dropout: float = fraction(0.01)
    use_tf_gamma: bool = False
    hidden: int = least(128, 1)

    def check(self, where: str) -> None:
        """Raise a `UserError` for sizes that enformer-pytorch cannot build.

        It rounds widths to 128 and has six kinds of position features.
        """
        if self.dim % 128 or self.dim < 256:
            raise UserError(f"{self.dim}, expected a multiple of 128 from 256 on", f"{where}.dim")
        if self.dim % self.heads or (self.dim // self.heads) % 6:
            found = f"{self.heads} heads for a width of {self.dim}"
            raise UserError(f"{found}, expected dim / heads a multiple of 6", f"{where}.heads")

    def check_length(self, length: int, where: str = "") -> None:
        """Raise a `UserError` for a window shorter than what is averaged."""
        least = self.target_length << self.num_downsamples
        if length < least:
            raise UserError(f"{length} bp, expected at least {least}", f"{where}inputs.length")


@dataclass(frozen=True)
class PriorOptions:
    """How the mask's Beta distributions are made.

    Attributes
    ----------
    prior_weight, prior_beta : tuple of float
        Weight and beta of each signal's Beta, in the order of the signals. The published values
        are for H3K27ac, DNase and contact.
    prior_scale, beta_min : float
        Signal alpha = (signal + beta_min) prior_scale, beta = (prior_beta + beta_min) prior_scale;
        beta_min is also added to both parameters of the sequence's Beta.
    subtract_one : bool
        Multiply the two densities (alpha1 + alpha2 - 1), as the paper writes; the published code
        adds the parameters.
    """

    prior_weight: tuple[float, ...] = (2.0, 2.0, 1.0)
    prior_beta: tuple[float, ...] = (1.5, 0.2, 1.0)
    prior_scale: float = least(10.0, 0)
    beta_min: float = least(1.0, 0)
    subtract_one: bool = False


@dataclass(frozen=True)
class MaskOptions(PriorOptions):
    """How the mask is made and trained.

    Attributes
    ----------
    marginal_mean, marginal_scale : float
        The KL term pulls towards Beta(s, s (1 - mean) / mean).
    kl_weight : float
        Weight of the KL term in the loss.
    """

    marginal_mean: float = fraction(0.1)
    marginal_scale: float = least(10.0, 0)
    kl_weight: float = least(0.01, 0)


@dataclass(frozen=True)
class MACS3Options(WindowOptions):
    """Options of `MACS3Mask`; as `WindowOptions`, initialised as Seq2Exp is."""

    init_layers: int = least(64, 1)


@dataclass(frozen=True)
class Seq2ExpSoftOptions(MaskOptions, WindowOptions):
    """Options of `Seq2ExpSoft`; see `MaskOptions` and `BackboneOptions`.

    Attributes
    ----------
    generator_layers : int
        Blocks of the generator; ``layers`` are the predictor's.
    """

    init_layers: int = least(64, 1)
    generator_layers: int = least(4, 1)


@dataclass(frozen=True)
class Seq2ExpHardOptions(MaskOptions, WindowOptions):
    """Options of `Seq2ExpHard`; see `MaskOptions` and `BackboneOptions`.

    Attributes
    ----------
    threshold : float
        A base is kept when its z (in evaluation the mean of z) is at least this.
    straight_through : bool
        Multiply kept embeddings by the straight-through mask, whose value is 1, so that the
        prediction loss trains the mask, as the paper describes. In the published code only the KL
        term does.
    """

    init_layers: int = least(64, 1)
    prior_scale: float = least(1.0, 0)
    beta_min: float = least(0.0, 0)
    marginal_mean: float = fraction(0.45)
    marginal_scale: float = least(0.1, 0)
    threshold: float = fraction(0.5)
    straight_through: bool = False


@dataclass(frozen=True)
class Seq2ExpRetrainOptions(PriorOptions, WindowOptions):
    """Options of `Seq2ExpRetrain`; those of the mask as in the run that it comes from.

    Attributes
    ----------
    generator_layers : int
        Blocks of the mask's generator; ``layers`` are the predictor's.
    share : float
        Share of the window's bases that are kept.
    """

    init_layers: int = least(64, 1)
    generator_layers: int = least(4, 1)
    share: float = fraction(0.1)

    def check_length(self, length: int, where: str = "") -> None:
        """Raise a `UserError` for a share smaller than what is always kept.

        The central bases have the largest mask, all the same: which of them a smaller share keeps
        would be an accident.
        """
        kept, always = int(self.share * length), min(self.center, length)
        if kept < always:
            found = f"{self.share} keeps {kept} of {length} bases"
            raise UserError(
                f"{found}, expected at least the central {always}, which are always kept",
                f"{where}model.share",
            )


@dataclass(frozen=True)
class PrismOptions(WindowOptions):
    """Options of `Prism`; sizes as `WindowOptions`.

    Attributes
    ----------
    n_context : int
        Weight vectors a gene (n of the paper).
    cnn_width : int
        Channels of the first convolution on the signals; the next have 2 and 4 times as many.
    weight_activation : str
        ``sigmoid`` (published), or ``softmax`` over the model's dimensions.
    intervention_weight, uniformity_weight : float
        Weights of the loss terms (alpha and beta of the paper). Without intervention (alpha 0)
        there is no weight generator and beta is not read: Caduceus on the sum of the embeddings.
    kernel_t : float
        Sharpness t of the uniformity term's Gaussian kernel.
    """

    n_context: int = least(2, 1)
    cnn_width: int = least(8, 1)
    weight_activation: str = one_of("sigmoid", "sigmoid", "softmax")
    intervention_weight: float = least(1.0, 0)
    uniformity_weight: float = least(1.0, 0)
    kernel_t: float = least(2.0, 0)


@dataclass(frozen=True)
class EnhancerEncoderOptions:
    """Options of `EnhancerEncoder`.

    Attributes
    ----------
    encoder_widths : tuple of int
        Channels of the encoder's stem and four stages; as in EPInformer's.
    mlp_width : int
        Width of the two hidden layers.
    dropout : float
        Share of hidden values dropped in training.
    """

    encoder_widths: tuple[int, ...] = (256, 128, 64, 64, 128)
    mlp_width: int = least(256, 1)
    dropout: float = fraction(0.1)


@dataclass(frozen=True)
class EPInformerOptions:
    """Options of `EPInformer`.

    Attributes
    ----------
    slot : int
        Bases of an element slot.
    encoder_widths : tuple of int
        Channels of the encoder's stem and four stages.
    summary_widths : tuple of int
        Channels of the three dilated convolutions and the last one.
    d_model, heads, layers : int
        Width, heads and number of attention layers.
    hidden : int
        Hidden width of the head.
    element_features : tuple of str
        Which of distance, contact, activity are joined to an element.
    element_units : str
        Their units: ``scaled`` (kb, log10(1 + contact), activity), or ``plain`` (bp, contact,
        activity), as in EPInformer's repository since 2026.
    distal : bool
        Read the distal elements; without them the promoter is all there is.
    promoter_slot : str
        Element features of the promoter's own slot: ``zeros``, or ``ones`` (the repository).
    promoter_signal : str
        Promoter activity: ``raw``, the last of the gene features as it is; ``log`` (the
        repository), log(1 + x) there and as the activity of the promoter's slot; ``none``, left
        out of the gene features.
    summary_norm : bool
        Batch norms in the convolutions after the encoder; none in the repository's training.
    freeze_encoder : bool
        Keep the encoder's weights as they were taken over (``start_from``); its batch norms still
        follow the batches, as in the repository.
    """

    slot: int = least(2000, 1)
    encoder_widths: tuple[int, ...] = (256, 128, 64, 64, 128)
    summary_widths: tuple[int, ...] = (64, 64, 64, 32)
    d_model: int = least(64, 1)
    heads: int = least(4, 1)
    layers: int = least(3, 1)
    hidden: int = least(128, 1)
    element_features: tuple[str, ...] = ELEMENT_FEATURES
    element_units: str = one_of("scaled", "scaled", "plain")
    distal: bool = True
    promoter_slot: str = one_of("zeros", "zeros", "ones")
    promoter_signal: str = one_of("raw", "raw", "log", "none")
    summary_norm: bool = True
    freeze_encoder: bool = False

    def check(self, where: str) -> None:
        """Raise a `UserError` for a feature that no element has, or a signal without its place."""
        if self.promoter_signal == "log" and "activity" not in self.element_features:
            found = "log puts it on the activity of the promoter's slot: add activity"
            raise UserError(found, f"{where}.element_features")
        for name in self.element_features:
            if name not in ELEMENT_FEATURES:
                known = suggestion(name, ELEMENT_FEATURES)
                raise UserError(f"{name!r}; {known}", f"{where}.element_features")


@dataclass(frozen=True)
class GTAOptions:
    """Options of `GTA`; the defaults are the paper's.

    Attributes
    ----------
    backbone : str
        Folder of a language model with its tokenizer, or its id on a hub.
    blocks : int
        First blocks of it that are kept.
    dtype : str
        Of its weights: bfloat16, float16 or float32.
    bins : int
        Bins around the TSS, odd; at most those of the feature store.
    standardise : bool
        Give features with mean 0 and variance 1 over all stored bins, instead of as they are.
    prompt : bool
        Whether the gene's annotation precedes the bins.
    context : int
        Tokens of prompt and bins together; a longer prompt is cut.
    words : tuple of str
        Names of the extractor's features; empty for Sei's 33 classes.
    vocabulary_prototypes, word_prototypes : int
        Linear combinations of all tokens, and of the tokens of the names.
    heads, key_width : int
        Of the cross-attention; the width is that of all heads together.
    selected : int
        Bins whose final activations are read.
    prompt_cache : float
        Gigabytes of device memory for keys and values of prompts, kept from epoch to epoch.
    """

    backbone: str = "meta-llama/Meta-Llama-3-8B"
    blocks: int = least(8, 1)
    dtype: str = one_of("bfloat16", "bfloat16", "float16", "float32")
    bins: int = least(251, 1)
    standardise: bool = False
    prompt: bool = True
    context: int = least(2048, 1)
    words: tuple[str, ...] = ()
    vocabulary_prototypes: int = least(50, 1)
    word_prototypes: int = least(50, 1)
    heads: int = least(8, 1)
    key_width: int = least(32, 1)
    selected: int = least(25, 1)
    prompt_cache: float = least(0.0, 0)

    def check(self, where: str) -> None:
        """Raise a `UserError` for values that do not fit together."""
        if self.bins < 1 or self.bins % 2 == 0:
            raise UserError(f"{self.bins}, expected an odd number of bins", f"{where}.bins")
        if not 1 <= self.selected <= self.bins:
            raise UserError(f"{self.selected}, expected 1 to bins", f"{where}.selected")
        if self.context < self.bins:
            raise UserError(f"{self.context}, expected at least bins", f"{where}.context")
        if self.key_width % self.heads:
            raise UserError(f"{self.key_width} is no multiple of heads", f"{where}.key_width")

    def feature_words(self) -> tuple[str, ...]:
        """Names of the extractor's features."""
        return self.words or tuple(CLASSES[i].name for i in KEPT)
