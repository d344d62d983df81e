"""What holds for every speech encoder and image encoder that is found."""

from __future__ import annotations

import pytest
import torch

from earmark.core import registry
from earmark.core.errors import EarmarkError
from earmark.core.timing import FEATURE_GRID
from earmark.models.image_encoders import ImageEncoder, build_image_encoder
from earmark.models.speech_encoders import SpeechEncoder, build_speech_encoder
from earmark.recipe import ImageEncoderSettings, SpeechEncoderSettings, read_recipe

SPEECH, IMAGES = registry.kinds(registry.SPEECH_ENCODERS), registry.kinds(registry.IMAGE_ENCODERS)
SMALL = {"conv": {"layers": [{"channels": 4, "kernel": 3}]}, "cpc": {"channels": 4, "context": [4], "lstm": [3]}}


def test_the_shipped_kinds_are_found() -> None:
    assert {"conv", "cpc"} <= set(SPEECH)
    assert {"small", "pretrained"} <= set(IMAGES)


@pytest.mark.parametrize(
    ("package", "kind", "base"),
    [(registry.SPEECH_ENCODERS, kind, SpeechEncoderSettings) for kind in SPEECH]
    + [(registry.IMAGE_ENCODERS, kind, ImageEncoderSettings) for kind in IMAGES],
)
def test_a_kind_has_settings_of_its_name_and_says_what_it_is(package: str, kind: str, base: type) -> None:
    module = registry.module_of(package, kind)
    assert module.__doc__
    assert issubclass(module.Settings, base)
    assert module.Settings.model_fields["kind"].default == kind


@pytest.mark.parametrize("kind", SPEECH)
def test_a_speech_encoder_gives_frames_of_its_dimension_on_its_grid(kind: str) -> None:
    settings = registry.module_of(registry.SPEECH_ENCODERS, kind).Settings(**SMALL.get(kind, {}))
    encoder = build_speech_encoder(settings, 5, 6, FEATURE_GRID).eval()
    assert isinstance(encoder, SpeechEncoder)
    lengths = torch.tensor([40, 20])
    frames, counts = encoder(torch.randn(2, 40, 5), lengths)
    assert frames.shape[2] == encoder.dimension == 6
    assert encoder.feature_grid == FEATURE_GRID
    assert counts.tolist() == (lengths * FEATURE_GRID.stride // encoder.grid.stride).tolist()


def test_an_image_encoder_gives_pixels_of_its_dimension() -> None:
    encoder = build_image_encoder(registry.module_of(registry.IMAGE_ENCODERS, "small").Settings(side=32), 6).eval()
    assert isinstance(encoder, ImageEncoder)
    assert encoder(torch.zeros(2, 3, 32, 32)).shape == (2, 4, 4, 6)


def test_an_unknown_kind_is_named_with_those_there_are() -> None:
    with pytest.raises(
        EarmarkError, match=r"the key 'model\.speech\.kind' can't be 'lstm': it should be 'conv', 'cpc'"
    ):
        read_recipe("earmark-pictures", ["model.speech.kind=lstm"])
