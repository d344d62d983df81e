"""A reproduction in several processes, as torchrun and accelerate launch start them: each has a share of the trainings.

Every training, with its cells and with those that start from it, belongs to one process, which works on it by itself on
a device of its own: nothing is done twice, and no gradients are exchanged. At the end all wait for one another, and the
first one writes the report.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch

from earmark.reproduce.grid import Cell, Training

NAMES = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")  # by which libraries notice that they are several
LONGEST = timedelta(days=30)  # that one process waits for the others


@dataclass(frozen=True)
class Process:
    """One of the processes of a reproduction.

    Attributes
    ----------
    rank, count : int
        Its number, from 0 on, and how many there are.
    local_rank : int
        Its number on its machine.
    """

    rank: int = 0
    count: int = 1
    local_rank: int = 0

    @property
    def is_first(self) -> bool:
        """Whether it is the one that writes the report."""
        return self.rank == 0

    @property
    def device(self) -> str:
        """Where it computes: a GPU of its own, as long as there are some."""
        gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
        return f"cuda:{self.local_rank % gpus}" if gpus else "cpu"

    def share(self, cells: Sequence[Cell], every: Sequence[Cell]) -> list[Cell]:
        """The cells that are this process's own, the same wherever they are divided.

        Parameters
        ----------
        cells : sequence of Cell
            What is to be divided.
        every : sequence of Cell
            The whole grid, in which trainings start from one another.
        """
        by_name = {cell.training.name: cell.training for cell in every}
        roots = [_root(cell.training, by_name) for cell in cells]
        number = {root: i for i, root in enumerate(dict.fromkeys(roots))}
        return [cell for cell, root in zip(cells, roots, strict=True) if number[root] % self.count == self.rank]

    def wait_for_all(self) -> None:
        """Wait until all processes are here."""
        if self.count > 1:
            torch.distributed.init_process_group("gloo", timeout=LONGEST)
            torch.distributed.barrier()
            torch.distributed.destroy_process_group()


@contextmanager
def alone() -> Iterator[Process]:
    """This process; within the block it is alone for all libraries, so that trainings are its own."""
    rank, count, local_rank = (
        int(os.environ.get(name, default)) for name, default in zip(NAMES, (0, 1, 0), strict=False)
    )
    before = {name: os.environ.pop(name) for name in NAMES if count > 1 and name in os.environ}
    try:
        yield Process(rank, count, local_rank)
    finally:
        os.environ.update(before)


def _root(training: Training, by_name: dict[str, Training]) -> str:
    """The first of the trainings that this one starts from, or itself."""
    while training.start_name in by_name:
        training = by_name[str(training.start_name)]
    return training.name
