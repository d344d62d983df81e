"""Stops of a training at a chosen place, as a kill or a power cut would make them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from earmark.training import fit


class Stop(BaseException):
    """An end that no handler expects."""


@contextmanager
def stopped_after(
    epoch: int, saved: bool = True, error: type[BaseException] = Stop, run: str | None = None
) -> Iterator[None]:
    """Stop a training that the block begins, after so many epochs.

    Parameters
    ----------
    epoch : int
    saved : bool
        Whether the state of that epoch was saved before the stop.
    error : type of BaseException
    run : str, optional
        Name of the folder of the one training to stop, where there are several.
    """
    save_state = fit.save_state

    def save_and_stop(out: Path, model: Any, optimizer: Any, state: Any, scaler: Any = None) -> None:
        reached = state.epochs == epoch and run in (None, out.name)
        if saved or not reached:
            save_state(out, model, optimizer, state, scaler)
        if reached:
            raise error

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fit, "save_state", save_and_stop)
        with pytest.raises(error):
            yield
