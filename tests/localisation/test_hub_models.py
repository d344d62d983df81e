"""Models as folders of a repository: saved, described, loaded offline, and sent only by name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

import earmark
from earmark.core.corpus import Corpus
from earmark.core.errors import EarmarkError
from earmark.core.model_folder import read_weights

huggingface_hub = pytest.importorskip("huggingface_hub", reason="needs earmark[hub]")
pytestmark = pytest.mark.usefixtures("no_network")


@pytest.fixture(scope="module")
def saved(tiny_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return earmark.save_pretrained(tiny_run, tmp_path_factory.mktemp("hub") / "a tïny model", "cc0-1.0", "yo")


def test_the_folder_is_a_repositorys(saved: Path, tiny_run: Path) -> None:
    names = {path.name for path in saved.iterdir()}
    assert {"config.json", "model.safetensors", "README.md"} <= names
    assert {"recipe.yaml", "vocabulary.txt", "thresholds.json"} <= names
    assert names.isdisjoint({"resume.pt", "tensorboard", "curve.jsonl", "model-card.md"})
    config = json.loads((saved / "config.json").read_text(encoding="utf-8"))
    assert config["model_type"] == "earmark"
    assert config["accepts"] == ["keyword"]
    assert config["keywords"] == 4
    top, card = (saved / "README.md").read_text(encoding="utf-8").removeprefix("---\n").split("---\n", 1)
    about = yaml.safe_load(top)
    assert (about["library_name"], about["license"], about["language"]) == ("earmark", "cc0-1.0", "yo")
    assert (tiny_run / "model-card.md").read_text(encoding="utf-8").strip() in card
    assert 'model.find("ball", ["recording.wav"])' in card
    assert huggingface_hub.ModelCard((saved / "README.md").read_text(encoding="utf-8")).data.license == "cc0-1.0"
    texts = [path.read_text(encoding="utf-8") for path in saved.iterdir() if path.suffix != ".safetensors"]
    assert not any(str(tiny_run.parent) in text for text in texts)


def test_it_finds_the_same(saved: Path, tiny_run: Path, tiny_corpus: Corpus) -> None:
    audio = [utterance.audio for utterance in tiny_corpus.utterances("test")]
    model = earmark.from_pretrained(saved, device="cpu")
    assert model.find("dog", audio) == earmark.load_model(tiny_run, "cpu").find("dog", audio)
    assert earmark.evaluate(model, tiny_corpus).metrics.actual == earmark.evaluate(tiny_run, tiny_corpus).metrics.actual


def test_saved_again_it_is_the_same(saved: Path, tmp_path: Path) -> None:
    again = earmark.save_pretrained(earmark.from_pretrained(saved), tmp_path / "again", "cc0-1.0", "yo")
    assert {path.name: path.read_bytes() for path in again.iterdir()} == {
        path.name: path.read_bytes() for path in saved.iterdir()
    }


@pytest.mark.filterwarnings("ignore:Pydantic serializer")
def test_what_can_not_be_saved_is_refused(saved: Path, tiny_run: Path, tmp_path: Path) -> None:
    with pytest.raises(EarmarkError, match="is not empty"):
        earmark.save_pretrained(tiny_run, saved)
    with pytest.raises(EarmarkError, match="is not a trained model"):
        earmark.save_pretrained(tmp_path, tmp_path / "out")
    model = earmark.load_model(tiny_run)
    features = model.checkpoint.recipe.features.model_copy(update={"kind": str(tmp_path / "network")})
    recipe = model.checkpoint.recipe.model_copy(update={"features": features})
    object.__setattr__(model.checkpoint, "recipe", recipe)
    with pytest.raises(EarmarkError, match="which others don't have"):
        earmark.save_pretrained(model, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_hub_is_not_reached_unless_allowed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, saved: Path) -> None:
    with pytest.raises(EarmarkError, match="allow it by download=True"):
        earmark.from_pretrained("hub:nobody/nothing-at-all")
    calls: list[dict[str, Any]] = []

    def fetched(name: str, **options: Any) -> str:
        calls.append({"name": name, **options})
        return str(saved)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fetched)
    model = earmark.from_pretrained("hub:somebody/model", download=True, revision="v1")
    assert model.keywords[0] == "ball"
    assert calls[0]["name"] == "somebody/model"
    assert (calls[0]["revision"], calls[0]["local_files_only"]) == ("v1", False)
    assert not any("bin" in pattern or "pt" in pattern or "py" in pattern for pattern in calls[0]["allow_patterns"])


def test_only_a_saved_folder_is_pushed_and_only_by_name(
    monkeypatch: pytest.MonkeyPatch, saved: Path, tiny_run: Path
) -> None:
    sent: list[tuple[str, Any]] = []

    class Api:
        def __init__(self, token: str | None) -> None:
            sent.append(("token", token))

        def create_repo(self, name: str, private: bool, exist_ok: bool) -> None:
            sent.append(("made", (name, private, exist_ok)))

        def upload_folder(self, repo_id: str, folder_path: Path, allow_patterns: list[str]) -> str:
            sent.append(("uploaded", (repo_id, folder_path)))
            return "address"

    monkeypatch.setattr(huggingface_hub, "HfApi", Api)
    with pytest.raises(EarmarkError, match="save the model first"):
        earmark.push_to_hub(tiny_run, "me/model")
    with pytest.raises(EarmarkError, match="write OWNER/NAME"):
        earmark.push_to_hub(saved, "model")
    assert sent == []
    assert earmark.push_to_hub(saved, "me/model", token="t") == "address"
    assert sent == [("token", "t"), ("made", ("me/model", True, True)), ("uploaded", ("me/model", saved))]
    assert read_weights(saved)
