"""What is still to do in hours of work: which step of how many, and about how long the rest will take."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager


class Agenda:
    """Steps of several kinds, each kind with a pace of its own.

    Parameters
    ----------
    steps : mapping of str to int
        How many steps of each kind there are to do.
    expected_s : mapping of str to float
        Seconds that a step of a kind is known to take before one was measured.
    """

    def __init__(self, steps: Mapping[str, int], expected_s: Mapping[str, float]) -> None:
        self.left, self.total = Counter(steps), sum(steps.values())
        self._expected_s = expected_s
        self._measured_s: dict[str, list[float]] = {kind: [] for kind in steps}

    @contextmanager
    def step(self, kind: str, name: str) -> Iterator[None]:
        """Say what comes now, and measure how long it takes if it ends well."""
        number = self.total - self.left.total() + 1
        print(f"[{number}/{self.total}] {kind} {name}; {self._time_left()}.", file=sys.stderr, flush=True)
        began = time.monotonic()
        try:
            yield
            self._measured_s[kind].append(time.monotonic() - began)
        finally:
            self.left[kind] -= 1

    def drop(self, kind: str, steps: int) -> None:
        """Steps that can't be done after all."""
        self.left[kind] -= steps

    def _time_left(self) -> str:
        left_s, unknown = 0.0, []
        for kind, steps in self.left.items():
            step_s = self._step_s(kind)
            if steps and step_s is None:
                unknown.append(f"{steps} {kind}{'s' if steps > 1 else ''}")
            left_s += steps * (step_s or 0.0)
        if not unknown:
            return f"about {spell(left_s)} left in all"
        known = f"about {spell(left_s)} left, " if left_s else ""
        return f"{known or 'time left '}not known yet for {' and '.join(unknown)}"

    def _step_s(self, kind: str) -> float | None:
        measured = self._measured_s[kind]
        return sum(measured) / len(measured) if measured else self._expected_s.get(kind)


def spell(seconds: float) -> str:
    """A length of time as people say it.

    >>> spell(47), spell(600), spell(8100)
    ('47 s', '10 min', '2 h 15 min')
    """
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
