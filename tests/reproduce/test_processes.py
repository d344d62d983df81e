"""A reproduction that several processes share."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from earmark.core.corpus import Corpus
from earmark.core.evaluation_setup import IMAGE
from earmark.core.vocabulary import Vocabulary
from earmark.reproduce import nortje2022, olaleye2022
from earmark.reproduce.grid import Row, cells, select_cells
from earmark.reproduce.processes import NAMES, Process, alone
from earmark.reproduce.report import read_results_of

SCRIPT = """
import sys
from pathlib import Path

from earmark.cli.console import show_messages
from earmark.core.corpus import read_corpus
from earmark.core.vocabulary import Vocabulary
from earmark.reproduce import olaleye2022
from earmark.reproduce.budget import Budget
from earmark.reproduce.grid import Row

corpus, out, psc, attend = sys.argv[1:]
rows = [
    Row("psc", "score-aggregation", psc, "PSC", 1),
    Row("cnn-attend", "attention", attend, "CNN-Attend", 3),
    Row("earmark", "score-aggregation", psc, "Earmark's default"),
]
known = read_corpus(Path(corpus))
with show_messages():
    olaleye2022.reproduce(known, Path(out), Vocabulary(known.keywords), (), Budget(epochs=1), grid=rows)
"""


@pytest.mark.parametrize("count", [1, 2, 3, 5, 20])
@pytest.mark.parametrize("patterns", [[], ["*/vgs"], ["cnn-attend", "psc"]])
def test_every_cell_is_one_processs_own(count: int, patterns: list[str]) -> None:
    every = cells(olaleye2022.rows())
    wanted = select_cells(every, patterns)
    shares = [Process(rank, count).share(wanted, every) for rank in range(count)]
    assert sorted(cell.name for share in shares for cell in share) == sorted(cell.name for cell in wanted)
    trainings = [{cell.training for cell in share} for share in shares]
    assert sum(map(len, trainings)) == len(set().union(*trainings))  # all cells of a model are in one place
    sizes = sorted(map(len, trainings))
    assert sizes[-1] - sizes[0] <= 1


def test_what_starts_from_a_training_is_where_that_is() -> None:
    every = cells(nortje2022.rows("small"))
    shares = [Process(rank, 3).share(every, every) for rank in range(3)]
    for supervision in ("vgs", "bow"):
        owners = {
            rank
            for rank, share in enumerate(shares)
            for cell in share
            if cell.supervision == supervision and cell.row.queries == IMAGE
        }
        assert len(owners) == 1


def test_a_process_is_alone_while_it_trains(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in zip(NAMES, ("3", "4", "1", "2"), strict=True):
        monkeypatch.setenv(name, value)
    with alone() as process:
        assert (process.rank, process.count, process.local_rank) == (3, 4, 1)
        assert not any(name in os.environ for name in NAMES)
    assert os.environ["WORLD_SIZE"] == "4"
    for name in NAMES:
        monkeypatch.delenv(name)
    with alone() as process:
        assert process == Process()
        process.wait_for_all()


@pytest.mark.slow
def test_two_processes_do_everything_once(tiny_corpus: Corpus, tiny_rows: list[Row], tmp_path: Path) -> None:
    (tmp_path / "reproduce.py").write_text(SCRIPT, encoding="utf-8")
    out, (psc, attend) = tmp_path / "out", [row.recipe for row in tiny_rows[:2]]
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    arguments = [tmp_path / "reproduce.py", tiny_corpus.folder, out, psc, attend]
    done = subprocess.run([*launch, *map(str, arguments)], capture_output=True, text=True, timeout=500, check=False)
    assert done.returncode == 0, done.stderr
    steps = re.findall(r"^\[\d+/\d+\] ((?:training|evaluation) \S+);", done.stdout, re.M)
    names = {cell.training.name for cell in cells(tiny_rows)}
    assert sorted(steps) == sorted(
        [*(f"training {name}" for name in names), *(f"evaluation {cell.name}" for cell in cells(tiny_rows))]
    )
    assert done.stdout.count("The report is ") == 1
    results = read_results_of(out, tiny_rows, tiny_corpus, Vocabulary(tiny_corpus.keywords))
    assert set(results.by_cell) == set(cells(tiny_rows))
    assert "6 of 6 cells of the grid" in (out / "report.md").read_text(encoding="utf-8")
