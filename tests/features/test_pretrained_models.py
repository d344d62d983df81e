"""Models that hear by a pretrained speech network: trained, searched, measured, and refused when it is another."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from earmark import cli
from earmark.core.corpus import Corpus
from earmark.core.errors import EarmarkError
from earmark.core.timing import FEATURE_GRID, FrameGrid
from earmark.core.vocabulary import Vocabulary
from earmark.evaluation.runner import evaluate
from earmark.features import extractor
from earmark.features.kinds import pretrained
from earmark.localisation import method
from earmark.localisation.methods._segments import segments_of, sizes_on
from earmark.localisation.spotter import KeywordSpotter, load_model
from earmark.models.checkpoint import read_checkpoint
from earmark.models.encoded import encode
from earmark.models.keyword_models import build
from earmark.recipe import Recipe, read_recipe
from earmark.training.loop import train
from support import networks
from support.random_models import CNN_ATTEND, FEATURES, PSC, WORDS

pytestmark = pytest.mark.usefixtures("no_network")
GRID = FrameGrid(stride=320, first_centre=200, field=400)


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A HuBERT of chance weights, whose convolutions alone tell one pitch from another; not to be changed."""
    wide = {"conv_dim": [32] * 7, "hidden_size": 32, "feat_extract_norm": "layer"}
    return networks.speech(tmp_path_factory.mktemp("networks") / "ọmọ net", "hubert", **wide)


@pytest.fixture(scope="module")
def hearing(tiny_recipe: Recipe) -> Callable[..., Recipe]:
    """The tiny recipe on hidden states of a network, with an encoder for frames of 20 ms."""

    def change(network: Path | str, epochs: int = 30) -> Recipe:
        values = tiny_recipe.model_dump(exclude_none=True)
        values["features"] = {"kind": "pretrained", "network": str(network), "layer": 1}
        values["model"]["encoder"][0] |= {"stride": 1, "kernel": 5}
        values["training"]["epochs"] = epochs
        return Recipe.model_validate(values)

    return change


@pytest.fixture(scope="module")
def run(
    tiny_corpus: Corpus, network: Path, hearing: Callable[..., Recipe], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Folder of a model that learned the tiny corpus; not to be changed."""
    out = tmp_path_factory.mktemp("runs") / "hearing"
    train(hearing(network), tiny_corpus, out, Vocabulary(tiny_corpus.keywords))
    return out


@pytest.fixture
def own_run(run: Path, network: Path, tmp_path: Path) -> tuple[Path, Path]:
    """A copy of the model and one of its network, which a test may change."""
    shutil.copytree(run, tmp_path / "run")
    shutil.copytree(network, tmp_path / "own net")
    name_network(tmp_path / "run" / "recipe.yaml", str(tmp_path / "own net"))
    return tmp_path / "run", tmp_path / "own net"


def name_network(recipe: Path, network: str) -> None:
    """Write another network into a recipe."""
    values = yaml.safe_load(recipe.read_text(encoding="utf-8"))
    values["features"]["network"] = network
    recipe.write_text(yaml.safe_dump(values), encoding="utf-8")


def test_a_model_learns_where_words_are(run: Path, tiny_corpus: Corpus) -> None:
    """By chance, a third of the locations would be right."""
    for localisation in ("score-aggregation", "masked-in"):
        metrics = evaluate(KeywordSpotter(read_checkpoint(run), localisation), tiny_corpus, "test").metrics
        assert metrics.oracle.accuracy >= 0.5


def test_a_model_knows_where_its_frames_are(run: Path, network: Path) -> None:
    grid = extractor(pretrained.Settings(network=str(network))).grid
    assert grid == GRID
    assert read_checkpoint(run).model.grid == grid.then(5, 1, 2).then(5, 1, 2).then(1)
    assert load_model(run).feature_grid == grid


def test_the_recipe_of_a_model_names_its_network_for_good(run: Path, network: Path) -> None:
    features = read_recipe(run / "recipe.yaml").features
    assert isinstance(features, pretrained.Settings)
    assert (features.network, features.layer) == (str(network), 1)
    assert features.sha256 is not None
    assert len(features.sha256) == 64


def test_a_run_goes_on_only_with_the_same_network(
    network: Path, hearing: Callable[..., Recipe], tiny_corpus: Corpus, tmp_path: Path
) -> None:
    shutil.copytree(network, tmp_path / "net")
    given = (tiny_corpus, tmp_path / "run", Vocabulary(tiny_corpus.keywords))
    train(hearing(tmp_path / "net", 1), *given)
    train(hearing(tmp_path / "net", 1), *given, resume=True)
    networks.speech(tmp_path / "net", "hubert", seed=1)
    with pytest.raises(EarmarkError, match="has another recipe"):
        train(hearing(tmp_path / "net", 1), *given, resume=True)


def test_a_network_that_is_gone_or_another(own_run: tuple[Path, Path], tiny_corpus: Corpus) -> None:
    folder, network = own_run
    assert load_model(folder).keywords == tiny_corpus.keywords
    networks.speech(network, "hubert", seed=1)
    with pytest.raises(EarmarkError, match=r"The model in .*run needs the speech network that .*: put the old files"):
        load_model(folder)
    shutil.rmtree(network)
    with pytest.raises(
        EarmarkError, match=r"needs the speech network .* \(named in recipe\.yaml there.*\): There is no folder"
    ):
        load_model(folder)


def test_nothing_is_downloaded_to_use_a_model(own_run: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    folder, network = own_run
    name_network(folder / "recipe.yaml", "hub:some/hubert")
    requests: list[bool] = []

    def fetch(name: str, local_files_only: bool, **_: object) -> str:
        requests.append(local_files_only)
        return str(network)

    monkeypatch.setattr("huggingface_hub.snapshot_download", fetch)
    load_model(folder)
    assert requests
    assert all(requests)


@pytest.mark.parametrize("kind", list(networks.SPEECH_KINDS))
def test_the_shipped_recipe_takes_settings_from_the_command_line(
    kind: str, tiny_corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def earmark(*arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", ["earmark", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        assert not ended.value.code
        return capsys.readouterr().out

    networks.speech(tmp_path / "net", kind)
    monkeypatch.chdir(tmp_path)
    corpus, sizes = str(tiny_corpus.folder), ("--set", "training.epochs=1", "--set", "augment.speeds=[1.0]")
    options = ("--set", "features.kind=pretrained", "--set", "features.network=net", "--set", "features.layer=1")
    earmark("train", "earmark-mfcc", "--corpus", corpus, "--out", "run", *options, *sizes)
    monkeypatch.chdir("/")  # the network's folder holds from anywhere
    audio = tiny_corpus.utterances("test")[0].audio
    assert "dog" in earmark("find", str(tmp_path / "run"), "dog", str(audio))
    earmark("evaluate", str(tmp_path / "run"), "--corpus", corpus, "--out", str(tmp_path / "results"))
    assert (tmp_path / "results" / "metrics.json").is_file()


# Locations on other grids than that of MFCC


def test_segments_last_as_long_on_any_grid() -> None:
    """Worked by hand: 200 to 600 ms, every 30 ms; of 20 ms are 10 to 30, and every 2 is nearest."""
    assert sizes_on(FEATURE_GRID) == (20, 60, 3)
    assert sizes_on(GRID) == (10, 30, 2)
    assert sizes_on(FrameGrid(stride=16_000, first_centre=8_000, field=16_000)) == (1, 1, 1)
    assert segments_of(14, *sizes_on(GRID)).tolist() == [[0, 10], [0, 12], [0, 14], [2, 12], [2, 14], [4, 14]]


@pytest.mark.parametrize("name", ["attention", "grad-cam", "masked-in", "masked-out", "score-aggregation"])
def test_methods_give_times_by_the_features_grid(name: str) -> None:
    """The same model on twice as long frames, which begin 40 samples later, finds everything then."""
    recipe = CNN_ATTEND if name == "attention" else PSC
    models = []
    for grid in (FEATURE_GRID, GRID):
        torch.manual_seed(0)
        models.append(build(recipe, FEATURES, WORDS, grid).eval())
    features, lengths, queries = torch.randn(2, 60, FEATURES), torch.tensor([60, 42]), torch.arange(2)
    short, long = (method(name, model)(model, encode(model, features, lengths), queries) for model in models)
    if short.overlap:  # segments: the shortest have half as many frames
        assert float((long.ends_s - long.starts_s).min()) == pytest.approx(0.2)
        assert float((long.ends_s - long.starts_s).max()) == pytest.approx(0.6)
        first = np.round((long.starts_s * 16_000 - 40).numpy())
        assert set((first % 640).tolist()) == {0.0}
    else:
        torch.testing.assert_close(long.times_s, 2 * short.times_s + 40 / 16_000)
        torch.testing.assert_close(long.scores, short.scores)
