"""The location that the released code of Olaleye et al. (2022) takes of a curve: its last peak, not its highest."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

Floats = npt.NDArray[np.float64]


def last_peak_alone(curves: Tensor, lengths: Tensor, prominence: float) -> Tensor:
    """The curves with 0 everywhere but at their last peak; all 0 where there is none.

    Parameters
    ----------
    curves : torch.Tensor, shape = (B, Q, T), at least 0
    lengths : torch.Tensor, shape = (B,)
        Frames of each utterance.
    prominence : float
        Smallest prominence of a peak.
    """
    alone = torch.zeros_like(curves)
    for b, length in enumerate(lengths.tolist()):
        for q, curve in enumerate(curves[b, :, :length].double().cpu().numpy()):
            peak = last_peak(curve, prominence)
            if peak is not None:
                alone[b, q, peak] = curves[b, q, peak]
    return alone


def last_peak(curve: Floats, prominence: float) -> int | None:
    """The last local maximum of at least some prominence, the middle of a flat one; None where there is none.

    As scipy's ``find_peaks``, whose least widths of 0.05 and 0.2 samples in the released code are below that of any
    peak. Both ends of a curve are no peaks.
    """
    changes = np.flatnonzero(np.diff(curve)) + 1  # where a run of equal values ends and the next begins
    starts, ends = np.append(0, changes), np.append(changes, len(curve))
    levels = curve[starts]
    is_peak = (levels[1:-1] > levels[:-2]) & (levels[1:-1] > levels[2:])
    for run in reversed((np.flatnonzero(is_peak) + 1).tolist()):
        if levels[run] - max(_base(levels[: run + 1][::-1]), _base(levels[run:])) >= prominence:
            return int((starts[run] + ends[run] - 1) // 2)
    return None


def _base(levels: Floats) -> float:
    """The lowest level from a peak, which is the first, to the next higher one or to the end."""
    higher = np.flatnonzero(levels > levels[0])
    return float(levels[: higher[0] if len(higher) else None].min())
