"""What a training step costs beside another busy program, with and without OpenMP's patience cut short.

    python benchmarks/spinning.py

Threads that wait for one another spin. On a machine with nothing else to do that is fast; beside another program the
waiting threads take the time that the awaited one needs. The command line sets GOMP_SPINCOUNT unless it is set.
"""

from __future__ import annotations

import os
import subprocess
import sys

STEPS = """
import statistics, time, torch
from earmark.models import build
from earmark.recipe import read_recipe
from earmark.core.vocabulary import Vocabulary

torch.manual_seed(0)
model = build(read_recipe("earmark-mfcc").model, 39, Vocabulary([str(number) for number in range(34)])).train()
features, lengths = torch.randn(16, 400, 39), torch.full((16,), 400)
times = []
for _ in range(40):
    begun = time.perf_counter()
    model(features, lengths).square().mean().backward()
    times.append(time.perf_counter() - begun)
print(1000 * statistics.median(times))
"""


def step_ms(**environment: str) -> float:
    """Median time of a training step in a process of its own."""
    result = subprocess.run(
        [sys.executable, "-c", STEPS], env=os.environ | environment, capture_output=True, encoding="utf-8", check=True
    )
    return float(result.stdout)


def main() -> None:
    """Time a step on the machine as it is, then beside one busy program."""
    for beside in (False, True):
        busy = subprocess.Popen([sys.executable, "-c", "while True: pass"]) if beside else None
        try:
            patient, short = step_ms(), step_ms(GOMP_SPINCOUNT="5000")
        finally:
            if busy is not None:
                busy.kill()
        where = "beside a busy program" if beside else "alone"
        print(f"{where}: {patient:.0f} ms a step, cut short {short:.0f} ms: {patient / short:.1f} times as fast")


if __name__ == "__main__":
    main()
