"""``earmark tag`` from translations and by hand, and ``--keyword-map`` of every importer."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from earmark import cli, corpora
from earmark.core.corpus import Corpus, read_corpus
from earmark.core.keyword_map import KeywordMap
from earmark.recipe import Recipe, write_recipe
from earmark.supervision.targets import read_targets, targets_path
from support.media import write_tone

pytestmark = pytest.mark.usefixtures("command_line")


def earmark(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr(sys, "argv", ["earmark", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return int(ended.value.code or 0)


def test_a_table_with_translations_and_a_map_teaches_and_tests(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for name in "abc":
        write_tone(tmp_path / f"{name}.wav")
    (tmp_path / "t.csv").write_text(
        "audio,split,text,translation\n"
        "a.wav,train,mbwa na paka,a dog and a cat\nb.wav,dev,paka,the cat\nc.wav,test,mbwa,\n"
    )
    (tmp_path / "map.csv").write_text("keyword,word\ndog,mbwa\ncat,paka\n")
    out = tmp_path / "corpus"
    assert earmark(monkeypatch, "corpus", "table", tmp_path / "t.csv", out, "--keyword-map", tmp_path / "map.csv") == 0
    corpus = read_corpus(out)
    assert corpus.keyword_map == KeywordMap((("dog", ("mbwa",)), ("cat", ("paka",))))
    assert corpus.keywords == ("dog", "cat")
    assert [u.translation for split in corpus.splits() for u in corpus.utterances(split)] == [
        "a dog and a cat",
        "the cat",
        None,
    ]
    assert earmark(monkeypatch, "tag", out, "--translation") == 0
    assert "train with --set supervision=translation" in capsys.readouterr().out
    lines = targets_path(corpus, "translation").read_text().splitlines()
    assert lines == ["utterance_id,dog,cat", "a,1,1", "b,0,1", "c,,"]
    assert earmark(monkeypatch, "tag", out, "--bow") == 0
    assert targets_path(corpus, "bow").read_text().splitlines() == ["utterance_id,dog,cat", "a,1,1", "b,0,1", "c,1,0"]
    assert earmark(monkeypatch, "tag", out, "--translation", "--top-words", 1) == 0
    assert read_targets(targets_path(corpus, "translation")).vocabulary.words == ("cat",)
    assert earmark(monkeypatch, "tag", out, "--bow", "--top-words", 2) == 0
    assert read_targets(targets_path(corpus, "bow")).vocabulary.words == ("mbwa", "paka")
    (tmp_path / "words.txt").write_text("na\n")  # listed, though it is among the rarest
    listed = ("--keywords", tmp_path / "words.txt", "--top-words", 2)
    assert earmark(monkeypatch, "tag", out, "--bow", *listed) == 0
    assert read_targets(targets_path(corpus, "bow")).vocabulary.words == ("na", "mbwa")


@pytest.mark.parametrize("name", corpora.names())
def test_every_importer_takes_a_map_of_keywords(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    assert earmark(monkeypatch, "corpus", name.replace("_", "-"), "--help") == 0
    assert "--keyword-map" in capsys.readouterr().out


def test_hand_tags_teach_where_they_are_known(
    monkeypatch: pytest.MonkeyPatch, own_corpus: Corpus, tiny_recipe: Recipe, tmp_path: Path
) -> None:
    path = targets_path(own_corpus, "vgs")
    before = read_targets(path)
    rows = ["image,tags"]
    for split in own_corpus.splits():
        for number, utterance in enumerate(own_corpus.utterances(split)):
            assert utterance.image is not None
            known = "; ".join(word.word for word in utterance.words or ())
            rows.append(f"{utterance.image.name},{known}{'; ?snow' if number % 4 == 0 and 'snow' not in known else ''}")
    (tmp_path / "tags.csv").write_text("\n".join(rows), encoding="utf-8")
    assert earmark(monkeypatch, "tag", own_corpus.folder, "--table", tmp_path / "tags.csv") == 0
    found = read_targets(path)
    assert found.vocabulary == before.vocabulary
    values = np.stack([found.rows[name] for name in before.rows])
    assert np.isnan(values[:, found.vocabulary.index("snow")]).any()
    assert np.isfinite(values[:, found.vocabulary.index("dog")]).all()

    (tmp_path / "recipe.yaml").write_text(write_recipe(tiny_recipe), encoding="utf-8")
    run = tmp_path / "run"
    train = ("train", tmp_path / "recipe.yaml", "--corpus", own_corpus.folder, "--out", run)
    assert earmark(monkeypatch, *train, "--set", "training.epochs=1") == 0
    assert (run / "model.safetensors").is_file()

    published = own_corpus.folder / "tags.txt"
    (tmp_path / "one.csv").write_text(rows[0] + "\n" + rows[1] + "\n", encoding="utf-8")
    mixed = ("tag", own_corpus.folder, "--file", published, "--table", tmp_path / "one.csv")
    assert earmark(monkeypatch, *mixed) == 0
    changed = [name for name, row in read_targets(path).rows.items() if (row != before.rows[name]).any()]
    assert changed == [own_corpus.utterances("train")[0].id]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--bow", "--table", "t.csv"), "Tags of pictures do not mix with those of texts"),
        (("--translation", "--bow"), "Say where the tags come from"),
        (("--file", "tags.txt", "--top-words", "3"), "--top-words is for --bow and --translation"),
    ],
)
def test_sources_that_do_not_mix(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    own_corpus: Corpus,
    options: tuple[str, ...],
    sentence: str,
) -> None:
    assert earmark(monkeypatch, "tag", own_corpus.folder, *options) == 1
    assert sentence in capsys.readouterr().err
