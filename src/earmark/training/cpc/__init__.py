"""Pretraining of a CPC network on untranscribed speech alone.

    earmark pretrain cpc AUDIO... --out FOLDER

Order, places of the stretches and wrong latents depend on the seed and the epoch alone. A pretraining that was stopped
therefore goes on from its last whole epoch, by the same command, to the same weights as one that was not.
"""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from torch.utils.data import DataLoader

from earmark.core.corpus import Utterance
from earmark.core.errors import EarmarkError
from earmark.core.progress import Advance, progress
from earmark.core.timing import FRAMES_PER_SECOND
from earmark.features import extractor
from earmark.features.cache import FeatureSet, kept_features
from earmark.models.checkpoint import WEIGHTS, write_weights
from earmark.models.init_from import DESCRIPTION, Description, read_cpc_description, write_cpc_description
from earmark.recipe import CpcPretraining
from earmark.training.cpc.data import Windows, WindowSampler, find_recordings, heard, refuse_damaged
from earmark.training.cpc.objective import CpcObjective
from earmark.training.state import has_state, load_state, save_state


def pretrain(settings: CpcPretraining, audio: Sequence[Path], out: Path) -> None:
    """Pretrain a network and leave it in the folder `out`, or go on with what was begun there.

    Parameters
    ----------
    settings : CpcPretraining
    audio : sequence of Path
        Audio files, folders of them, corpora.
    out : Path

    Raises
    ------
    EarmarkError
        If recordings can't be read or are all too short, `out` holds something else, or the loss is no longer a
        number.
    """
    recordings = _long_enough(find_recordings(audio), settings)
    accelerator = Accelerator()
    with accelerator.main_process_first():  # which makes the folder and the features that the others then find
        _claim(out, Description(pretraining=settings, heard=heard(recordings)), recordings)
        finished = (out / WEIGHTS).is_file()
        features = None if finished else kept_features(recordings, out / "features", "speech", settings.features)
    if features is not None:
        _train(settings, features, [str(recording.speaker) for recording in recordings], out, accelerator)
    if accelerator.is_main_process:
        shutil.rmtree(out / "features", ignore_errors=True)  # as large as the speech, and of no more use


def _long_enough(recordings: Sequence[Utterance], settings: CpcPretraining) -> list[Utterance]:
    """Leave out what is shorter than a stretch, and say so."""
    least_s = (settings.sample_frames + 1) / FRAMES_PER_SECOND  # a frame more, since lengths in frames are rounded
    long = [recording for recording in recordings if recording.duration_s >= least_s]
    if not long:
        raise EarmarkError(f"No recording lasts {least_s:.2f} s, as pretraining needs: give longer ones.")
    if len(long) < len(recordings):
        short = len(recordings) - len(long)
        print(f"note: {short} of {len(recordings)} recordings, under {least_s:.2f} s, are left out.", file=sys.stderr)
    return long


def _claim(out: Path, description: Description, recordings: Sequence[Utterance]) -> None:
    """Make sure that `out` is new, or was begun with these very settings and recordings."""
    if (out / DESCRIPTION).is_file():
        known = read_cpc_description(out)
        for what in ("pretraining", "heard"):
            if getattr(known, what) != getattr(description, what):
                other = "settings" if what == "pretraining" else "recordings"
                raise EarmarkError(f"{out} was begun with other {other}: go on with those, or choose another folder.")
    elif has_state(out) or (out / WEIGHTS).is_file():
        raise EarmarkError(f"{out} already holds a run: choose another folder.")
    else:
        refuse_damaged(recordings)
        write_cpc_description(out, description)


def _train(
    settings: CpcPretraining, features: FeatureSet, speakers: list[str], out: Path, accelerator: Accelerator
) -> None:
    torch.manual_seed(settings.seed)
    model = CpcObjective(extractor(settings.features).dimension, settings)
    optimizer = torch.optim.Adam(model.parameters(), settings.learning_rate)
    windows, sampler = Windows(features, settings), WindowSampler(features.lengths, speakers, settings)
    loader = DataLoader(windows, batch_sampler=sampler, collate_fn=lambda one: one[0])
    model, optimizer, loader = accelerator.prepare(model, optimizer, loader)
    plain = accelerator.unwrap_model(model)
    state = load_state(out, plain, optimizer)
    batches = len(loader)
    with progress(f"Pretraining {out.name}", settings.epochs * batches, state.epochs * batches) as advance:
        for epoch in range(state.epochs, settings.epochs):
            torch.manual_seed(_seed(settings.seed, epoch, accelerator.process_index))
            sampler.epoch = epoch
            began = time.monotonic()
            loss, accuracy = _one_epoch(model, optimizer, loader, accelerator, settings, epoch, advance)
            state.epochs = epoch + 1
            state.seconds += time.monotonic() - began
            state.curve.append({"epoch": epoch + 1, "train_loss": loss, "accuracy": accuracy})
            if accelerator.is_main_process:
                save_state(out, plain, optimizer, state)
    if accelerator.is_main_process:
        write_weights(out, plain.network.state_dict())


def _one_epoch(
    model: Any,
    optimizer: Any,
    loader: Any,
    accelerator: Accelerator,
    settings: CpcPretraining,
    epoch: int,
    advance: Advance,
) -> tuple[float, float]:
    """One pass over all speech; returns its mean loss and accuracy."""
    warmup = settings.warmup * settings.epochs * len(loader)
    outcomes = []
    model.train()
    for number, windows in enumerate(loader):
        rise = (epoch * len(loader) + number + 1) / max(warmup, 1)
        for group in optimizer.param_groups:
            group["lr"] = settings.learning_rate * min(1.0, rise)
        loss, accuracy = model(windows)
        if not loss.isfinite():
            raise EarmarkError(
                f"The loss is no longer a number in epoch {epoch + 1}: "
                "pretrain into another folder with a lower --learning-rate."
            )
        optimizer.zero_grad()
        accelerator.backward(loss)
        optimizer.step()
        outcomes.append((float(loss.detach()), float(accuracy)))
        advance(note=f"loss {outcomes[-1][0]:.3f}, {outcomes[-1][1]:.0%} right")
    loss, accuracy = np.mean(outcomes, axis=0).tolist()
    return loss, accuracy


def _seed(*parts: int) -> int:
    return int(np.random.SeedSequence(parts).generate_state(1)[0])
