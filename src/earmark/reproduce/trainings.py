"""What the trainings of a reproduction took."""

from __future__ import annotations

from earmark.pages.compared import Table
from earmark.pages.page import DASH
from earmark.reproduce.agenda import spell
from earmark.reproduce.grid import SUPERVISIONS
from earmark.reproduce.results import read_curve, run_folder
from earmark.reproduce.study import Study
from earmark.train.state import training_seconds


def trainings(study: Study) -> Table:
    """What every training took: epochs, time, and which epoch was the best on dev."""
    body = []
    for training in dict.fromkeys(cell.training for cell in study.results):
        curve = read_curve(study.out, training)
        best = min(curve, key=lambda point: point["dev_loss"], default=None)
        seconds = training_seconds(run_folder(study.out, training))
        told = (
            str(len(curve) or DASH),
            DASH if seconds is None else spell(seconds),
            f"{best['epoch']:.0f}, loss on dev {best['dev_loss']:.4f}" if best else DASH,
        )
        title = next(row.title for row in study.rows if row.architecture == training.architecture)
        body.append(((title, SUPERVISIONS[training.supervision], *told), ()))
    columns = ("Architecture", "Taught by", "Epochs", "Time", "Best epoch")
    notes = ("Time is that of the whole epochs on this machine, without the computing of features.",)
    return Table("What the trainings took", columns, body, notes)
