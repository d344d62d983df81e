"""Where networks are run."""

from __future__ import annotations

import torch


def device() -> torch.device:
    """The graphics card where there is one, else the processor."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
