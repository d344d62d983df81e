"""Devices and arithmetic of a training, and the process-wide state that it may change only for its own time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Literal, get_args

import numpy as np
import torch
from accelerate import Accelerator, DataLoaderConfiguration
from accelerate.state import AcceleratorState, GradientState, PartialState

from earmark.core.errors import EarmarkError

Precision = Literal["no", "bf16", "fp16"]
"""Mixed precision of the networks' forward passes; losses, weights and optimiser stay in 32 bits."""


@contextmanager
def accelerated(device: str | None = None, precision: str | None = None) -> Iterator[Accelerator]:
    """An accelerator for one training; random and library state of the process is put back behind it.

    Parameters
    ----------
    device : str, optional
        ``cpu``, ``cuda`` or ``cuda:N``; a GPU where there is one without it. Several devices are chosen by
        ``accelerate launch``, each of whose processes has its own.
    precision : {"no", "bf16", "fp16"}, optional
        Without it, what ``accelerate launch --mixed_precision`` says, or else full precision. bf16 needs a GPU or
        processor that computes in it, fp16 a GPU.

    Raises
    ------
    EarmarkError
        If there is no such device, or it can't compute in that precision.
    """
    where = _device(device)
    if precision not in (None, *get_args(Precision)):
        raise EarmarkError(f"Unknown precision {precision!r}: choose one of {', '.join(get_args(Precision))}.")
    if precision == "fp16" and (where.type == "cpu" or not torch.cuda.is_available()):
        raise EarmarkError("fp16 needs a GPU: choose bf16, or train in full precision.")
    current = torch.cuda.device(where) if where.index is not None else nullcontext()
    with torch.random.fork_rng(_generators(where)), _own_state(), current:
        yield _accelerator(where.type == "cuda", precision)


def _accelerator(on_gpu: bool, precision: str | None) -> Accelerator:
    config = DataLoaderConfiguration(non_blocking=on_gpu)
    try:
        return Accelerator(cpu=not on_gpu, mixed_precision=precision, dataloader_config=config)
    except ValueError as error:
        if "mixed precision" not in str(error):
            raise
        raise EarmarkError(f"This device can't compute in {precision}: train in full precision.") from error


def _generators(device: torch.device) -> list[int]:
    """The GPU whose random state is put back; a process of several uses one alone."""
    if device.type != "cuda":
        return []
    if device.index is not None:
        return [device.index]
    return [int(os.environ.get("LOCAL_RANK", torch.cuda.current_device()))]


def seed_everything(*parts: int) -> None:
    """Seed the generators of this process and its devices by numbers such as seed, epoch and process."""
    torch.manual_seed(derived_seed(*parts))


def derived_seed(*parts: int) -> int:
    """One seed of several numbers, independent for each combination of them."""
    return int(np.random.SeedSequence(parts).generate_state(1)[0])


def _device(name: str | None) -> torch.device:
    if name is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise EarmarkError(f"There is no kind of device {name!r}: choose cpu, cuda, or cuda:N.") from None
    if device.type not in ("cpu", "cuda"):
        raise EarmarkError(f"Training on {name!r} is not supported: choose cpu, cuda, or cuda:N.")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise EarmarkError(f"There is no GPU {name!r} here ({torch.cuda.device_count()} found): choose cpu.")
    return device


@contextmanager
def _own_state() -> Iterator[None]:
    """Give Accelerate's process-wide settings back as they were: a second training may choose others.

    Which processes belong together stays, where there are several: they can't be connected twice.
    """
    kinds = [AcceleratorState, GradientState]
    if not torch.distributed.is_initialized() and "WORLD_SIZE" not in os.environ:
        kinds.append(PartialState)
    before = [dict(kind._shared_state) for kind in kinds]
    for kind in kinds:
        kind._shared_state.clear()
    try:
        yield
    finally:
        for kind, values in zip(kinds, before, strict=True):
            kind._shared_state.clear()
            kind._shared_state.update(values)
