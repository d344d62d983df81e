"""Seconds, samples and frames: the constants and the only arithmetic between them.

Times in public are float seconds. A *frame grid* says where the frames of some layer lie in the
waveform, so that a frame index can be turned into a moment and back, whatever network made it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Number = Any  # a number, a numpy array or a torch tensor: what comes in goes out


def exact_div(numerator: int, denominator: int) -> int:
    """Divide two whole numbers that must divide evenly."""
    if numerator % denominator:
        raise ValueError(f"{numerator} is not a multiple of {denominator}")
    return numerator // denominator


SAMPLE_RATE = 16_000  # samples per second, after resampling
HOP_SAMPLES = 160  # samples between the starts of two feature frames
WINDOW_SAMPLES = 400  # samples under one analysis window, 25 ms
FRAMES_PER_SECOND = exact_div(SAMPLE_RATE, HOP_SAMPLES)  # 10 ms per feature frame


def samples_to_s(samples: float, sample_rate: int = SAMPLE_RATE) -> float:
    """Length of `samples` in seconds."""
    return samples / sample_rate


def s_to_samples(seconds: float, sample_rate: int = SAMPLE_RATE) -> int:
    """Nearest whole number of samples in `seconds`."""
    return round(seconds * sample_rate)


@dataclass(frozen=True)
class FrameGrid:
    """Where the frames of a layer lie in the waveform.

    Attributes
    ----------
    stride : int
        Samples between the centres of two neighbouring frames.
    first_centre : float
        Centre of frame 0, in samples; a half where the field has an even width.
    field : int
        Samples that one frame can see (its receptive field).
    """

    stride: int
    first_centre: float
    field: int

    def then(self, kernel: int, stride: int = 1, padding: int = 0) -> FrameGrid:
        """Grid of a convolution or pooling layer (dilation 1) laid on top of this one."""
        return FrameGrid(
            stride=self.stride * stride,
            first_centre=self.first_centre + self.stride * ((kernel - 1) / 2 - padding),
            field=self.field + self.stride * (kernel - 1),
        )

    @property
    def stride_s(self) -> float:
        """Seconds between two neighbouring frames."""
        return samples_to_s(self.stride)

    @property
    def field_s(self) -> float:
        """Seconds that one frame can see."""
        return samples_to_s(self.field)

    def centre_s(self, frame: Number) -> Number:
        """Moment at the centre of a frame, in seconds from the start; a number, an array or a tensor of frames."""
        return (self.first_centre + self.stride * frame) / SAMPLE_RATE

    def edge_s(self, frame: Number) -> Number:
        """Moment halfway between a frame and the one before, in seconds; a number, an array or a tensor of frames."""
        return (self.first_centre + self.stride * (frame - 0.5)) / SAMPLE_RATE

    def nearest_frame(self, seconds: float) -> int:
        """Index of the frame whose centre is nearest to `seconds`; never below 0."""
        return max(0, round((seconds * SAMPLE_RATE - self.first_centre) / self.stride))


# The samples themselves: sample n lasts from moment n to moment n + 1.
SAMPLE_GRID = FrameGrid(stride=1, first_centre=0.5, field=1)
# Frame t of MFCC and log-mel covers hop t of the waveform; its analysis window is centred on that hop.
FEATURE_GRID = FrameGrid(stride=HOP_SAMPLES, first_centre=HOP_SAMPLES / 2, field=WINDOW_SAMPLES)


def feature_frames(samples: int) -> int:
    """Number of feature frames in a waveform of `samples` samples: one a hop, rounded."""
    return (samples + HOP_SAMPLES // 2) // HOP_SAMPLES


def layer_frames(frames: Number, kernel: int, stride: int = 1, padding: int = 0) -> Number:
    """Number of frames that leave a convolution or pooling layer (dilation 1); a number, an array or a tensor."""
    return (frames + 2 * padding - kernel) // stride + 1
