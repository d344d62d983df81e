"""Image networks, against the slow and obvious."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from hypothesis import assume, given
from hypothesis import strategies as st
from PIL import Image
from torch import Tensor
from torch.nn import functional

from earmark.core.errors import EarmarkError
from earmark.features.image_cache import vectors_of
from earmark.features.image_encoder import in_a_grid
from earmark.models.image_encoders import build_image_encoder, resolve
from earmark.models.image_encoders._frozen_map import FrozenMapEncoder
from earmark.models.image_encoders.pretrained import Settings as PretrainedImage
from earmark.models.image_encoders.small import Settings as SmallImage
from earmark.models.image_encoders.small import SmallImageEncoder
from support import networks
from support.media import write_picture

pytestmark = pytest.mark.usefixtures("no_network")

MAKERS = [networks.resnet, networks.convnext, networks.vit, networks.swin, networks.dinov2, networks.clip]


def noise(*sizes: tuple[int, int]) -> list[Image.Image]:
    rng = np.random.default_rng(0)
    return [Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8)) for width, height in sizes]


def pretrained(folder: Path, side: int | None = None, dimension: int = 7) -> FrozenMapEncoder:
    network = build_image_encoder(PretrainedImage(kind="pretrained", network=str(folder), side=side), dimension)
    assert isinstance(network, FrozenMapEncoder)
    return network


def small(dimension: int = 5, **changes: object) -> SmallImageEncoder:
    torch.manual_seed(0)
    network = build_image_encoder(SmallImage.model_validate({"kind": "small", "side": 40, **changes}), dimension)
    assert isinstance(network, SmallImageEncoder)
    return network


# The small network


def test_the_small_network_is_that_written_out() -> None:
    network = small(channels=[4, 6, 8])
    network.train()(network.prepare(noise((50, 50), (40, 40))))  # so that its statistics are no longer 0 and 1
    network.eval()
    pictures = noise((60, 30), (8, 90))
    weights = network.places.state_dict()
    values = torch.stack([torch.tensor(np.array(p.resize((40, 40))) / 255 - 0.5) for p in pictures])
    values = values.permute(0, 3, 1, 2).float()
    for number, stride in enumerate((2, 2, 1)):
        kernel = weights[f"{3 * number}.weight"]
        assert kernel.shape[2:] == ((5, 5) if number == 0 else (3, 3))
        values = functional.conv2d(values, kernel, stride=stride, padding=kernel.shape[2] // 2)
        mean, variance, scale, shift = (
            weights[f"{3 * number + 1}.{name}"][:, None, None]
            for name in ("running_mean", "running_var", "weight", "bias")
        )
        values = ((values - mean) / (variance + 1e-5).sqrt() * scale + shift).clamp(min=0)
    weight, bias = weights["10.weight"][:, :, 0, 0], weights["10.bias"]
    expected = torch.einsum("nchw,kc->nhwk", values, weight) + bias
    norm = network.norm
    assert norm.running_mean is not None
    assert norm.running_var is not None
    expected = (expected - norm.running_mean) / (norm.running_var + 1e-5).sqrt() * norm.weight + norm.bias
    assert expected.shape == (2, 10, 10, 5)
    with torch.no_grad():
        torch.testing.assert_close(network(network.prepare(pictures)), expected, rtol=1e-4, atol=1e-5)


def test_pixels_are_used_as_they_are() -> None:
    prepared = small().prepare([Image.new("RGB", (30, 70), (255, 0, 130))])
    assert prepared.dtype == torch.uint8
    assert prepared.shape == (1, 3, 40, 40)
    assert prepared.amin((0, 2, 3)).tolist() == prepared.amax((0, 2, 3)).tolist() == [255, 0, 130]


def test_in_training_half_of_the_pictures_are_mirrored() -> None:
    network = small(dropout=0)
    prepared = network.prepare(noise(*[(40, 40)] * 64))
    as_is, turned = network.eval()(prepared), network(prepared.flip(3))
    network.train()
    network.norm.eval()
    network.places.eval()  # keep to fixed statistics: what is left of training is the mirror
    torch.manual_seed(3)
    mixed = network(prepared)
    mirrored = [torch.allclose(one, other, atol=1e-5) for one, other in zip(mixed, turned, strict=True)]
    unchanged = [torch.allclose(one, other, atol=1e-5) for one, other in zip(mixed, as_is, strict=True)]
    assert all(one != other for one, other in zip(mirrored, unchanged, strict=True))
    assert 20 <= sum(mirrored) <= 44
    torch.manual_seed(3)
    assert torch.equal(network(prepared), mixed)
    network.mirror = False
    torch.testing.assert_close(network(prepared), as_is)


def test_what_a_small_network_prepares_depends_on_its_side_alone() -> None:
    assert small(side=96).fingerprint == small(side=96, channels=[3, 3], dropout=0, dimension=9).fingerprint
    assert small(side=96).fingerprint != small(side=64).fingerprint


# Pretrained networks


def pixels(pictures: list[Image.Image], side: int = networks.SIDE) -> Tensor:
    """What the image processor of the tests' networks should do, by hand."""
    squares = [np.asarray(p.resize((side, side), Image.Resampling.BILINEAR)) / 255 for p in pictures]
    values = (np.stack(squares) - [0.4, 0.5, 0.6]) / [0.2, 0.3, 0.5]
    return torch.from_numpy(values).permute(0, 3, 1, 2).float()


def by_hand(tokens: Tensor, before: int, height: int, width: int) -> Tensor:
    grid = torch.empty(len(tokens), tokens.shape[2], height, width)
    for y in range(height):
        for x in range(width):
            grid[:, :, y, x] = tokens[:, before + y * width + x]
    return grid


@pytest.mark.parametrize("side", [None, 64])
@pytest.mark.parametrize("make", MAKERS)
def test_the_last_map_of_a_network(tmp_path: Path, make: Callable[[Path], Path], side: int | None) -> None:
    folder = make(tmp_path / "ọmọ net")
    pictures = noise((40, 60), (32, 32), (1, 1))
    whole = transformers.AutoModel.from_pretrained(folder).eval()
    whole = getattr(whole, "vision_model", whole)
    other_size = {"interpolate_pos_encoding": True} if side and make in (networks.vit, networks.clip) else {}
    with torch.no_grad():
        expected = whole(pixels(pictures, side or networks.SIDE), **other_size).last_hidden_state
    if expected.ndim == 3:
        before = {networks.swin: 0, networks.dinov2: 5}.get(make, 1)
        places = (side or networks.SIDE) // 8
        expected = by_hand(expected, before, places, places)
    prepared = pretrained(folder, side).prepare(pictures)
    assert prepared.dtype == torch.float16
    torch.testing.assert_close(prepared, expected.half(), rtol=2e-3, atol=2e-3)


PROCESSORS = {
    "ViTImageProcessor": {"size": {"height": 48, "width": 48}},
    "CLIPImageProcessor": {"size": {"shortest_edge": 56}, "crop_size": {"height": 48, "width": 48}},
    "BitImageProcessor": {"size": {"shortest_edge": 56}, "crop_size": 48},
    "ConvNextImageProcessor": {"size": {"shortest_edge": 48}, "crop_pct": 0.875},
}


def with_processor(folder: Path, kind: str, **numbers: object) -> Path:
    networks.resnet(folder)
    means = {"image_mean": [0.4, 0.5, 0.6], "image_std": [0.2, 0.3, 0.5]}
    processor = {"image_processor_type": kind, **means, **numbers}
    (folder / "preprocessor_config.json").write_text(json.dumps(processor))
    return folder


@pytest.mark.parametrize("kind", PROCESSORS)
def test_the_whole_picture_is_encoded_in_the_networks_own_size(tmp_path: Path, kind: str) -> None:
    """Whatever the processor itself would cut off."""
    folder = with_processor(tmp_path / "net", kind, **PROCESSORS[kind])
    wide = Image.new("RGB", (400, 40), "black")
    marked = wide.copy()
    marked.paste("white", (0, 0, 20, 40))  # at the edge
    pictures = [marked, wide, *noise((60_000, 1), (30, 90))]
    whole = transformers.AutoModel.from_pretrained(folder).eval()
    with torch.no_grad():
        expected = whole(pixels(pictures, 48)).last_hidden_state
    prepared = pretrained(folder).prepare(pictures)
    torch.testing.assert_close(prepared, expected.half(), rtol=2e-3, atol=2e-3)
    differs = (prepared[0] != prepared[1]).any(dim=0)
    assert differs[:, 0].all()
    assert not differs[:, -1].any()


@pytest.mark.parametrize("size", [{"shortest_edge": 448 * 448, "longest_edge": 896 * 896}, {"longest_edge": 4096}])
def test_a_network_that_does_not_say_its_size(tmp_path: Path, size: dict[str, int]) -> None:
    folder = with_processor(tmp_path / "net", "ViTImageProcessor", size=size)
    with pytest.raises(EarmarkError, match=r"net does not say how large its pictures are: set model\.image\.side\."):
        pretrained(folder)
    assert pretrained(folder, 64).prepare(noise((40, 40))).shape == (1, 12, 8, 8)


def test_the_embedder_is_a_linear_map_of_each_place(tmp_path: Path) -> None:
    network = pretrained(networks.resnet(tmp_path / "net"))
    prepared = network.prepare(noise((40, 60), (32, 32)))
    vectors = network(prepared)
    assert vectors.shape == (2, 4, 4, 7)
    weight, bias = network.embedder.weight[:, :, 0, 0], network.embedder.bias
    torch.testing.assert_close(vectors[1, 2, 3], weight @ prepared[1, :, 2, 3].float() + bias)


def test_training_moves_the_embedder_alone(tmp_path: Path) -> None:
    network = pretrained(networks.resnet(tmp_path / "net"))
    pictures = noise((40, 60), (32, 32))
    prepared = network.prepare(pictures)
    network.train()
    assert {name for name, _ in network.named_parameters()} == {"embedder.weight", "embedder.bias"}
    assert set(network.state_dict()) == {"embedder.weight", "embedder.bias"}
    assert not list(network.buffers())
    optimizer = torch.optim.SGD(network.parameters(), 0.1)
    network(network.prepare(pictures)).square().sum().backward()
    before = network.embedder.weight.clone()
    optimizer.step()
    assert not torch.equal(network.embedder.weight, before)
    assert torch.equal(network.prepare(pictures), prepared)  # not even its batch norm has moved


@pytest.mark.parametrize("make", [networks.resnet, networks.vit])
def test_what_was_encoded_is_stored_and_is_the_same(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    images = [write_picture(tmp_path / f"{number}.png", (20 + number, 30)) for number in range(3)]
    for network in (pretrained(make(tmp_path / "net"), 64), small()):
        prepared = network.prepare([Image.open(image) for image in images])
        folder = tmp_path / "cache" / network.fingerprint
        for _ in range(2):
            cached = torch.from_numpy(vectors_of(images, network.prepare, folder, "Looking"))
            torch.testing.assert_close(cached, prepared.half(), rtol=2e-3, atol=2e-3)
            torch.testing.assert_close(network.eval()(cached), network(prepared), rtol=2e-3, atol=2e-3)


def test_another_network_or_side_is_another_fingerprint(tmp_path: Path) -> None:
    vit, swin = networks.vit(tmp_path / "vit"), networks.swin(tmp_path / "swin")
    prints = [pretrained(vit), pretrained(vit, 64), pretrained(vit, 48), pretrained(swin)]
    assert len({network.fingerprint for network in prints}) == 4
    assert pretrained(vit, networks.SIDE).fingerprint == prints[0].fingerprint
    vit.rename(tmp_path / "moved")
    assert pretrained(tmp_path / "moved", 64).fingerprint == prints[1].fingerprint


@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 16), st.integers(0, 5), st.data())
def test_tokens_go_back_to_their_places(height: int, width: int, patch: int, before: int, data: st.DataObject) -> None:
    over = st.integers(0, patch - 1)  # pixels that a network leaves out at the edge
    size = (height * patch + data.draw(over), width * patch + data.draw(over))
    assume(-(-size[0] // patch) * -(-size[1] // patch) > height * width + before or (before, patch) == (0, 1))
    tokens = torch.arange((before + height * width) * 3.0).reshape(1, -1, 3)
    assert torch.equal(in_a_grid(tokens, size, patch), by_hand(tokens, before, height, width))


@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 16), st.integers(1, 3))
def test_tokens_of_patches_that_were_joined(height: int, width: int, patch: int, joined: int) -> None:
    tokens = torch.arange(height * width * 3.0).reshape(1, -1, 3)
    size = (height * patch * 2**joined, width * patch * 2**joined)
    assert torch.equal(in_a_grid(tokens, size, patch), by_hand(tokens, 0, height, width))


def test_patches_that_are_filled_up_at_the_edge() -> None:
    tokens = torch.rand(2, 64, 3)
    assert torch.equal(in_a_grid(tokens, (250, 250), 4), by_hand(tokens, 0, 8, 8))  # 63 patches, joined three times


@pytest.mark.parametrize("count", [0, 1, 500])
def test_tokens_that_are_no_grid(count: int) -> None:
    with pytest.raises(ValueError, match=f"{count} tokens make no grid"):
        in_a_grid(torch.rand(1, count, 4), (64, 128), 8)


# What goes wrong


def test_a_full_memory_is_no_fault_of_the_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network = pretrained(networks.resnet(tmp_path / "net"))

    def full(*_: object, **__: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(transformers.ResNetModel, "forward", full)
    with pytest.raises(torch.OutOfMemoryError, match="CUDA out of memory"):
        network.prepare(noise((40, 40)))


def test_a_network_is_resolved_to_its_folder_and_its_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = networks.vit(tmp_path / "net")
    monkeypatch.chdir(tmp_path)
    settings = resolve(PretrainedImage(kind="pretrained", network="net", side=64))
    assert isinstance(settings, PretrainedImage)
    assert settings.network == str(folder)
    assert settings.side == 64
    monkeypatch.chdir("/")
    assert build_image_encoder(settings, 3).dimension == 3
    assert resolve(settings) == settings
    networks.vit(folder, hidden_act="relu")
    with pytest.raises(EarmarkError, match=r"net is not the one that the model was trained on: put its old files back"):
        build_image_encoder(settings, 3)
    with pytest.raises(EarmarkError, match="is not the one that the model was trained on"):
        resolve(settings)
    folder.rename(tmp_path / "elsewhere")
    with pytest.raises(EarmarkError, match=r"There is no folder .*net with a pretrained network: check its name"):
        build_image_encoder(settings, 3)


def test_a_small_network_needs_no_pin() -> None:
    assert resolve(SmallImage(kind="small")) == SmallImage(kind="small")


def test_the_hub_is_used_only_when_training_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = networks.vit(tmp_path / "snapshot")
    local_only: list[object] = []

    def fetch(name: str, **options: object) -> str:
        local_only.append(options["local_files_only"])
        return str(folder)

    monkeypatch.setattr("huggingface_hub.snapshot_download", fetch)
    settings = resolve(PretrainedImage(kind="pretrained", network="hub:some/vit"), download=True)
    assert isinstance(settings, PretrainedImage)
    assert settings.network == "hub:some/vit"
    build_image_encoder(settings, 3)
    assert local_only == [False, True]


def test_networks_that_give_no_map(tmp_path: Path) -> None:
    torch.manual_seed(0)  # what it looks at
    with pytest.raises(EarmarkError, match=r"gives no map of a picture \(.*chance\): choose another network"):
        pretrained(networks.vit_mae(tmp_path / "mae"))
    text = transformers.BertModel(transformers.BertConfig(**networks.SIZES, vocab_size=9))
    with pytest.raises(EarmarkError, match=r"gives no map of a picture \(.*\): choose another network"):
        pretrained(networks.saved(text, tmp_path / "bert"))
    text.save_pretrained(tmp_path / "bare")
    with pytest.raises(EarmarkError, match=r"can't be loaded \(AutoImageProcessor"):
        pretrained(tmp_path / "bare")
    with pytest.raises(EarmarkError, match=r"holds no pretrained network: it has no config\.json"):
        pretrained(tmp_path)
