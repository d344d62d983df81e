"""Further training of a keyword model on judged places, without forgetting what it knows.

    earmark teach ARCHIVE --out RUN [--corpus CORPUS]

What is minimised is in :mod:`earmark.training.teaching_objective`. The new model is kept only if it is better on the
judged places that were held out, and not clearly worse on dev of the corpus that it learned from; without a corpus,
where nothing was judged, it has to rank as the old one does.
"""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from accelerate import Accelerator

from earmark import features
from earmark.core.corpus import Corpus, read_corpus
from earmark.core.errors import EarmarkError
from earmark.core.files import write_text
from earmark.core.model_folder import VOCABULARY, write_weights
from earmark.core.vocabulary import read_text
from earmark.models import SpeechModel, build
from earmark.models.checkpoint import GLOBAL_THRESHOLD, Checkpoint, read_checkpoint, write_description
from earmark.models.learning_test import LEARNING_TEST
from earmark.models.operating_points import OPERATING_POINTS
from earmark.recipe import KeywordModelSettings, Training
from earmark.training.calibration import write_calibration
from earmark.training.callbacks import Callback
from earmark.training.devices import accelerated
from earmark.training.fit import fit
from earmark.training.loop import fit_settings, make_optimizer
from earmark.training.objectives.tags import Objective, detection_scores
from earmark.training.state import (
    CURVE,
    FILE,
    check_folder,
    check_init_from,
    has_state,
    initial_state,
    is_described,
    read_state,
    save_state,
)
from earmark.training.teaching_measures import JudgedMeasures, judged_measures, rank_agreement
from earmark.training.teaching_objective import JudgedSplits, TeachingObjective, load_judged

TEACHING, CARD, THRESHOLDS = "teaching.json", "model-card.md", "thresholds.json"
RATE = 0.1  # of the recipe's learning rate
STEPS, FEWEST_EPOCHS = 400, 4
LARGEST_LOSS = 0.01  # of rank agreement with dev's tags
LEAST_AGREEMENT = 0.9  # with the old model, on windows and words that nobody judged


class NotBetterError(EarmarkError):
    """The further trained model is not better, and was not kept."""


@dataclass(frozen=True)
class Teaching:
    """What further training did.

    Attributes
    ----------
    learned : int
        Judged places that it learned from.
    before, after : JudgedMeasures
        Of the old and the new model on the judged places that were held out.
    corpus : str
        Name of the corpus; "" without one.
    agreement_before, agreement_after : float or None
        Rank agreement of the old and the new model with the tags of the corpus's dev; without a corpus, with the old
        model's scores on windows and words that nobody judged; None where there are none.
    """

    learned: int
    before: JudgedMeasures
    after: JudgedMeasures
    corpus: str
    agreement_before: float | None
    agreement_after: float | None

    def __str__(self) -> str:
        text = f"Learned from {self.learned} judged places. Of the held-out ones, {self.after} (before: {self.before})."
        if self.agreement_before is None or self.agreement_after is None:
            return text
        change = f"{self.agreement_after:.3f} (before: {self.agreement_before:.3f})"
        where = f"the tags of dev of {self.corpus}" if self.corpus else "the old model, where nobody judged,"
        return f"{text} Rank agreement with {where} is {change}."


def teach(
    model: Path | str,
    judged: Corpus | Path | str,
    out: Path | str,
    corpus: Corpus | Path | str | None = None,
    resume: bool = False,
    device: str | None = None,
    precision: str | None = None,
    callbacks: Sequence[Callback] = (),
) -> Teaching:
    """Train a keyword model further on judged places, and leave it in the folder `out` if it is better.

    Parameters
    ----------
    model : path
        Folder of the model; an archive's own is in its folder ``model``.
    judged : Corpus or path
        Judged places, as :meth:`.SearchableArchive.write_judged_corpus` writes them.
    out : path
        A new folder, or with `resume` one of an unfinished teaching.
    corpus : Corpus or path, optional
        What the model learned from, with its tags; without it, windows that nobody judged stand for it.
    resume : bool
        Go on with a teaching that was stopped. The weights will be those of one that was not.
    device, precision : str, optional
    callbacks : sequence of Callback
        As for :func:`earmark.train`.

    Returns
    -------
    Teaching
        What it did, with counts.

    Raises
    ------
    NotBetterError
        If the new model is not better on held-out judged places, or clearly worse elsewhere; it is not kept. Or if
        judgements say the opposite of what the old model says.
    EarmarkError
        If the model is not for keywords alone, something is missing, or `out` is taken.
    """
    judged = judged if isinstance(judged, Corpus) else read_corpus(judged)
    corpus = corpus if isinstance(corpus, Corpus) or corpus is None else read_corpus(corpus)
    with accelerated(device, precision) as accelerator:
        return _teach(Path(model), judged, Path(out), corpus, resume, accelerator, callbacks)


def _teach(
    folder: Path,
    judged: Corpus,
    out: Path,
    corpus: Corpus | None,
    resume: bool,
    accelerator: Accelerator,
    callbacks: Sequence[Callback],
) -> Teaching:
    old = read_checkpoint(folder, "cpu")
    require_keyword_model(old)
    recipe, keywords = old.recipe, old.vocabulary
    extract = features.extractor(recipe.features)
    new = build(recipe.model, extract.dimension, keywords, extract.grid)
    new.load_state_dict(old.model.state_dict())
    with accelerator.main_process_first():
        check_folder(out, recipe, keywords, resume or not accelerator.is_main_process)
        splits = load_judged(recipe, judged, keywords, extract)
        before = judged_measures(detection_scores(old.model, splits.test), splits.test.targets, old.thresholds)
        _refuse_opposite(before)
        of_corpus = Objective(recipe, corpus, keywords, new, extract) if corpus is not None else None
        training = _training(recipe.training, splits)
        optimizer = make_optimizer(new, training)
        if not has_state(out):
            save_state(out, new, optimizer, initial_state(folder))
        if not is_described(out):
            write_description(out, recipe, keywords)
    check_init_from(out, read_state(out), folder)
    retained = of_corpus.train if of_corpus is not None else splits.windows
    old.model.to(accelerator.device)
    objective = TeachingObjective(new, old.model, splits.train, retained, recipe)
    fit(objective, optimizer, fit_settings(training), out, accelerator, f"Teaching {out.name}", callbacks=callbacks)
    return _finish(old, new.eval(), before, out, splits, of_corpus, corpus)


def require_keyword_model(old: Checkpoint) -> None:
    """Refuse a model that judged words can't teach.

    Raises
    ------
    EarmarkError
    """
    if not isinstance(old.recipe.model, KeywordModelSettings):
        raise EarmarkError(
            f"The model in {old.folder} takes more than words, or none, and can't be taught by judgements: train one "
            "by a recipe for written keywords, such as earmark or earmark-mfcc."
        )


def _refuse_opposite(before: JudgedMeasures) -> None:
    if before.is_opposite:
        raise NotBetterError(
            "The old model stays, as judgements say the opposite of what it says, far more than by chance: look "
            f"whether yes and no were mixed up. Of the held-out places, {before}."
        )


def _training(training: Training, splits: JudgedSplits) -> Training:
    """Few steps at a low rate."""
    batches = math.ceil(splits.train.utterances / max(1, training.batch_size // 2))
    epochs = max(FEWEST_EPOCHS, math.ceil(STEPS / batches))
    changes = {"epochs": epochs, "learning_rate": RATE * training.learning_rate}
    return training.model_copy(update={**changes, "schedule": "cosine", "later_rates": {}})


def _finish(
    old: Checkpoint,
    new: SpeechModel,
    before: JudgedMeasures,
    out: Path,
    splits: JudgedSplits,
    of_corpus: Objective | None,
    corpus: Corpus | None,
) -> Teaching:
    """Compare the models, and write the new one if it is better."""
    thresholds = old.thresholds
    if of_corpus is not None:
        calibration = of_corpus.calibrate()
        write_calibration(out, old.vocabulary, calibration)
        assert calibration.keyword_thresholds is not None
        thresholds = calibration.keyword_thresholds
    after = judged_measures(detection_scores(new, splits.test), splits.test.targets, thresholds)
    retained = _agreements(old.model, new, splits, of_corpus)
    teaching = Teaching(splits.train.utterances, before, after, corpus.name if corpus else "", *retained)
    if problem := problem_of(teaching):
        _remove_run(out)
        raise NotBetterError(f"The old model stays, as {problem}.")
    if of_corpus is None:
        _copy_thresholds(old.folder, out)
    _write_card(old.folder, out, teaching)
    write_text(out / TEACHING, json.dumps(asdict(teaching), indent=1, ensure_ascii=False) + "\n")
    write_weights(out, new.state_dict())  # last: a folder with weights is whole
    return teaching


def problem_of(teaching: Teaching) -> str:
    """Why a new model is not to be kept; "" for one that is better."""
    before, after = teaching.before, teaching.after
    if not after.is_better_than(before):
        return f"the new one is not better on the judged places that were held out: {after} (before: {before})"
    if teaching.agreement_before is None or teaching.agreement_after is None:
        return ""
    change = f"rank agreement {teaching.agreement_after:.3f} (before: {teaching.agreement_before:.3f})"
    if teaching.corpus and teaching.agreement_after < teaching.agreement_before - LARGEST_LOSS:
        return f"the new one is clearly worse on dev of {teaching.corpus}: {change}"
    if not teaching.corpus and teaching.agreement_after < LEAST_AGREEMENT:
        return f"the new one ranks words and windows anew that nobody judged: {change}"
    return ""


def _agreements(
    old: SpeechModel, new: SpeechModel, splits: JudgedSplits, of_corpus: Objective | None
) -> tuple[float | None, float | None]:
    """Rank agreement of both models with dev's tags, or with the old one where nothing was judged."""
    if of_corpus is not None:
        dev = of_corpus.dev
        return rank_agreement(detection_scores(old, dev), dev.targets), rank_agreement(
            detection_scores(new, dev), dev.targets
        )
    if splits.checked is None:
        return None, None
    wanted = detection_scores(old, splits.checked)
    wanted[:, _judged_words(splits)] = np.nan
    agreement = rank_agreement(detection_scores(new, splits.checked), wanted)
    return (1.0, agreement) if math.isfinite(agreement) else (None, None)


def _judged_words(splits: JudgedSplits) -> npt.NDArray[np.bool_]:
    """Which words, (W,), were judged."""
    judged: npt.NDArray[np.bool_] = ~np.isnan(np.concatenate([splits.train.targets, splits.test.targets])).all(axis=0)
    return judged


def _copy_thresholds(source: Path, out: Path) -> None:
    """Of a model that ranks as its predecessor does where nothing was judged."""
    for name in (THRESHOLDS, GLOBAL_THRESHOLD, OPERATING_POINTS, LEARNING_TEST):
        if (source / name).is_file():
            shutil.copyfile(source / name, out / name)


def _write_card(source: Path, out: Path, teaching: Teaching) -> None:
    """The old model's card, and what was added."""
    card = read_text(source / CARD) if (source / CARD).is_file() else f"# {source.resolve().name}\n"
    _, _, rest = card.partition("\n")
    write_text(out / CARD, f"# {out.name}\n{rest.rstrip()}\n\n**Trained further on judgements.** {teaching}\n")


def _remove_run(out: Path) -> None:
    """Remove what teaching wrote, so that the folder can be used again."""
    written = [FILE, CURVE, "recipe.yaml", VOCABULARY, THRESHOLDS, GLOBAL_THRESHOLD, OPERATING_POINTS]
    for name in [*written, LEARNING_TEST]:
        (out / name).unlink(missing_ok=True)
