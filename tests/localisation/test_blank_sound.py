"""Nothing is found where a recording is blank."""

from __future__ import annotations

import numpy as np
import torch

from earmark.core.timing import SAMPLE_RATE
from earmark.localisation import LocalisationScores
from earmark.localisation.chunks import only_audible

STEP_S = 0.5


def located(windows: int, frames: int = 4) -> LocalisationScores:
    starts_s = STEP_S * torch.arange(frames)
    scores = torch.arange(float(windows * 2 * frames)).view(windows, 2, frames)
    return LocalisationScores(scores, starts_s, starts_s + STEP_S, torch.zeros(windows, 2), True)


def sound(*levels: float) -> np.ndarray:
    """Half a second of each level."""
    return np.repeat(np.array(levels, np.float32), round(STEP_S * SAMPLE_RATE))


def test_blank_frames_are_no_locations() -> None:
    given = located(3)
    windows = [sound(0.1, 0, 0.1, 0), sound(0.1, 0.1, 0.1, 0.1), sound(0, 0, 0, 0)]
    found = only_audible(given, windows).scores
    blank = found == -torch.inf
    assert blank[0].tolist() == 2 * [[False, True, False, True]]
    assert not blank[1:].any()  # all of it sounds, or nothing does
    assert torch.equal(found[~blank], given.scores[~blank])


def test_a_little_sound_at_its_edge_makes_a_frame_audible() -> None:
    window = sound(0, 0, 0, 0.2)
    window[round(STEP_S * SAMPLE_RATE) - 1] = 0.01
    blank = only_audible(located(1), [window]).scores == -torch.inf
    assert blank[0, 0].tolist() == [False, True, True, False]


def test_frames_that_an_utterance_does_not_have_stay_so() -> None:
    given = located(1)
    given.scores[:, :, 2:] = -torch.inf  # a shorter window
    found = only_audible(given, [sound(0, 0)]).scores
    assert torch.equal(found, given.scores)
