"""The recipes of Nortje and Kamper (2022) from end to end, with narrow networks in the pretrained ones' formats."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from earmark import ImageQuery, load_model
from earmark.core.corpus import Corpus
from earmark.core.model_folder import read_weights
from earmark.core.vocabulary import Vocabulary
from earmark.models.cpc_pretraining import CpcPretraining, pretraining_for
from earmark.recipe import read_recipe
from earmark.training.cpc import pretrain
from earmark.training.loop import train

pytest.importorskip("transformers")
from support import networks

NARROW = {"channels": 12, "layers": 2, "latent": 6, "context": [8], "lstm": [6, 8]}


@pytest.mark.parametrize("name", ["davenet", "contrastive-davenet", "attention", "max"])
def test_a_papers_recipe_learns_and_finds(name: str, tiny_corpus: Corpus, tmp_path: Path) -> None:
    """Only widths, epochs and batches are other than released; speech starts from a pretrained CPC network."""
    image = networks.resnet(tmp_path / "resnet")
    speech = yaml.safe_dump({"kind": "cpc", "init_from": str(tmp_path / "cpc"), **NARROW})
    recipe = read_recipe(
        f"nortje2022/{name}",
        [
            f"model.speech={speech}",
            f"model.image={{kind: pretrained, network: {str(image)!r}, side: 64}}",
            "model.dimension=16",
            "training.epochs=1",
            "training.batch_size=4",
        ],
    )
    settings: CpcPretraining = pretraining_for(recipe, epochs=1, sample_frames=32, utterances=2, negatives=3)
    pretrain(settings, [tiny_corpus.folder], tmp_path / "cpc")
    train(recipe, tiny_corpus, tmp_path / "run", Vocabulary(tiny_corpus.keywords))

    image_weights = {key for key in read_weights(tmp_path / "run") if key.startswith("image_encoder.")}
    assert image_weights == {"image_encoder.embedder.weight", "image_encoder.embedder.bias"}  # ResNet-50 stays frozen
    requested, other, *_ = tiny_corpus.utterances("test")
    query = ImageQuery.of(requested.image or "", name="asked")
    (hit,) = load_model(tmp_path / "run").find(query, other.audio)
    assert hit.query == "asked"
    assert 0 <= hit.start_s <= hit.time_s <= hit.end_s <= other.duration_s
