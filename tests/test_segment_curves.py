"""From a candidate to what a page shows."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from earmark.finder import Candidate
from earmark.hits import Hit
from earmark.moments import moment
from media import write_tone


def test_segments_that_share_a_centre_are_shown_by_the_best(tmp_path: Path) -> None:
    recording = tmp_path / "a.wav"
    write_tone(recording, seconds=1.0)
    # Segments by their starts, then their lengths, as masking scores them: their centres come and go.
    times_s, curve = np.array([0.1, 0.2, 0.3, 0.2, 0.3, 0.4]), np.array([0.1, 0.5, 0.2, 0.4, 0.9, 0.0])
    hit = Hit(str(recording), "dog", 0.9, 0.3, 0.2, 0.4)
    shown = moment(Candidate(hit, (0.0, 1.0), times_s, curve))
    np.testing.assert_allclose(shown.curve_times_s, [0.1, 0.2, 0.3, 0.4])
    np.testing.assert_allclose(shown.curve, [0.1, 0.5, 0.9, 0.0])
