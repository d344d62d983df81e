"""Hidden states of speech networks, against transformers' own and against the slow and obvious."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from earmark.core.errors import EarmarkError
from earmark.core.timing import FEATURE_GRID, SAMPLE_RATE
from earmark.features import extractor, resolve
from earmark.features.kinds import mfcc, pretrained
from earmark.media.audio import Waveform
from support import networks

pytestmark = pytest.mark.usefixtures("no_network")

KINDS = list(networks.SPEECH_KINDS)
LARGE = {"do_stable_layer_norm": True, "feat_extract_norm": "layer", "conv_bias": True}  # as the large ones are built


def noise(samples: int, seed: int = 0) -> Waveform:
    """Noise whose mean is not 0."""
    return (0.05 + np.random.default_rng(seed).normal(0, 0.1, samples)).astype(np.float32)


def settings(folder: Path | str, **others: Any) -> pretrained.Settings:
    return pretrained.Settings(network=str(folder), **others)


def unit(waveform: Waveform) -> Waveform:
    return ((waveform - waveform.mean()) / waveform.std()).astype(np.float32)


def hidden_states(folder: Path, values: Waveform) -> list[np.ndarray]:
    """All hidden states of a network, by transformers alone; the last is what the network gives out."""
    network = transformers.AutoModel.from_pretrained(folder).eval()
    with torch.no_grad():
        output = network(torch.from_numpy(values)[None], output_hidden_states=True)
    return [states[0].numpy() for states in (*output.hidden_states[:-1], output.last_hidden_state)]


def normalised(frames: np.ndarray) -> np.ndarray:
    return (frames - frames.mean(axis=0)) / frames.std(axis=0)


@pytest.mark.parametrize("changes", [{}, LARGE], ids=["base", "large"])
@pytest.mark.parametrize("kind", KINDS)
def test_hidden_states_are_those_of_transformers(tmp_path: Path, kind: str, changes: dict[str, Any]) -> None:
    folder = networks.speech(tmp_path / "ọmọ net", kind, num_hidden_layers=3, **changes)
    waveform = noise(8_000)
    expected = hidden_states(folder, unit(waveform))
    assert len(expected) == 4
    for layer in (0, 1, 2, 3):
        extract = extractor(settings(folder, layer=layer))
        frames = extract(waveform)
        assert frames.dtype == torch.float32
        assert frames.shape == (24, extract.dimension)
        np.testing.assert_allclose(frames, normalised(expected[layer]), atol=1e-3)
    middle = extractor(settings(folder))(waveform)
    np.testing.assert_array_equal(middle, extractor(settings(folder, layer=2))(waveform))


@pytest.mark.parametrize(("layers", "middle"), [(1, 1), (3, 2), (12, 6), (24, 12)])
def test_settings_without_a_layer_become_those_of_the_middle_one(tmp_path: Path, layers: int, middle: int) -> None:
    known = resolve(settings(networks.speech(tmp_path / "net", num_hidden_layers=layers)))
    assert isinstance(known, pretrained.Settings)
    assert known.layer == middle


def test_a_network_that_wants_the_waveform_as_it_is_gets_it(tmp_path: Path) -> None:
    folder = networks.speech(tmp_path / "net", normalise=False, **LARGE)
    waveform = noise(5_000)
    as_it_is, changed = (normalised(hidden_states(folder, values)[1]) for values in (waveform, unit(waveform)))
    assert np.abs(as_it_is - changed).max() > 0.1
    np.testing.assert_allclose(extractor(settings(folder))(waveform), as_it_is, atol=1e-3)


def test_layers_that_nobody_asks_for_are_not_computed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = networks.speech(tmp_path / "net", "wavlm", num_hidden_layers=4)
    extract = extractor(settings(folder, layer=1))
    extract(noise(1_000))
    assert len(extract._loaded().encoder.layers) == 2


def test_the_network_is_read_once_and_not_before_a_waveform_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = networks.speech(tmp_path / "net")
    loaded: list[Path] = []
    whole = transformers.AutoModel.from_pretrained

    def counted(folder: Path, **options: Any) -> Any:
        loaded.append(folder)
        return whole(folder, **options)

    monkeypatch.setattr(transformers.AutoModel, "from_pretrained", counted)
    extract = extractor(settings(folder))
    assert (extract.dimension, loaded) == (16, [])
    extract(noise(1_000))
    extract(noise(2_000))
    assert loaded == [folder]


def test_weights_are_used_as_they_are_and_nothing_is_random(tmp_path: Path) -> None:
    """A network's own training masks frames, drops values and leaves out layers."""
    folder = networks.speech(tmp_path / "net", mask_time_prob=0.9, layerdrop=0.9, hidden_dropout=0.9)
    extract = extractor(settings(folder))
    frames = extract(noise(8_000))
    torch.testing.assert_close(extract(noise(8_000)), frames, rtol=0, atol=0)
    assert not frames.requires_grad


# The grid


def inputs(frame: int, convolutions: list[tuple[int, int]]) -> tuple[int, int]:
    """First sample that a frame sees, and the one behind the last, layer by layer from above."""
    first, last = frame, frame
    for kernel, stride in reversed(convolutions):
        first, last = first * stride, last * stride + kernel - 1
    return first, last + 1


STACKS = [
    list(zip(networks.CONVOLUTIONS["conv_kernel"], networks.CONVOLUTIONS["conv_stride"], strict=True)),
    [(8, 4), (3, 2), (2, 2)],
    [(5, 3)],
]


@pytest.mark.parametrize("stack", STACKS, ids=len)
def test_a_frame_lies_in_the_middle_of_what_its_convolutions_see(tmp_path: Path, stack: list[tuple[int, int]]) -> None:
    kernels, strides = zip(*stack, strict=True)
    conv = {"conv_kernel": kernels, "conv_stride": strides, "conv_dim": [8] * len(stack)}
    folder = networks.speech(tmp_path / "net", **{**conv, "feat_extract_norm": "layer"})
    extract = extractor(settings(folder))
    # Which samples a frame depends on, by the gradient of the network's own convolutions.
    convolutions = transformers.AutoModel.from_pretrained(folder).feature_extractor
    waveform = torch.randn(1, 2_000, requires_grad=True)
    frames = convolutions(waveform)[0].T
    for frame in {0, 1, len(frames) // 2, len(frames) - 1}:
        (gradient,) = torch.autograd.grad(frames[frame].square().sum(), waveform, retain_graph=True)
        touched = gradient[0].nonzero()
        first, behind = int(touched.min()), int(touched.max()) + 1
        assert (first, behind) == inputs(frame, stack)
        assert extract.grid.centre_s(frame) == pytest.approx((first + behind) / 2 / SAMPLE_RATE)
        assert extract.grid.field == behind - first


def test_published_networks_have_a_frame_every_20_ms(tmp_path: Path) -> None:
    """Worked by hand: 25 ms are under a frame, so the first lies at 12.5 ms."""
    grid = extractor(settings(networks.speech(tmp_path / "net"))).grid
    assert (grid.stride_s, grid.field_s, grid.centre_s(0)) == (0.02, 0.025, 0.0125)
    assert grid.edge_s(0) == 0.0025
    assert grid.edge_s(1) == 0.0225
    assert FEATURE_GRID.edge_s(np.array([0, 7])).tolist() == [0, 0.07]


@pytest.mark.parametrize("samples", [1, 399, 400, 719, 720, 16_000])
def test_frames_of_waveforms_of_any_length(tmp_path: Path, samples: int) -> None:
    frames = extractor(settings(networks.speech(tmp_path / "net", "hubert")))(noise(samples))
    assert frames.shape == (max(1, (samples - 400) // 320 + 1), 16)
    assert frames.isfinite().all()


def test_silence_is_no_division_by_nothing(tmp_path: Path) -> None:
    frames = extractor(settings(networks.speech(tmp_path / "net")))(np.zeros(4_000, dtype=np.float32))
    assert frames.isfinite().all()


# Which network


def test_settings_hold_from_any_folder_and_for_this_network_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    networks.speech(tmp_path / "net")
    monkeypatch.chdir(tmp_path)
    known = resolve(settings("net", layer=1))
    assert isinstance(known, pretrained.Settings)
    assert (known.network, known.layer) == (str(tmp_path / "net"), 1)
    monkeypatch.chdir("/")
    assert resolve(known) == known
    networks.speech(tmp_path / "net", seed=1)
    with pytest.raises(EarmarkError, match=r"network .*net is not the one that features\.sha256 names: put the old"):
        extractor(known)
    assert resolve(mfcc.Settings()) == mfcc.Settings()


def test_the_old_names_of_weights_are_known(tmp_path: Path) -> None:
    """Most published folders are older than torch's parametrizations, and come from a network with a head."""
    folder = networks.speech(tmp_path / "net")
    expected = extractor(settings(folder))(noise(4_000))
    weights = transformers.AutoModel.from_pretrained(folder).state_dict()
    conv = "encoder.pos_conv_embed.conv."
    for number, letter in enumerate("gv"):
        weights[f"{conv}weight_{letter}"] = weights.pop(f"{conv}parametrizations.weight.original{number}")
    old = {f"wav2vec2.{name}": weight for name, weight in weights.items() if name != "masked_spec_embed"}
    torch.save({**old, "lm_head.bias": torch.zeros(3)}, folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    torch.testing.assert_close(extractor(settings(folder))(noise(4_000)), expected)


def test_folders_that_are_no_speech_network(tmp_path: Path) -> None:
    with pytest.raises(EarmarkError, match=r"There is no folder facebook/hubert .*or write hub:NAME for one that may"):
        extractor(settings("facebook/hubert"))
    picture = networks.vit(tmp_path / "vit")
    (tmp_path / "vit" / "preprocessor_config.json").unlink()
    with pytest.raises(EarmarkError, match=r"is no encoder of waveforms: choose a speech network such as wav2vec 2\.0"):
        extractor(settings(picture))
    translator = transformers.SpeechT5Config(**networks.CONVOLUTIONS)
    translator.save_pretrained(tmp_path / "translator")
    with pytest.raises(EarmarkError, match="is no encoder of waveforms"):
        extractor(settings(tmp_path / "translator"))
    silent = networks.speech(tmp_path / "net")
    (silent / "preprocessor_config.json").unlink()
    with pytest.raises(EarmarkError, match=r"how to prepare a waveform: put its preprocessor_config\.json there"):
        extractor(settings(silent))
    folder = networks.speech(tmp_path / "telephone")
    transformers.Wav2Vec2FeatureExtractor(sampling_rate=8_000).save_pretrained(folder)
    with pytest.raises(EarmarkError, match="is for 8000 samples a second: choose one for 16000"):
        extractor(settings(folder))


def test_a_layer_that_is_not_there(tmp_path: Path) -> None:
    folder = networks.speech(tmp_path / "net")
    with pytest.raises(EarmarkError, match=r"has no layer 3: the key 'features\.layer' can be 0 to 2"):
        extractor(settings(folder, layer=3))


def test_frames_that_are_not_those_of_the_convolutions_are_refused(tmp_path: Path) -> None:
    """An adapter makes the last hidden state's frames fewer, and only those."""
    folder = networks.speech(tmp_path / "net", add_adapter=True, num_adapter_layers=1)
    with pytest.raises(EarmarkError, match=r"nobody knows when they are: choose a lower features\.layer"):
        extractor(settings(folder, layer=2))(noise(8_000))
    assert extractor(settings(folder, layer=1))(noise(8_000)).shape == (24, 16)


def test_hidden_states_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    folder = networks.speech(tmp_path / "net")
    network = transformers.AutoModel.from_pretrained(folder)
    network.encoder.layers[1].final_layer_norm.bias.data[3] = float("nan")
    network.save_pretrained(folder)
    with pytest.raises(EarmarkError, match="hidden states that are not numbers: choose an undamaged one"):
        extractor(settings(folder, layer=2))(noise(8_000))
    assert extractor(settings(folder, layer=1))(noise(8_000)).isfinite().all()


def test_a_network_that_wants_no_waveform_is_refused(tmp_path: Path) -> None:
    folder = networks.speech(tmp_path / "net")
    transformers.WhisperFeatureExtractor(feature_size=8).save_pretrained(folder)
    with pytest.raises(EarmarkError, match=r"gives no hidden states for a waveform \(.*\): choose a speech network"):
        extractor(settings(folder))(noise(8_000))


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("model.safetensors", lambda content: content[:-100]),
        ("config.json", lambda content: b"{"),
        ("config.json", lambda content: content.replace(b'"intermediate_size": 24', b'"intermediate_size": 48')),
        ("config.json", lambda content: content.replace(b'"num_hidden_layers": 2', b'"num_hidden_layers": 3')),
        ("preprocessor_config.json", lambda content: b"{"),
    ],
)
def test_a_damaged_network_is_one_sentence(tmp_path: Path, name: str, change: Any) -> None:
    folder = networks.speech(tmp_path / "net")
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(change(content))
    assert (folder / name).read_bytes() != content
    with pytest.raises(EarmarkError, match=r"(can't be loaded|don't fit its config\.json)") as caught:
        extractor(settings(folder))(noise(4_000))
    assert "\n" not in str(caught.value)
    assert str(folder) in str(caught.value)


def test_code_that_comes_with_a_network_is_not_run(tmp_path: Path) -> None:
    folder = networks.speech(tmp_path / "net")
    config = json.loads((folder / "config.json").read_text())
    own = {"model_type": "own", "auto_map": {"AutoConfig": "own.Config", "AutoModel": "own.Model"}}
    (folder / "config.json").write_text(json.dumps({**config, **own}))
    (folder / "own.py").write_text("raise SystemExit('code was run')")
    with pytest.raises(EarmarkError, match="can't be loaded"):
        extractor(settings(folder))


def test_the_hub_downloads_only_on_request(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = networks.speech(tmp_path / "snapshot")
    requests: list[bool] = []

    def fetch(name: str, local_files_only: bool, **_: object) -> str:
        assert name == "some/hubert"
        requests.append(not local_files_only)
        return str(folder)

    monkeypatch.setattr("huggingface_hub.snapshot_download", fetch)
    known = resolve(settings("hub:some/hubert"), download=True)
    assert isinstance(known, pretrained.Settings)
    assert (known.network, requests) == ("hub:some/hubert", [True])
    requests.clear()
    assert extractor(known)(noise(1_000)).shape == (2, 16)
    assert True not in requests


def test_a_missing_library_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = networks.speech(tmp_path / "net")
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(EarmarkError, match=r"need the library transformers .*'pip install earmark\[pretrained\]'"):
        extractor(settings(folder))
