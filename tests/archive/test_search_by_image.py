"""Image queries over an archive: the short way finds what scoring every window finds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.cluster import KMeans

from earmark.archive import search_by_image
from earmark.archive.archive import Archive
from earmark.archive.rescoring import ChunkKey, EncodedQuery, Window, all_windows, matching_recordings, score_windows
from earmark.archive.results import Filters
from earmark.archive.search_by_image import search_pictures
from earmark.archive.shards import build_shard, lookup
from earmark.archive.window_summaries import codebook, kmeans, rank_windows
from earmark.core.errors import EarmarkError
from earmark.core.types import ImageQuery
from earmark.recipe import Recipe
from support.random_image_queries import pictures, query
from support.synthetic_tables import add_recording, made_up_archive, pictured

KINDS = ["keywords", "misa", "sisa", "sima", "max", "localising-attention"]


def filled(recipe: Recipe, folder: Path, kind: str) -> Archive:
    made = made_up_archive(folder, pictured(recipe, kind))
    add_recording(made, 1, 40.0, channels=2, silent_s=(10.0, 20.0), speaker="Ada")
    add_recording(made, 2, 30.0, speaker="Bayo")
    build_shard(made)
    add_recording(made, 3, 9.0, speaker="Ada")
    return made


@pytest.fixture
def image_query(tmp_path: Path) -> ImageQuery:
    return query("a thing", *pictures(tmp_path, 2))


@pytest.fixture(params=KINDS)
def archive(request: pytest.FixtureRequest, tiny_pictured_recipe: Recipe, tmp_path: Path) -> Archive:
    return filled(tiny_pictured_recipe, tmp_path, request.param)


def test_scoring_all_candidates_is_scoring_all_windows(archive: Archive, image_query: ImageQuery) -> None:
    for filters in (Filters(), Filters(speaker="ada"), Filters(speaker="nobody")):
        fast = search_pictures(archive, image_query, 100, filters=filters)
        slow = search_pictures(archive, image_query, 100, filters=filters, exhaustive=True)
        assert {str(found.position) for found in fast} == {str(found.position) for found in slow}
        assert [f.hit.score for f in fast] == pytest.approx([f.hit.score for f in slow], abs=1e-5)
        assert bool(slow) == (filters.speaker != "nobody")
        assert all(f.speaker == "Ada" for f in fast) or not filters.speaker
    one = search_pictures(archive, image_query, 1)
    assert [f.hit.score for f in one] == pytest.approx([max(f.hit.score for f in slow)] if slow else [one[0].hit.score])
    median = float(np.median([f.hit.score for f in search_pictures(archive, image_query, 100)]))
    assert all(f.hit.score >= median for f in search_pictures(archive, image_query, 100, min_score=median))


@torch.no_grad()
@pytest.mark.parametrize("kind", ["keywords", "sisa", "misa"])
def test_window_summaries_estimate_the_order_of_scores(
    tiny_pictured_recipe: Recipe, tmp_path: Path, image_query: ImageQuery, kind: str
) -> None:
    archive = filled(tiny_pictured_recipe, tmp_path, kind)
    rows = matching_recordings(archive, [])
    del rows[3]
    folders, loose = lookup(archive, rows)
    assert loose == []
    one = EncodedQuery(
        "it", archive.spotter, archive.spotter.encode_queries([query("it", image_query.prompts[0].path)])
    )
    guessed = rank_windows(folders, one, rows, 1000)
    indexed = [w for w in all_windows(rows.values()) if score_windows(archive, one, [w], rows)]
    assert sorted(guessed) == sorted(indexed)
    assert rank_windows(folders, one, rows, 7) == guessed[:7]
    by_score = sorted(indexed, key=lambda w: -score_windows(archive, one, [w], rows)[0].hit.score)
    places = [by_score.index(window) for window in guessed]
    at_least = {"keywords": 0.999, "sisa": 0.8, "misa": 0.7}[kind]
    assert np.corrcoef(places, range(len(places)))[0, 1] > at_least


@torch.no_grad()
@pytest.mark.parametrize("kind", ["misa", "sisa"])
def test_window_summaries_of_codebook_frames_give_the_exact_similarity(
    tiny_pictured_recipe: Recipe, tmp_path: Path, kind: str
) -> None:
    model = made_up_archive(tmp_path, pictured(tiny_pictured_recipe, kind)).spotter.model
    rng = torch.Generator().manual_seed(1)
    codebook = torch.randn(9, 16, generator=rng)
    lengths = torch.tensor([30, 12, 3])
    numbers = torch.randint(0, 9, (3, 30), generator=rng)
    speech = codebook[numbers], lengths
    summaries = model.window_summary(speech, codebook)
    for summary, row, length in zip(summaries, numbers.tolist(), lengths.tolist(), strict=True):
        inner = row[2 : length - 2] if length > 5 else row[1:2]
        assert summary.tolist() == pytest.approx([inner.count(code) / len(inner) for code in range(9)])
    pixels = torch.randn(1, 3, 3, 16, generator=rng)
    alike, _ = model.similarities(speech, pixels.flatten(1, 2))
    torch.testing.assert_close(summaries @ model.query_summary(model.build_queries([pixels]), codebook), alike[:, 0])


def test_only_the_likeliest_are_scored(
    tiny_pictured_recipe: Recipe, tmp_path: Path, image_query: ImageQuery, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = filled(tiny_pictured_recipe, tmp_path, "keywords")
    build_shard(archive)
    counts: list[int] = []

    def counted(archive: Archive, image_query: EncodedQuery, windows: list[Window], rows: object) -> list[object]:
        counts.append(len(windows))
        return list(score_windows(archive, image_query, windows, rows))  # type: ignore[arg-type]

    monkeypatch.setattr(search_by_image, "score_windows", counted)
    monkeypatch.setattr(search_by_image, "MIN_HITS", 1)
    best = search_pictures(archive, image_query, 1)
    assert counts == [4]
    assert best[0].position == search_pictures(archive, image_query, 1, exhaustive=True)[0].position


def test_words_only_models_take_no_pictures(tiny_recipe: Recipe, tmp_path: Path, image_query: ImageQuery) -> None:
    archive = made_up_archive(tmp_path, tiny_recipe)
    with pytest.raises(EarmarkError, match="a thing"):
        search_pictures(archive, image_query, 10)


def test_empty_archives_have_no_hits(tiny_pictured_recipe: Recipe, tmp_path: Path, image_query: ImageQuery) -> None:
    archive = made_up_archive(tmp_path, pictured(tiny_pictured_recipe, "misa"))
    assert search_pictures(archive, image_query, 10) == []
    build_shard(archive)
    add_recording(archive, 1, 30.0, silent_s=(0.0, 30.0))
    build_shard(archive)
    assert search_pictures(archive, image_query, 10) == search_pictures(archive, image_query, 10, exhaustive=True) == []
    add_recording(archive, 2, 0.5)
    build_shard(archive)
    assert [found.position.recording for found in search_pictures(archive, image_query, 10)] == [2]


def test_middles_are_as_good_as_those_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    sample = (rng.standard_normal((12, 6)).repeat(50, axis=0) + 0.1 * rng.standard_normal((600, 6))).astype("f4")

    def apart(middle: np.ndarray) -> float:
        return float(np.square(sample[:, None] - middle[None]).sum(axis=2).min(axis=1).mean())

    ours, theirs = kmeans(sample, 40), KMeans(40, n_init=3, random_state=0).fit(sample).cluster_centers_
    assert ours.shape == (40, 6)
    assert apart(ours) < 1.5 * apart(theirs)
    assert sorted(kmeans(sample[:5], 40).tolist()) == sorted(sample[:5].tolist())


def test_typical_frames_pass_silence_over(tiny_pictured_recipe: Recipe, tmp_path: Path) -> None:
    archive = made_up_archive(tmp_path, pictured(tiny_pictured_recipe, "misa"))
    add_recording(archive, 1, 6.0, silent_s=(1.0, 6.0))
    found = codebook(archive, [ChunkKey(1, 1, 0)], matching_recordings(archive, []))
    assert found.shape == (25, 16)
    assert found.any(axis=1).all()
