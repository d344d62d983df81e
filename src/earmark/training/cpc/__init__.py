"""Pretraining of a CPC network on untranscribed speech alone.

    earmark pretrain cpc AUDIO... --out FOLDER

A pretraining that was stopped goes on from its last whole epoch, by the same command, to the same weights as one that
was not.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Sequence
from pathlib import Path

import torch

from earmark.core.corpus import Utterance
from earmark.core.errors import EarmarkError
from earmark.core.model_folder import WEIGHTS, write_weights
from earmark.core.timing import FRAMES_PER_SECOND
from earmark.features import extractor
from earmark.features.cache import cached_features
from earmark.models.cpc_pretraining import (
    DESCRIPTION,
    CpcPretraining,
    Description,
    read_cpc_description,
    write_cpc_description,
)
from earmark.training.cpc.data import find_recordings, refuse_damaged, summarise
from earmark.training.cpc.objective import CpcObjective
from earmark.training.devices import accelerated
from earmark.training.fit import FitSettings, fit
from earmark.training.state import has_state

logger = logging.getLogger(__name__)


def pretrain(
    settings: CpcPretraining,
    audio: Sequence[Path],
    out: Path,
    device: str | None = None,
    precision: str | None = None,
) -> None:
    """Pretrain a network and leave it in the folder `out`, or go on with an unfinished pretraining there.

    Parameters
    ----------
    settings : CpcPretraining
    audio : sequence of Path
        Audio files, folders of them, corpora.
    out : Path
    device, precision : str, optional
        As of :func:`earmark.training.loop.train`.

    Raises
    ------
    DivergedError
        If the loss becomes NaN or infinite.
    EarmarkError
        If recordings can't be read or are all too short, or `out` holds something else.
    """
    recordings = _long_enough(find_recordings(audio), settings)
    with accelerated(device, precision) as accelerator:
        with accelerator.main_process_first():  # which makes the folder and the features that the others then find
            _check_folder(out, Description(pretraining=settings, data=summarise(recordings)), recordings)
            finished = (out / WEIGHTS).is_file()
            if not finished:
                extract = extractor(settings.features)
                features = cached_features(recordings, out / "features", "speech", settings.features, extract=extract)
        if not finished:
            torch.manual_seed(settings.seed)  # of the initial weights
            speakers = [str(recording.speaker) for recording in recordings]
            objective = CpcObjective(extract.dimension, settings, features, speakers)
            optimizer = torch.optim.Adam(objective.model.parameters(), settings.learning_rate)
            fit(objective, optimizer, _fit_settings(settings), out, accelerator, f"Pretraining {out.name}")
            if accelerator.is_main_process:
                write_weights(out, objective.model.network.state_dict())
        if accelerator.is_main_process:
            shutil.rmtree(out / "features", ignore_errors=True)  # as large as the speech, and of no more use


def _fit_settings(settings: CpcPretraining) -> FitSettings:
    def warm_up(optimizer: torch.optim.Optimizer, step: int, steps: int) -> None:
        rise = (step + 1) / max(settings.warmup * steps, 1)
        for group in optimizer.param_groups:
            group["lr"] = settings.learning_rate * min(1.0, rise)

    advice = "pretrain into another folder with a lower --learning-rate"
    return FitSettings(settings.epochs, settings.seed, warm_up, advice=advice)


def _long_enough(recordings: Sequence[Utterance], settings: CpcPretraining) -> list[Utterance]:
    """Leave out what is shorter than a window, with a note."""
    least_s = (settings.sample_frames + 1) / FRAMES_PER_SECOND  # a frame more, since lengths in frames are rounded
    long = [recording for recording in recordings if recording.duration_s >= least_s]
    if not long:
        raise EarmarkError(f"No recording lasts {least_s:.2f} s, as pretraining needs: give longer ones.")
    if len(long) < len(recordings):
        short = len(recordings) - len(long)
        logger.info("%d of %d recordings, under %.2f s, are left out.", short, len(recordings), least_s)
    return long


def _check_folder(out: Path, description: Description, recordings: Sequence[Utterance]) -> None:
    """Make sure that `out` is new, or has a pretraining with these very settings and recordings."""
    if (out / DESCRIPTION).is_file():
        known = read_cpc_description(out)
        for what in ("pretraining", "data"):
            if getattr(known, what) != getattr(description, what):
                other = "settings" if what == "pretraining" else "recordings"
                raise EarmarkError(f"{out} was begun with other {other}: go on with those, or choose another folder.")
    elif has_state(out) or (out / WEIGHTS).is_file():
        raise EarmarkError(f"{out} already holds a run: choose another folder.")
    else:
        refuse_damaged(recordings)
        write_cpc_description(out, description)
