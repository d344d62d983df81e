"""Random recipes, models and batches, for what must hold whatever the recipe."""

from __future__ import annotations

import torch
from hypothesis import strategies as st
from torch import Tensor, nn

from earmark.core.vocabulary import Vocabulary
from earmark.models.keyword_models import KeywordModel, build
from earmark.models.padding import padding_mask
from earmark.models.speech_encoders.conv import MaskedBatchNorm
from earmark.recipe import Attention, ConvLayer, KeywordModelSettings, LogMeanExp, Maximum

FEATURES = 5
WORDS = Vocabulary(["dog", "ọmọ", "red house"])
SEED = st.integers(0, 2**31)
LENGTHS = st.lists(st.integers(1, 50), min_size=1, max_size=4).map(torch.tensor)
CLOSE = {"atol": 1e-9, "rtol": 1e-9}


@st.composite
def encoders(draw: st.DrawFn, last: int | str = 4, most: int = 3) -> list[ConvLayer]:
    """Layers of all kinds, the last with a given number of channels."""
    layers: list[ConvLayer] = []
    for channels in [*draw(st.lists(st.integers(1, 4), max_size=most - 1)), last]:
        fits = bool(layers) and layers[-1].channels == channels
        residual = fits and draw(st.booleans())
        layers.append(
            ConvLayer(
                channels=channels,
                kernel=draw(st.sampled_from([1, 3, 5, 7])),
                stride=1 if residual else draw(st.integers(1, 3)),
                norm=draw(st.booleans()),
                relu=draw(st.booleans()),
                dropout=draw(st.sampled_from([0.0, 0.5])),
                residual=residual,
                pool=draw(st.sampled_from([1, 1, 2, 3])),
            )
        )
    return layers


FRAME_SCORES = st.builds(
    KeywordModelSettings,
    encoder=encoders("keywords"),
    pooling=st.builds(LogMeanExp, r=st.floats(0.1, 10)),
    classifier=st.none(),
)
JUDGED = st.builds(
    KeywordModelSettings,
    encoder=encoders(4),
    pooling=st.sampled_from([Maximum(kind="max"), Attention(kind="attention")]),
    classifier=st.lists(st.integers(1, 6), max_size=2),
)
MODELS = st.one_of(FRAME_SCORES, JUDGED)
PSC = KeywordModelSettings(encoder=[ConvLayer(channels="keywords", kernel=3, relu=False)], pooling=LogMeanExp(r=1.2))
CNN_POOL = KeywordModelSettings(
    encoder=[ConvLayer(channels=4, kernel=3, pool=3)], pooling=Maximum(kind="max"), classifier=[6]
)
CNN_ATTEND = KeywordModelSettings(
    encoder=[ConvLayer(channels=4, kernel=3)], pooling=Attention(kind="attention"), classifier=[6]
)


def fresh(recipe: KeywordModelSettings, seed: int = 0) -> KeywordModel:
    """A model in double precision whose batch norms have seen something."""
    torch.manual_seed(seed)
    model = build(recipe, FEATURES, WORDS).double()
    for part in model.modules():
        if isinstance(part, MaskedBatchNorm):
            nn.init.normal_(part.running_mean)
            nn.init.uniform_(part.running_var, 0.5, 2)
            nn.init.normal_(part.bias)
    return model.eval()


def batch(lengths: Tensor, seed: int = 0) -> Tensor:
    """Features with rubbish where they are padded; the padding goes beyond the longest."""
    rng = torch.Generator().manual_seed(seed)
    shape = (len(lengths), int(lengths.max()) + 3, FEATURES)
    features = torch.randn(shape, generator=rng, dtype=torch.float64)
    return torch.where(padding_mask(lengths, shape[1])[:, :, None], features, 1000 * features)
