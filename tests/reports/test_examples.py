from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from earmark.core.corpus import Utterance
from earmark.core.types import Hit
from earmark.evaluation.examples import make_example
from earmark.localisation.spotter import ScoredHit
from support.media import write_picture, write_tone


@pytest.mark.parametrize("there", [True, False])
def test_a_page_can_do_without_the_picture(tmp_path: Path, there: bool) -> None:
    """Corpora whose pictures are tagged from a file name pictures that need not be there."""
    audio, image = write_tone(tmp_path / "a.wav"), tmp_path / "a.jpg"
    if there:
        write_picture(image)
    hit = Hit(str(audio), "dog", 0.9, 0.5, 0.4, 0.6)
    found = ScoredHit(hit, (0.0, 1.0), np.array([0.5]), np.array([1.0]))
    example = make_example(found, Utterance("a", audio, 16_000, 16_000, image=image))
    assert example.image == (image if there else None)
