"""`find` and `index` with `search` give the same hits, scores and times for a recording, whatever the model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from conftest import COLOURS, picture
from earmark.archive.creation import make_archive
from earmark.archive.executors import ThreadExecutor
from earmark.archive.indexer import index
from earmark.archive.search import SearchOptions, search
from earmark.core.corpus import Corpus
from earmark.core.types import Hit, ImageQuery, Query
from earmark.core.vocabulary import Vocabulary
from earmark.localisation.spotter import load_model
from earmark.recipe import Recipe
from earmark.training.loop import train
from support.long_sounds import small_chunks, write_long

KEYWORDS, IMAGES = "keywords", "images"
MODELS = [
    ("log-mean-exp", "score-aggregation", KEYWORDS),
    ("log-mean-exp", "masked-in", KEYWORDS),
    ("max", "grad-cam", KEYWORDS),
    ("attention", "attention", KEYWORDS),
    ("shared keywords", "score-aggregation", KEYWORDS),
    ("shared keywords", "score-aggregation", IMAGES),
    ("pairs", "matchmap", IMAGES),
]


@pytest.fixture(scope="module")
def run(request: pytest.FixtureRequest, tiny_corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Path:
    kind, localisation, _ = request.param
    known = {"shared keywords": "tiny_pictured_run", "pairs": "tiny_pair_run"}
    if kind in known:
        return request.getfixturevalue(known[kind])
    recipe: Recipe = request.getfixturevalue("tiny_recipe")
    values = recipe.model_dump(exclude_none=True)
    values["localisation"] = localisation
    values["training"]["epochs"] = 2
    if kind != "log-mean-exp":
        encoder = values["model"]["encoder"][:2]
        values["model"] = {"encoder": encoder, "pooling": {"kind": kind}, "classifier": [8]}
    out = tmp_path_factory.mktemp("runs") / "run"
    train(Recipe.model_validate(values), tiny_corpus, out, Vocabulary(tiny_corpus.keywords))
    return out


def columns(hits: Sequence[Hit]) -> np.ndarray:
    rows = [(hit.score, hit.time_s, hit.start_s, hit.end_s) for hit in hits]
    return np.array(sorted(rows)).reshape(-1, 4)


@pytest.mark.parametrize("duration_s", [1.3, 31.3])  # one window; three chunks, the last one longer
@pytest.mark.parametrize(("run", "kind"), [(model, model[2]) for model in MODELS], indirect=["run"])
def test_find_gives_the_hits_of_an_archive(
    run: Path, kind: str, duration_s: float, tiny_corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_chunks(monkeypatch)
    recording = write_long(tmp_path / "media" / "a.wav", tiny_corpus, duration_s)
    queries: list[Query] = list(tiny_corpus.keywords)
    if kind == IMAGES:
        paths = [tmp_path / f"{colour}.png" for colour in COLOURS.values()]
        for path, word in zip(paths, COLOURS, strict=True):
            picture([word], np.random.default_rng(0)).save(path)
        queries = [ImageQuery.of(paths[0]), ImageQuery.of(paths[1], paths[2], name="two")]
    archive = make_archive(tmp_path / "archive", run)
    assert index(archive, [tmp_path / "media"], ThreadExecutor(1)).problems == []
    spotter = load_model(run)
    for query in queries:
        for top in (1000, 3):
            searched = [found.hit for found in search(archive, query, SearchOptions(top))]
            found = spotter.find(query, recording, top)
            assert {hit.recording for hit in found} == {str(recording)}
            assert len(found) == len(searched) > 0
            np.testing.assert_allclose(columns(found), columns(searched), atol=1e-6)
