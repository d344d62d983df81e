"""Feature kinds and image networks whose weights ship inside packages."""

from __future__ import annotations

import pickle
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from earmark.core.errors import EarmarkError
from earmark.core.packaged import PackagedFile
from earmark.core.timing import HOP_SAMPLES, SAMPLE_RATE, layer_frames
from earmark.features import resolve
from earmark.features.base import FeatureExtractor
from earmark.features.efficientnet_lite import VARIANTS, LiteMap, SamePaddedConv, read_efficientnet_lite, squares
from earmark.features.kinds import moonshine, speech_embedding
from earmark.features.onnx import OnnxNetwork

PHOTOS = Path(__file__).parents[3] / "shared" / "data" / "photos" / "images"
DOGS = range(151, 269)  # classes of ImageNet


def needs(*files: PackagedFile) -> pytest.MarkDecorator:
    names = ", ".join(file.distribution for file in files if not file.installed())
    missing = names or ("" if find_spec("onnxruntime") else "onnxruntime")
    return pytest.mark.skipif(bool(missing), reason=f"{missing} is not installed")


def noise(seconds: float, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (0.05 * rng.standard_normal(round(seconds * SAMPLE_RATE))).astype(np.float32)


def tones(start_s: float, seconds: float = 3.0) -> np.ndarray:
    """Three tones in a little noise, from `start_s` on."""
    waveform = noise(seconds) / 50
    for i, hertz in enumerate((300.0, 900.0, 500.0)):
        first = round((start_s + 0.15 * i) * SAMPLE_RATE)
        waveform[first : first + 2400] += 0.3 * np.sin(2 * np.pi * hertz * np.arange(2400) / SAMPLE_RATE)
    return waveform.astype(np.float32)


EXTRACTORS = [
    pytest.param(lambda: moonshine.Moonshine("tiny"), marks=needs(moonshine.FILES["tiny"]), id="moonshine-tiny"),
    pytest.param(lambda: moonshine.Moonshine("base"), marks=needs(moonshine.FILES["base"]), id="moonshine-base"),
    pytest.param(
        speech_embedding.SpeechEmbedding,
        marks=needs(speech_embedding.MEL, speech_embedding.EMBEDDING),
        id="speech-embedding",
    ),
]


@pytest.fixture(params=EXTRACTORS)
def extractor(request: pytest.FixtureRequest) -> FeatureExtractor:
    built: FeatureExtractor = request.param()
    return built


@pytest.mark.parametrize("samples", [0, 1, 639, 640, 641, 12_345])
def test_every_length_has_frames_of_numbers(extractor: FeatureExtractor, samples: int) -> None:
    features = extractor(noise(1.0)[:samples])
    assert features.shape[1] == extractor.dimension
    assert len(features) >= 1
    assert features.isfinite().all()


def test_features_have_mean_0_and_variance_1(extractor: FeatureExtractor) -> None:
    features = extractor(tones(0.5)).double()
    assert features.mean(0).abs().max() < 1e-5
    assert ((features.std(0, correction=0) - 1).abs() < 1e-3).float().mean() > 0.95  # but for constants


def test_a_sound_that_comes_later_has_its_frames_later(extractor: FeatureExtractor) -> None:
    shift_s = 16 * extractor.grid.stride_s
    early, late = extractor.raw(tones(0.7)), extractor.raw(tones(0.7 + shift_s))
    first, end = (extractor.grid.nearest_frame(time_s) for time_s in (0.7, 1.15))
    errors = [
        (early[first:end] - late[first + lag : end + lag]).square().mean() for lag in range(32) if end + lag < len(late)
    ]
    assert int(torch.stack(errors).argmin()) == 16


def test_an_extractor_goes_to_another_process(extractor: FeatureExtractor) -> None:
    waveform = noise(0.5)
    copy = pickle.loads(pickle.dumps(extractor))
    assert torch.equal(copy(waveform), extractor(waveform))


def test_an_extractor_says_what_it_learned_from(extractor: FeatureExtractor) -> None:
    assert "English" in extractor.learned_from
    assert extractor.licence


@needs(moonshine.FILES["tiny"])
@pytest.mark.parametrize("samples", [895, 5000, 16_000, 70_001])
def test_moonshine_has_a_frame_for_each_step_of_its_convolutions(samples: int) -> None:
    frames = samples
    for kernel, stride in moonshine.CONVOLUTIONS:
        frames = layer_frames(frames, kernel, stride)
    assert len(moonshine.Moonshine()(noise(5.0)[:samples])) == frames


@needs(moonshine.FILES["tiny"])
def test_moonshine_is_the_network_in_its_file() -> None:
    waveform = noise(1.0)
    network = OnnxNetwork(moonshine.FILES["tiny"].find(""))
    expected = network(input_values=waveform[None], attention_mask=np.ones((1, len(waveform)), np.int64))[0]
    assert np.array_equal(moonshine.Moonshine().raw(waveform).numpy(), expected)


@needs(speech_embedding.MEL, speech_embedding.EMBEDDING)
@pytest.mark.parametrize("step", [1, 4, 8])
def test_an_embedding_lies_at_the_centre_of_what_it_is_computed_from(step: int) -> None:
    extractor = speech_embedding.SpeechEmbedding(step)
    waveform = noise(2.0)
    waveform[3200:3210] = 0.9  # the loudest sound, from which the floor of all energies is counted
    whole = extractor.raw(waveform)
    assert len(whole) == -(-len(waveform) // (step * HOP_SAMPLES))
    # Another sample changes the frames whose field holds it, and no others.
    place = 16_000
    other = waveform.copy()
    other[place : place + 200] += 0.2
    differences = (extractor.raw(other) - whole).abs().amax(1)
    changed = torch.nonzero(differences > 1e-3).flatten()
    centres_s = extractor.grid.centre_s(changed)
    middle_s = (place + 100) / SAMPLE_RATE
    assert abs(float(centres_s.float().mean()) - middle_s) <= extractor.grid.stride_s
    assert (centres_s - middle_s).abs().max() <= extractor.grid.field_s / 2 + 0.01


def test_same_padding_is_as_worked_out_by_hand() -> None:
    conv = SamePaddedConv(1, 1, 3, 2, bias=False)
    torch.nn.init.ones_(conv.weight)
    picture = torch.arange(16.0).view(1, 1, 4, 4)
    # 4 places in steps of 2 need one more row and column, at the bottom and the right: windows begin at 0 and 2.
    assert conv(picture)[0, 0].tolist() == [[45.0, 39.0], [66.0, 50.0]]


@pytest.mark.parametrize("name", [pytest.param(name, marks=needs(VARIANTS[name].file)) for name in VARIANTS])
def test_efficientnet_takes_every_weight_and_recognises_dogs(name: str) -> None:
    network = read_efficientnet_lite(name)
    weights = torch.load(VARIANTS[name].file.find(""), weights_only=True)
    classifier = {key for key in weights if key.startswith("_fc.")}
    assert set(network.state_dict()) == set(weights) - classifier
    picture = PHOTOS / "1009434119_febe49276a.jpg"
    if not picture.is_file():
        pytest.skip("needs ../shared/data/photos")
    vector = LiteMap(name).vectors([Image.open(picture).convert("RGB")])
    logits = vector @ weights["_fc.weight"].T + weights["_fc.bias"]
    assert int(logits.argmax()) in DOGS


@pytest.mark.parametrize("name", [pytest.param(name, marks=needs(VARIANTS[name].file)) for name in VARIANTS])
def test_the_map_has_a_place_for_every_32_pixels(name: str) -> None:
    picture = Image.linear_gradient("L").convert("RGB")
    assert LiteMap(name, side=96)([picture, picture.rotate(90)]).shape == (2, 1280, 3, 3)
    assert squares([picture], 50).shape == (1, 3, 50, 50)


@pytest.mark.parametrize(("is_installed", "size"), [(True, "base"), (False, "tiny")])
def test_the_best_moonshine_is_the_one_that_is_there(
    monkeypatch: pytest.MonkeyPatch, is_installed: bool, size: str
) -> None:
    """Training writes down which it was, so that another machine does not take the other."""
    monkeypatch.setattr(PackagedFile, "installed", lambda file: Path("x") if is_installed else None)
    known = resolve(moonshine.Settings(size="best"))
    assert isinstance(known, moonshine.Settings)
    assert known.size == size
    assert resolve(known) == known


def test_where_base_is_missing_the_sentence_names_what_goes_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PackagedFile, "installed", lambda file: None)
    with pytest.raises(
        EarmarkError, match=r"moonshine-cpp==.* is not installed.*use a model trained with features\.size=tiny"
    ):
        moonshine.Moonshine("base")
