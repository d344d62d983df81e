"""How well an image query matches speech: matchmap, image attention and audio attention."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from earmark.core.types import ImageQuery, Prompt

Numbers = npt.NDArray[np.floating]

FINEST = 320  # frames that a page holds: more make it heavy, and a screen shows no more
TOLERANCE = 1e-6  # by which float32 may leave [0, 1]
PLACES = (
    ("in the upper left", "at the top", "in the upper right"),
    ("on the left", "in the middle", "on the right"),
    ("in the lower left", "at the bottom", "in the lower right"),
)


@dataclass(frozen=True, eq=False)
class MatchmapData:
    """Matchmap and attention of an image query over a window of speech.

    Attributes
    ----------
    query : ImageQuery
        Its images.
    best : int
        Which of its prompts scored best; everything below is of that one.
    matchmap : numpy.ndarray, shape = (height, width, frames)
        How well each pixel of the prompt matches each frame, on any scale. The pixels are those of the image
        network's feature map, which covers the whole prompt.
    image_attention : numpy.ndarray, shape = (height, width)
        Best match of each pixel with any frame, in [0, 1].
    audio_attention : numpy.ndarray, shape = (frames,)
        Best match of each frame with any pixel, in [0, 1].
    times_s : numpy.ndarray, shape = (frames,)
        Centres of the frames in the recording: rising, in even steps.

    Raises
    ------
    ValueError
        If these do not fit together, one is not a number, or an attention leaves [0, 1].
    """

    query: ImageQuery
    best: int
    matchmap: Numbers
    image_attention: Numbers
    audio_attention: Numbers
    times_s: Numbers

    def __post_init__(self) -> None:
        if not 0 <= self.best < len(self.query.prompts):
            raise ValueError(f"matchmap data of {len(self.query.prompts)} prompts has none with the number {self.best}")
        if self.matchmap.ndim != 3 or 0 in self.matchmap.shape[:2]:
            raise ValueError(f"the matchmap must be of shape (height, width, frames), not {self.matchmap.shape}")
        if self.image_attention.shape != self.matchmap.shape[:2]:
            raise ValueError(f"image attention {self.image_attention.shape} does not fit {self.matchmap.shape}")
        for name, numbers in (("audio attention", self.audio_attention), ("times", self.times_s)):
            if numbers.shape != self.matchmap.shape[2:]:
                raise ValueError(f"{name} {numbers.shape} do not fit a matchmap of {self.matchmap.shape}")
        attentions = (self.image_attention, self.audio_attention)
        if not all(np.isfinite(numbers).all() for numbers in (self.matchmap, self.times_s, *attentions)):
            raise ValueError("matchmap data holds values or times that are not numbers")
        if any(((numbers < -TOLERANCE) | (numbers > 1 + TOLERANCE)).any() for numbers in attentions):
            raise ValueError("matchmap data holds attention outside 0 to 1")
        steps = np.diff(self.times_s)
        if len(steps) and not (self.step_s > 0 and np.allclose(steps, self.step_s, rtol=0, atol=0.01 * self.step_s)):
            raise ValueError("the times of matchmap data do not rise in even steps")

    @property
    def prompt(self) -> Prompt:
        """The picture that scored best."""
        return self.query.prompts[self.best]

    @property
    def frames(self) -> int:
        """How many frames of speech there are."""
        return len(self.times_s)

    @property
    def step_s(self) -> float:
        """Seconds from one frame to the next; 0 where there are fewer than two."""
        if self.frames < 2:
            return 0.0
        return float(self.times_s[-1] - self.times_s[0]) / (self.frames - 1)

    def within(self, start_s: float, end_s: float) -> MatchmapData:
        """The data of a part of the speech. The image attention is unchanged: it is over the whole window."""
        inside = (self.times_s >= start_s) & (self.times_s <= end_s)
        return replace(
            self,
            matchmap=self.matchmap[:, :, inside],
            audio_attention=self.audio_attention[inside],
            times_s=self.times_s[inside],
        )

    def downsampled(self, finest: int = FINEST) -> MatchmapData:
        """The data in at most `finest` frames, each the maximum of a group of neighbouring frames."""
        each = -(-self.frames // finest)
        if each <= 1:
            return self
        short = -self.frames % each  # the last group is filled up with the last frame
        matchmap = np.pad(self.matchmap, ((0, 0), (0, 0), (0, short)), mode="edge")
        audio = np.pad(self.audio_attention, (0, short), mode="edge")
        groups = len(audio) // each
        centres = each * np.arange(groups) + (each - 1) / 2
        return replace(
            self,
            matchmap=matchmap.reshape(*matchmap.shape[:2], groups, each).max(axis=3),
            audio_attention=audio.reshape(groups, each).max(axis=1),
            times_s=self.times_s[0] + centres * self.step_s,
        )

    def nearest_frame(self, time_s: float) -> int:
        """Index of the frame whose centre is nearest to `time_s`."""
        return int(np.abs(self.times_s - time_s).argmin())

    def levels(self) -> npt.NDArray[np.uint8]:
        """The matchmap from its lowest value, 0, to its highest, 255: shape = (frames, height, width).

        One scale for all frames, so that frames that match nothing are pale. All 0 where all values
        are the same.
        """
        values = np.moveaxis(self.matchmap, 2, 0).astype(np.float64)
        if not values.size:
            return values.astype(np.uint8)
        low, high = values.min(), values.max()
        levels: npt.NDArray[np.uint8] = np.rint(255 * (values - low) / ((high - low) or 1)).astype(np.uint8)
        return levels


def strongest(values: npt.NDArray[np.floating] | npt.NDArray[np.uint8]) -> str:
    """Where in a picture the highest value lies, in words.

    Parameters
    ----------
    values : numpy.ndarray, shape = (height, width)

    Examples
    --------
    >>> strongest(np.array([[0.1, 0.2, 0.9], [0.0, 0.1, 0.3], [0.0, 0.0, 0.0]]))
    'strongest in the upper right'
    >>> strongest(np.ones((7, 7)))
    'the same everywhere'
    """
    if values.min() == values.max():
        return "the same everywhere"
    row, column = np.unravel_index(values.argmax(), values.shape)
    height, width = values.shape
    return f"strongest {PLACES[_third(int(row), height)][_third(int(column), width)]}"


def _third(index: int, count: int) -> int:
    """In which third of `count` places the middle of the one at `index` lies."""
    return int(3 * (index + 0.5) / count)
