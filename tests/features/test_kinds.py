"""What holds for every feature kind that is found."""

from __future__ import annotations

import pytest

from earmark.core import registry
from earmark.core.errors import EarmarkError
from earmark.features.base import FeatureExtractor
from earmark.recipe import FeatureSettings, read_recipe

KINDS = registry.kinds(registry.FEATURES)


def test_the_shipped_kinds_are_found() -> None:
    assert {"log-mel", "mfcc", "pretrained"} <= set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_has_settings_of_its_name_and_says_what_it_is(kind: str) -> None:
    module = registry.module_of(registry.FEATURES, kind)
    assert module.__doc__
    assert issubclass(module.Settings, FeatureSettings)
    assert module.Settings.model_fields["kind"].default == kind
    assert callable(module.build)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "pretrained"])
def test_an_extractor_states_what_its_frames_are(kind: str) -> None:
    module = registry.module_of(registry.FEATURES, kind)
    extractor = module.build(module.Settings())
    assert isinstance(extractor, FeatureExtractor)
    assert extractor.dimension > 0
    assert extractor.grid.stride > 0
    assert extractor.context in ("local", "global")


def test_an_unknown_kind_is_named_with_those_there_are() -> None:
    with pytest.raises(EarmarkError, match=r"the key 'features\.kind' can't be 'mffc': it should be 'log-mel', 'mfcc'"):
        read_recipe("earmark", ["features.kind=mffc"])


def test_the_key_of_a_kind_is_named_when_it_is_wrong() -> None:
    with pytest.raises(EarmarkError, match=r"'features\.mel_filtres'; did you mean 'mel_filters'\?"):
        read_recipe("earmark", ["features.mel_filtres=20"])
