"""Finding with pictures, and what the model sees in them while it hears a stretch of speech."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import soundfile
import torch
from PIL import Image

import earmark
from conftest import SAMPLE_RATE, WORD_S, picture, spoken
from earmark.core.corpus import Word
from earmark.core.errors import EarmarkError
from earmark.core.types import ImageQuery, Prompt
from earmark.evaluation.examples import matchmap_data
from earmark.localisation.spotter import KeywordSpotter, ScoredHit, load_model
from support import slow_pairs


@pytest.fixture(params=["tiny_pictured_run", "tiny_pair_run"])
def model(request: pytest.FixtureRequest) -> KeywordSpotter:
    return load_model(request.getfixturevalue(request.param))


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """Longer than a window, with "dog" in the last of three."""
    word = Word("dog", 14.9, 14.9 + WORD_S)
    soundfile.write(str(tmp_path / "long.wav"), spoken((word,), 16.0, np.random.default_rng(0)), SAMPLE_RATE)
    return tmp_path / "long.wav"


def show(path: Path, *words: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    picture(list(words), np.random.default_rng(0)).save(path)
    return path


def test_from_python(model: KeywordSpotter, recording: Path, tmp_path: Path) -> None:
    """Several pictures are one query, called by their names; a model that knows words finds it where it is spoken."""
    photos = [show(tmp_path / f"ajá mi {i} 犬.png", "dog") for i in range(3)]
    query = earmark.ImageQuery.of(*photos)
    assert query.name == "ajá mi 0 犬.png, ajá mi 1 犬.png, ajá mi 2 犬.png"
    hits = model.find(query, recording)
    assert {hit.query for hit in hits} == {query.name}
    assert model.localisation == "matchmap" or 14.9 <= hits[0].time_s <= 14.9 + WORD_S
    assert hits == model.find([query, query], [recording])
    named = earmark.ImageQuery.of(*map(str, photos), name="ajá mi")
    assert [hit.query for hit in model.find(named, recording, top=1)] == ["ajá mi"]


def test_a_part_of_a_picture_from_python(model: KeywordSpotter, recording: Path, tmp_path: Path) -> None:
    """It finds what a file with that part alone finds."""
    photo = show(tmp_path / "a.png", "dog", "snow")
    box = (0, 0, 24, 48)
    with Image.open(photo) as whole:
        whole.crop(box).save(tmp_path / "part.png")
    part = model.find(earmark.ImageQuery("dog", (earmark.Prompt(photo, box),)), recording)
    assert part == model.find(earmark.ImageQuery.of(tmp_path / "part.png", name="dog"), recording)
    assert part != model.find(earmark.ImageQuery.of(photo, name="dog"), recording)


def test_words_and_pictures_may_be_queried_together(tiny_pictured_run: Path, recording: Path, tmp_path: Path) -> None:
    spotter = load_model(tiny_pictured_run)
    photo = ImageQuery.of(show(tmp_path / "a.png", "dog"))
    hits = spotter.find(["dog", photo], recording, top=1)
    assert {hit.query for hit in hits} == {"dog", "a.png"}
    for query in ("dog", photo):
        assert spotter.find(query, recording, top=1)[0] in hits


def test_a_picture_that_is_given_twice_counts_once(model: KeywordSpotter, recording: Path, tmp_path: Path) -> None:
    """By whatever path, for the names too."""
    photo, other = show(tmp_path / "a.png", "dog"), show(tmp_path / "b.png", "dog", "ball")
    (tmp_path / "link.png").symlink_to(photo)
    again = tmp_path / "sub" / ".." / "a.png"
    (tmp_path / "sub").mkdir()
    query = ImageQuery.of(photo, other, photo, again, tmp_path / "link.png")
    assert query == ImageQuery.of(photo, other)
    assert query.name == "a.png, b.png"
    assert model.find(ImageQuery.of(photo, photo), recording) == model.find(ImageQuery.of(photo), recording)


def test_names_in_either_unicode_form_are_found(model: KeywordSpotter, recording: Path, tmp_path: Path) -> None:
    composed, decomposed = (unicodedata.normalize(form, "ọmọ ilé.png") for form in ("NFC", "NFD"))
    one, other = show(tmp_path / "c" / composed, "dog"), show(tmp_path / "d" / decomposed, "dog")
    scores = [[hit.score for hit in model.find(ImageQuery.of(path), recording)] for path in (one, other)]
    assert scores[0] == scores[1]


def test_two_queries_of_one_name_are_refused(model: KeywordSpotter, recording: Path, tmp_path: Path) -> None:
    """Their hits could not be told apart."""
    one, other = show(tmp_path / "one" / "a.png", "dog"), show(tmp_path / "other" / "a.png", "ball")
    with pytest.raises(EarmarkError) as error:
        model.find([ImageQuery.of(one), ImageQuery.of(other)], recording)
    assert str(error.value) == "Two queries are called 'a.png': rename one of them."
    hits = model.find([ImageQuery.of(one), ImageQuery.of(other, name="b")], recording)
    assert {hit.query for hit in hits} == {"a.png", "b"}


def test_a_picture_that_can_not_be_read_is_an_error_before_any_sound_is_read(
    model: KeywordSpotter, tmp_path: Path
) -> None:
    (tmp_path / "a.png").write_text("no picture")
    with pytest.raises(EarmarkError, match=r"a\.png can't be read as a picture"):
        model.find(ImageQuery.of(tmp_path / "a.png"), tmp_path / "none.wav")


def test_models_that_do_not_accept_a_query_raise(tiny_run: Path, tiny_pair_run: Path, tmp_path: Path) -> None:
    photo = ImageQuery.of(show(tmp_path / "a.png", "dog"))
    with pytest.raises(EarmarkError, match=r"takes words alone, not pictures \(a\.png\): train"):
        load_model(tiny_run).find(photo, tmp_path / "none.wav")
    with pytest.raises(EarmarkError, match=r"takes pictures alone, not the word 'dog': give"):
        load_model(tiny_pair_run).find("dog", tmp_path / "none.wav")


# What is seen


def candidates(model: KeywordSpotter, query: ImageQuery, recording: Path) -> list[ScoredHit]:
    found = model.candidates(query, recording)
    assert len({candidate.window_s for candidate in found}) > 1
    return found


def stretched(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.array([float(value) for value in slow_pairs.stretched(list(torch.from_numpy(values)))])


@torch.no_grad()
def test_an_explanation_is_that_of_each_picture_by_itself(
    model: KeywordSpotter, recording: Path, tmp_path: Path
) -> None:
    """Window by window, number by number: of the picture that scores best, and of the frames that are compared."""
    paths = [show(tmp_path / f"{i}.png", *words) for i, words in enumerate([("ball",), ("dog", "snow"), ("dog",)])]
    query = ImageQuery("things", (*(Prompt(path) for path in paths), Prompt(paths[1], (0, 0, 24, 24))))
    network, bests = model.model, []
    by_pairs = model.localisation == "matchmap"
    for candidate in candidates(model, query, recording):
        explanation = model.explain(query, candidate)
        frames, lengths = candidate.encoded.frames[:, : len(candidate.times_s)], candidate.encoded.frame_lengths
        alone = [ImageQuery("one", (prompt,)) for prompt in query.prompts]
        scores = [network.score((frames, lengths), model.encode_queries([one]))[0].item() for one in alone]
        assert explanation.best == scores.index(max(scores))
        bests.append(explanation.best)
        pixels = network.encode_images([query.prompts[explanation.best]])
        expected = network.matchmaps((frames, lengths), pixels)[0].double().numpy()
        count = expected.shape[2]
        inner = [t for t in range(count) if not by_pairs or 2 <= t < count - 2]
        for t in range(count):
            lowest = np.full(expected.shape[:2], expected[:, :, inner].min())
            np.testing.assert_allclose(
                explanation.matchmap[:, :, t], expected[:, :, t] if t in inner else lowest, atol=1e-4
            )
        pixel_map = stretched(expected[:, :, inner].max(axis=2).flatten()).reshape(expected.shape[:2])
        np.testing.assert_allclose(explanation.image_attention, pixel_map, atol=1e-4)
        frame_curve = stretched(expected[:, :, inner].max(axis=(0, 1)))
        np.testing.assert_allclose(explanation.audio_attention[inner], frame_curve, atol=1e-4)
        assert explanation.audio_attention.sum() == pytest.approx(explanation.audio_attention[inner].sum())
    assert any(best != 0 for best in bests)


def test_matchmap_data_has_the_times_of_its_hit(model: KeywordSpotter, recording: Path, tmp_path: Path) -> None:
    """In the recording, not in the window. For a model of pairs the attention is the localisation curve."""
    query = ImageQuery.of(show(tmp_path / "a.png", "dog"))
    for candidate in candidates(model, query, recording):
        pixel_map = matchmap_data(model, query, candidate)
        np.testing.assert_array_equal(pixel_map.times_s, candidate.times_s)
        assert pixel_map.query == query
        assert candidate.window_s[0] <= pixel_map.times_s[0] < pixel_map.times_s[-1] <= candidate.window_s[1]
        if model.localisation == "matchmap":
            np.testing.assert_allclose(pixel_map.audio_attention, candidate.curve, atol=1e-4)


def test_a_model_for_words_sees_nothing(tiny_run: Path, recording: Path, tmp_path: Path) -> None:
    spotter = load_model(tiny_run)
    (candidate, *_) = spotter.candidates("dog", recording)
    with pytest.raises(EarmarkError, match=r"takes words alone, not pictures \(a\.png\): train"):
        spotter.explain(ImageQuery.of(tmp_path / "a.png"), candidate)
