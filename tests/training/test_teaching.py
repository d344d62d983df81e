"""A model that judgements teach: what is learned, what stays, and when the new model is refused."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

import earmark
from earmark.archive.archive import Archive
from earmark.archive.judged_corpus import write_judged_corpus
from earmark.core.corpus import Corpus
from earmark.core.errors import EarmarkError
from earmark.core.model_folder import WEIGHTS, read_weights
from earmark.features import extractor
from earmark.localisation.spotter import KeywordSpotter, load_model
from earmark.models.checkpoint import read_checkpoint
from earmark.recipe import Recipe
from earmark.supervision.targets import read_targets, targets_path
from earmark.training import teaching
from earmark.training.state import FILE
from earmark.training.teaching import NotBetterError, Teaching, problem_of, teach
from earmark.training.teaching_measures import JudgedMeasures
from earmark.training.teaching_objective import TeachingObjective, load_judged, teaching_losses
from support.judged_archive import judged_archive
from support.small_archive import write_run
from support.stopping import stopped_after

NAN = math.nan


@pytest.fixture(scope="module", autouse=True)
def few_steps() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(teaching, "STEPS", 40)
        yield


@pytest.fixture(scope="module")
def archive(tiny_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Archive:
    return judged_archive(tmp_path_factory.mktemp("judged"), tiny_run, recordings=7)


@pytest.fixture(scope="module")
def judged(archive: Archive, tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Its judged places; not to be changed but for its cache."""
    return write_judged_corpus(archive, tmp_path_factory.mktemp("judged-corpus") / "judged")


def average_precision(model: KeywordSpotter, judged: Corpus) -> float:
    """Mean over words of the held-out places, each scored as an utterance of its own."""
    from earmark.media.utterances import read_utterance

    utterances = judged.utterances("test")
    targets = read_targets(targets_path(judged, "judged")).matrix([u.id for u in utterances], model.vocabulary)
    scores = np.array(
        [[hit.hit.score for hit in model.score_utterance(read_utterance(u), model.keywords)] for u in utterances]
    )
    every = []
    for word in range(targets.shape[1]):
        known = ~np.isnan(targets[:, word])
        if len(set(targets[known, word])) == 2:
            every.append(earmark.metrics.average_precision(scores[known, word], targets[known, word] == 1))
    assert every
    return float(np.mean(every))


def test_teaching_raises_held_out_average_precision(
    judged: Corpus, tiny_run: Path, tiny_corpus: Corpus, tmp_path: Path
) -> None:
    taught = teach(tiny_run, judged, tmp_path / "new", tiny_corpus)
    new, old = load_model(tmp_path / "new"), load_model(tiny_run)
    assert average_precision(new, judged) > average_precision(old, judged) + 0.02
    assert taught.after.right_pairs > taught.before.right_pairs
    assert taught.corpus == "tiny"
    assert taught.agreement_before is not None
    assert taught.agreement_after is not None
    assert taught.agreement_after >= taught.agreement_before - teaching.LARGEST_LOSS
    assert str(taught) in (tmp_path / "new" / "model-card.md").read_text(encoding="utf-8")
    written = json.loads((tmp_path / "new" / "teaching.json").read_text(encoding="utf-8"))
    assert written["after"]["right_pairs"] == taught.after.right_pairs
    assert written["learned"] == len(judged.utterances("train"))


def test_a_stopped_teaching_goes_on_to_the_same_weights(
    judged: Corpus, tiny_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(teaching, "STEPS", 1)
    whole = teach(tiny_run, judged, tmp_path / "whole")
    with stopped_after(2):
        teach(tiny_run, judged, tmp_path / "stopped")
    assert not (tmp_path / "stopped" / WEIGHTS).exists()
    with pytest.raises(EarmarkError, match="already holds a run"):
        teach(tiny_run, judged, tmp_path / "stopped")
    assert teach(tiny_run, judged, tmp_path / "stopped", resume=True) == whole
    one, other = (read_weights(tmp_path / name) for name in ("whole", "stopped"))
    assert all(torch.equal(one[name], other[name]) for name in one)
    old, new = read_checkpoint(tiny_run), read_checkpoint(tmp_path / "whole")
    assert new.thresholds.tolist() == old.thresholds.tolist()  # there is no dev to choose others on


def test_flipped_judgements_are_refused(tiny_run: Path, tiny_corpus: Corpus, tmp_path: Path) -> None:
    flipped = write_judged_corpus(judged_archive(tmp_path, tiny_run, voice=1.0, flipped=True), tmp_path / "judged")
    with pytest.raises(NotBetterError, match=r"^The old model stays, as .* yes and no were mixed up"):
        teach(tiny_run, flipped, tmp_path / "new", tiny_corpus)
    assert not (tmp_path / "new").exists()


def test_a_model_that_is_no_better_leaves_nothing(
    judged: Corpus, tiny_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(JudgedMeasures, "is_better_than", lambda one, other: False)
    monkeypatch.setattr(teaching, "FEWEST_EPOCHS", 1)
    monkeypatch.setattr(teaching, "STEPS", 1)
    with pytest.raises(NotBetterError, match=r"The old model stays, as the new one is not better .*before: "):
        teach(tiny_run, judged, tmp_path / "new")
    assert list((tmp_path / "new").iterdir()) == []


def test_a_model_for_pictures_is_refused(judged: Corpus, tiny_pictured_recipe: Recipe, tmp_path: Path) -> None:
    pictured = write_run(tmp_path / "pictured", tiny_pictured_recipe, judged.keywords)
    with pytest.raises(EarmarkError, match="can't be taught by judgements"):
        teach(pictured, judged, tmp_path / "new")
    assert not (tmp_path / "new" / FILE).exists()


GOOD, BETTER = JudgedMeasures(20, 12.0, 3.0, 9, 5), JudgedMeasures(20, 15.0, 3.0, 9, 5)


@pytest.mark.parametrize(
    ("one", "problem"),
    [
        (Teaching(9, GOOD, BETTER, "", None, None), ""),
        (Teaching(9, GOOD, BETTER, "corpus", 0.9, 0.895), ""),
        (Teaching(9, GOOD, BETTER, "corpus", 0.9, 0.88), "clearly worse on dev of corpus"),
        (Teaching(9, GOOD, BETTER, "", 1.0, 0.95), ""),
        (Teaching(9, GOOD, BETTER, "", 1.0, 0.85), "that nobody judged"),
        (Teaching(9, BETTER, GOOD, "", None, None), "not better on the judged places"),
        (Teaching(9, GOOD, GOOD, "", None, None), "not better on the judged places"),
    ],
)
def test_what_is_refused(one: Teaching, problem: str) -> None:
    assert problem in problem_of(one)
    assert bool(problem) == bool(problem_of(one))


def test_the_losses_by_hand() -> None:
    logits = torch.tensor([[0.0, 1.0], [-1.0, 2.0]])
    targets = torch.tensor([[1.0, NAN], [NAN, NAN]])
    old = torch.tensor([[0.9, 0.5], [0.2, 0.7]])
    judged, retained = teaching_losses(logits, targets, old)

    def entropy(logit: float, target: float) -> float:
        p = 1 / (1 + math.exp(-logit))
        return -target * math.log(p) - (1 - target) * math.log(1 - p)

    assert float(judged) == pytest.approx(math.log(2))
    assert float(retained) == pytest.approx((entropy(1, 0.5) + entropy(-1, 0.2) + entropy(2, 0.7)) / 3)
    members = teaching_losses(torch.stack([logits, logits + 1]), targets, old)
    other = teaching_losses(logits + 1, targets, old)
    assert float(members[1]) == pytest.approx((float(retained) + float(other[1])) / 2)


def test_half_of_a_batch_is_judged(judged: Corpus, tiny_run: Path) -> None:
    checkpoint = read_checkpoint(tiny_run)
    recipe = checkpoint.recipe
    splits = load_judged(recipe, judged, checkpoint.vocabulary, extractor(recipe.features))
    count = splits.train.utterances
    # The held-out places stand for windows here: of their words, too, nothing is taken as known.
    objective = TeachingObjective(checkpoint.model, checkpoint.model, splits.train, splits.test, recipe)
    objective.sampler.set_epoch(3)
    batches = list(objective.sampler)
    assert len(batches) == len(objective.sampler)
    own = [index % count for batch in batches for index in batch if index < len(splits.train)]
    assert sorted(own) == list(range(count))
    for batch in batches:
        known = [not np.isnan(objective.dataset[index]["targets"]).all() for index in batch]
        assert sum(known) == len(batch) / 2
    assert batches == list(objective.sampler)
