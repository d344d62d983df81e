"""Backbones: VGG-16's fc7, and networks of transformers, against the slow and obvious."""

from __future__ import annotations

import importlib.util
import json
import pickle
import sys
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
import transformers
from PIL import Image
from torch.nn import functional

from earmark.core.errors import EarmarkError
from earmark.features.image_encoder import read_backbone
from earmark.features.vgg16 import MEAN, STD, Vgg16, prepared, read_vgg16
from support import networks

pytestmark = pytest.mark.usefixtures("no_network")


def noise(*sizes: tuple[int, int]) -> list[Image.Image]:
    rng = np.random.default_rng(0)
    return [Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8)) for width, height in sizes]


# VGG-16


def thin_vgg16() -> Vgg16:
    torch.manual_seed(0)
    network = Vgg16(width=2, hidden=6)
    for weight in network.parameters():
        weight.data = torch.randn_like(weight) * (0.3 if weight.ndim > 1 else 0.1)
    return network


def fc7(weights: dict[str, torch.Tensor], pictures: torch.Tensor) -> torch.Tensor:
    """VGG-16 written out, with the places of the weights in the files that are passed around."""
    values = pictures
    for block in ((0, 2), (5, 7), (10, 12, 14), (17, 19, 21), (24, 26, 28)):
        for number in block:
            weight, bias = weights[f"features.{number}.weight"], weights[f"features.{number}.bias"]
            values = functional.conv2d(values, weight, bias, stride=1, padding=1).clamp(min=0)
        values = values.unfold(2, 2, 2).unfold(3, 2, 2).amax((4, 5))
    values = values.reshape(len(values), -1)
    for number in (0, 3):
        weight, bias = weights[f"classifier.{number}.weight"], weights[f"classifier.{number}.bias"]
        values = (values @ weight.T + bias).clamp(min=0)
    return values


def test_vgg16_has_the_layers_of_the_published_network() -> None:
    with torch.device("meta"):
        network = Vgg16()
    shapes = {name: tuple(weight.shape) for name, weight in network.state_dict().items()}
    assert len(shapes) == 2 * (13 + 2)
    assert shapes["features.0.weight"] == (64, 3, 3, 3)
    assert shapes["features.28.weight"] == (512, 512, 3, 3)
    assert shapes["classifier.0.weight"] == (4096, 25_088)
    # 138,357,544 are published; the last layer has 4096 x 1000 + 1000 of them.
    assert sum(weight.numel() for weight in network.parameters()) == 138_357_544 - 4_097_000


@pytest.mark.parametrize("ending", ["pth", "safetensors"])
def test_fc7_is_that_of_the_network_written_out(tmp_path: Path, ending: str) -> None:
    weights = thin_vgg16().state_dict()
    path = tmp_path / f"vgg16.{ending}"
    whole = {**weights, "classifier.6.weight": torch.ones(10, 6), "classifier.6.bias": torch.ones(10)}
    torch.save(whole, path) if ending == "pth" else safetensors.torch.save_file(whole, path)
    backbone = read_backbone(f"vgg16:{path}")
    pictures = noise((300, 260), (224, 400))
    vectors = backbone.vectors(pictures)
    assert vectors.shape == (2, 6)
    torch.testing.assert_close(vectors, fc7(weights, prepared(pictures)), rtol=1e-4, atol=1e-4)
    assert (vectors == 0).any()  # after the ReLU
    assert (vectors > 0).any()
    torch.testing.assert_close(vectors, backbone.vectors(pictures), rtol=0, atol=0)  # no dropout
    assert backbone.spec == f"vgg16:{path}"


def test_pictures_are_scaled_cropped_and_normalised_as_vgg16_learned_them() -> None:
    grey = Image.new("RGB", (500, 300), (100, 150, 200))
    (values,) = prepared([grey])
    assert values.shape == (3, 224, 224)
    for channel, value in enumerate((100, 150, 200)):
        expected = (value / 255 - MEAN[channel]) / STD[channel]
        assert values[channel].numpy() == pytest.approx(expected, abs=1e-5)
    # Half as large, the picture is 256 high; its middle 224 columns are those from 2 x (width / 2 - 112) on.
    (picture,) = noise((600, 512))
    expected = np.asarray(picture.resize((300, 256), Image.Resampling.BILINEAR))[16:240, 38:262] / 255
    (values,) = prepared([picture])
    np.testing.assert_allclose(values.permute(1, 2, 0), (expected - MEAN) / STD, atol=1e-5)
    assert prepared(noise((3, 900))).shape == (1, 3, 224, 224)


class Harmful:
    def __reduce__(self):  # type: ignore[no-untyped-def]
        return (sys.exit, ("code was run",))


def test_weights_that_are_none(tmp_path: Path) -> None:
    weights = thin_vgg16().state_dict()
    torch.save({name: weight for name, weight in weights.items() if name != "features.28.bias"}, tmp_path / "less.pth")
    torch.save({**weights, "features.5.weight": torch.ones(3)}, tmp_path / "other.pth")
    torch.save([1, 2], tmp_path / "list.pth")
    for name in ("less", "other", "list"):
        with pytest.raises(EarmarkError, match=rf"{name}\.pth holds no VGG-16 with features\.0"):
            read_vgg16(tmp_path / f"{name}.pth")
    torch.save(weights, tmp_path / "cut.pth")
    (tmp_path / "cut.pth").write_bytes((tmp_path / "cut.pth").read_bytes()[:5000])
    (tmp_path / "harm.pth").write_bytes(pickle.dumps(Harmful(), protocol=2))
    (tmp_path / "empty.pth").touch()
    (tmp_path / "x.safetensors").write_bytes(b"nothing")
    for name in ("cut.pth", "harm.pth", "empty.pth", "x.safetensors"):
        with pytest.raises(EarmarkError, match="can't be read as weights"):
            read_vgg16(tmp_path / name)
    with pytest.raises(EarmarkError, match=r"There are no weights .*none\.pth"):
        read_backbone(f"vgg16:{tmp_path / 'none.pth'}")


# Networks of transformers


def pixels(pictures: list[Image.Image]) -> torch.Tensor:
    """What the image processor of the tests' networks should do, by hand."""
    squares = [np.asarray(p.resize((networks.SIDE,) * 2, Image.Resampling.BILINEAR)) / 255 for p in pictures]
    values = (np.stack(squares) - [0.4, 0.5, 0.6]) / [0.2, 0.3, 0.5]
    return torch.from_numpy(values).permute(0, 3, 1, 2).float()


def test_the_pooled_output_of_a_vision_transformer(tmp_path: Path) -> None:
    folder = networks.vit(tmp_path / "ọmọ net")
    backbone = read_backbone(str(folder))
    pictures = noise((40, 60), (32, 32))
    network = transformers.ViTModel.from_pretrained(folder).eval()
    with torch.no_grad():
        expected = network(pixels(pictures)).pooler_output
    torch.testing.assert_close(backbone.vectors(pictures), expected, rtol=1e-4, atol=1e-4)
    assert backbone.vectors(pictures).dtype == torch.float32


def test_a_classifier_has_no_trained_pooler_so_its_last_state_is_averaged(tmp_path: Path) -> None:
    folder = networks.vit(tmp_path / "vit", num_labels=3)
    pictures = noise((40, 60))
    vectors = read_backbone(str(folder)).vectors(pictures)
    network = transformers.ViTForImageClassification.from_pretrained(folder).eval()
    with torch.no_grad():
        expected = network.vit(pixels(pictures)).last_hidden_state.mean(1)
    torch.testing.assert_close(vectors, expected, rtol=1e-4, atol=1e-4)


def test_places_of_a_residual_network_are_pooled(tmp_path: Path) -> None:
    folder = networks.resnet(tmp_path / "resnet")
    pictures = noise((40, 60), (50, 50))
    vectors = read_backbone(str(folder)).vectors(pictures)
    with torch.no_grad():
        network = transformers.ResNetModel.from_pretrained(folder).eval()
        expected = network(pixels(pictures)).last_hidden_state.mean((2, 3))
    assert vectors.shape == (2, 12)
    torch.testing.assert_close(vectors, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("make", [networks.clip, networks.siglip])
def test_the_vision_tower_of_a_network_of_two(tmp_path: Path, make) -> None:
    folder = make(tmp_path / "two")
    pictures = noise((40, 60))
    network = transformers.AutoModel.from_pretrained(folder).eval()
    with torch.no_grad():
        expected = network.vision_model(pixels(pictures)).pooler_output
    torch.testing.assert_close(read_backbone(str(folder)).vectors(pictures), expected, rtol=1e-4, atol=1e-4)


def test_half_precision_weights_are_computed_with_in_full(tmp_path: Path) -> None:
    folder = networks.vit(tmp_path / "vit")
    transformers.ViTModel.from_pretrained(folder).half().save_pretrained(folder)
    assert json.loads((folder / "config.json").read_text())["dtype"] == "float16"
    assert read_backbone(str(folder)).vectors(noise((40, 40))).dtype == torch.float32


def test_weights_in_the_old_format_are_read_but_not_run(tmp_path: Path) -> None:
    folder = networks.vit(tmp_path / "vit")
    pictures = noise((40, 60))
    new = read_backbone(str(folder)).vectors(pictures)
    torch.save(transformers.ViTModel.from_pretrained(folder).state_dict(), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    torch.testing.assert_close(read_backbone(str(folder)).vectors(pictures), new)
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Harmful(), protocol=2))
    with pytest.raises(EarmarkError, match="can't be loaded"):
        read_backbone(str(folder))


def test_the_fingerprint_is_that_of_what_is_computed(tmp_path: Path) -> None:
    folder = networks.vit(tmp_path / "vit")
    first = read_backbone(str(folder))
    (folder / "README.md").write_text("news")
    folder.rename(tmp_path / "moved")
    moved = tmp_path / "moved"
    assert read_backbone(str(moved)).sha256 == first.sha256
    processor = moved / "preprocessor_config.json"
    processor.write_text(processor.read_text().replace("0.4", "0.45"))
    assert read_backbone(str(moved)).sha256 != first.sha256


def test_a_folder_is_remembered_so_that_it_is_found_from_anywhere(tmp_path: Path, monkeypatch) -> None:
    networks.vit(tmp_path / "vit")
    monkeypatch.chdir(tmp_path)
    assert read_backbone("vit").spec == str(tmp_path / "vit")


def damaged(folder: Path, name: str, change) -> Path:
    path = networks.vit(folder) / name
    path.write_bytes(change(path.read_bytes()))
    return folder


@pytest.mark.parametrize(
    ("name", "change", "sentence"),
    [
        ("model.safetensors", lambda content: content[:-100], "can't be loaded"),
        ("model.safetensors", lambda content: b"", "can't be loaded"),
        ("config.json", lambda content: b"{", "can't be loaded"),
        ("config.json", lambda content: b'{"model_type": "nonesuch"}', "can't be loaded"),
        ("config.json", lambda content: content.replace(b'"intermediate_size": 24', b'"intermediate_size": 48'), None),
        ("config.json", lambda content: content.replace(b'"num_hidden_layers": 2', b'"num_hidden_layers": 3'), None),
        ("preprocessor_config.json", lambda content: b"{", "can't be loaded"),
    ],
)
def test_a_damaged_network_is_one_sentence(tmp_path: Path, name: str, change, sentence: str | None) -> None:
    folder = damaged(tmp_path / "vit", name, change)
    with pytest.raises(EarmarkError, match=sentence or r"(can't be loaded|don't fit its config\.json)") as caught:
        read_backbone(str(folder))
    assert "\n" not in str(caught.value)
    assert str(folder) in str(caught.value)


def test_folders_that_are_no_image_network(tmp_path: Path) -> None:
    with pytest.raises(EarmarkError, match=r"There is no folder google/vit .*or write hub:NAME for one that may be"):
        read_backbone("google/vit")
    with pytest.raises(EarmarkError, match=r"holds no pretrained network: it has no config\.json"):
        read_backbone(str(tmp_path))
    transformers.BertModel(transformers.BertConfig(**networks.SIZES, vocab_size=9)).save_pretrained(tmp_path / "bert")
    with pytest.raises(EarmarkError, match=r"can't be loaded \(AutoImageProcessor"):
        read_backbone(str(tmp_path / "bert"))
    text = networks.saved(transformers.BertModel.from_pretrained(tmp_path / "bert"), tmp_path / "bert")
    with pytest.raises(EarmarkError, match=r"gives no vector for a picture \(.*\): choose an image network"):
        read_backbone(str(text)).vectors(noise((32, 32)))


def test_code_that_comes_with_a_network_is_not_run(tmp_path: Path) -> None:
    folder = networks.vit(tmp_path / "vit")
    config = json.loads((folder / "config.json").read_text())
    own = {"model_type": "own", "auto_map": {"AutoConfig": "own.Config", "AutoModel": "own.Model"}}
    (folder / "config.json").write_text(json.dumps({**config, **own}))
    (folder / "own.py").write_text("raise SystemExit('code was run')")
    with pytest.raises(EarmarkError, match="can't be loaded"):
        read_backbone(str(folder))


# The hub, and without the library


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, object]]:
    """A hub that has one network, "some/vit"; all that is asked of it."""
    requests: list[dict[str, object]] = []
    folder = networks.vit(tmp_path / "hub" / "snapshot")

    def fetch(name: str, **options: object) -> str:
        requests.append({"name": name, **options})
        if name != "some/vit":
            raise FileNotFoundError(name)
        return str(folder)

    monkeypatch.setattr("huggingface_hub.snapshot_download", fetch)
    return requests


def test_the_hub_is_used_for_what_is_written_alone(hub: list[dict[str, object]]) -> None:
    backbone = read_backbone("hub:some/vit", download=True)
    assert backbone.spec == "hub:some/vit"
    assert backbone.vectors(noise((40, 40))).shape == (1, 16)
    assert [(one["name"], one["local_files_only"]) for one in hub] == [("some/vit", False)]
    read_backbone("hub:some/vit")
    assert hub[-1]["local_files_only"] is True


def test_what_the_hub_does_not_give_is_one_sentence(hub: list[dict[str, object]]) -> None:
    with pytest.raises(EarmarkError, match=r"hub:no/net can't be downloaded \(FileNotFoundError\): check its name and"):
        read_backbone("hub:no/net", download=True)
    with pytest.raises(EarmarkError, match=r"among those downloaded before .*: download it with 'hf download no"):
        read_backbone("hub:no/net")


def test_a_missing_library_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = networks.vit(tmp_path / "vit")
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(EarmarkError, match=r"need the library transformers .*'pip install earmark\[pretrained\]'"):
        read_backbone(str(folder))


def test_torchvision_is_not_needed() -> None:
    assert importlib.util.find_spec("torchvision") is None
