"""The grid of Table II: every architecture with every localisation method that fits it."""

from __future__ import annotations

from earmark.recipe import read_recipe
from earmark.reproduce.grid import Row


def rows() -> list[Row]:
    """The eight rows of Table II, and Earmark's default recipe with its own localisation method."""
    published = [
        ("PSC", "psc", "score-aggregation"),
        ("CNN-Pool", "cnn-pool", "grad-cam"),
        ("CNN-Attend", "cnn-attend", "attention"),
        ("CNN-Attend", "cnn-attend", "masked-in"),
        ("CNN-Attend", "cnn-attend", "masked-out"),
        ("CNN-PoolAttend", "cnn-pool-attend", "attention"),
        ("CNN-PoolAttend", "cnn-pool-attend", "masked-in"),
        ("CNN-PoolAttend", "cnn-pool-attend", "masked-out"),
    ]
    theirs = [
        Row(architecture, localisation, f"olaleye2022/{architecture}", title, number)
        for number, (title, architecture, localisation) in enumerate(published, 1)
    ]
    return [*theirs, Row("earmark", read_recipe("earmark").localisation, "earmark", "Earmark's default")]
