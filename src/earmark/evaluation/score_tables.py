"""What a list of detections scores, as a table for the console, and its curves as CSV."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from earmark.core.files import write_text
from earmark.evaluation.det import pooled_curve, term_weighted_curve
from earmark.evaluation.ranking import ranking_measures
from earmark.evaluation.score_lists import SearchScores
from earmark.evaluation.term_weighted import AlignedDetections

if TYPE_CHECKING:
    from rich.table import Table

COLUMNS = ("threshold", "p_fa", "p_miss", "p_fa_pooled", "p_miss_pooled")


def scores_table(scores: SearchScores) -> Table:
    """All measures with what they depend on, a row for each."""
    from rich.table import Table

    values, entropy, aligned = scores.values, scores.cross_entropy, scores.aligned
    ranking = ranking_measures(aligned)
    counted = aligned.counted
    found = np.count_nonzero(aligned.correct & aligned.decision & counted[aligned.term])
    false_alarms = np.count_nonzero(~aligned.correct & aligned.decision & counted[aligned.term])
    rows = [
        ("MAP", f"{ranking.mean_average_precision:.4f}"),
        ("P@10, of as many as there are", f"{ranking.precision_at_10:.4f}"),
        ("P@N", f"{ranking.precision_at_n:.4f}"),
        ("MRR", f"{ranking.reciprocal_rank:.4f}"),
        ("ATWV", f"{values.atwv:.4f}"),
        ("MTWV", f"{values.mtwv:.4f}"),
        ("threshold of the MTWV", f"{values.threshold:.6g}"),
        ("OTWV", f"{values.otwv:.4f}"),
        ("STWV", f"{values.stwv:.4f}"),
        ("terms that are spoken", f"{values.terms}"),
        ("occurrences", f"{aligned.occurrences[counted].sum()}"),
        ("found by decisions, false alarms", f"{found}, {false_alarms}"),
        ("trials for each term", f"{aligned.trials.max(initial=0):.10g}"),
        ("cost of a miss, of a false alarm", f"{values.costs.miss:g}, {values.costs.false_alarm:g}"),
        ("prior, beta", f"{values.costs.prior:g}, {values.costs.beta:.6g}"),
    ]
    if entropy is not None:
        rows += [
            ("Cnxe", f"{entropy.cnxe:.4f}"),
            ("minCnxe, affine", f"{entropy.affine:.4f}"),
            ("minCnxe, isotonic", f"{entropy.isotonic:.4f}"),
            ("prior of the Cnxe", f"{entropy.prior:.6g}"),
        ]
    table = Table("measure", "value")
    for row in rows:
        table.add_row(*row)
    return table


def write_curves(path: Path, aligned: AlignedDetections) -> None:
    """Write the DET curves as CSV: rates that are means over terms, and those of all terms pooled."""
    weighted, pooled = term_weighted_curve(aligned), pooled_curve(aligned)
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    columns = (weighted.threshold, weighted.p_fa, weighted.p_miss, pooled.p_fa, pooled.p_miss)
    writer.writerows(zip(*(column.tolist() for column in columns), strict=True))
    write_text(path, text.getvalue())
