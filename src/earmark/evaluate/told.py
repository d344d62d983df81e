"""What is said about an evaluation with image queries: which pictures, what was left out, and how far it agrees."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from earmark.pages.page import DASH, percent


def told_pictures(metrics: Mapping[str, Any]) -> list[str]:
    """Sentences on the pictures that a split was asked with.

    Parameters
    ----------
    metrics : mapping
        Of an evaluation with image queries, as in ``metrics.json``.
    """
    asked, split = metrics["query_pictures"], metrics["split"]
    counts = [len(pictures) for pictures in asked["of_keywords"].values()]
    few, most = min(counts), max(counts)
    each = f"{most}" if few == most else f"{few} to {most}"
    crops = f", {asked['crops']} of them cropped" if asked["crops"] else ""
    own = (
        "Utterances were asked with their own pictures too, as the released code does."
        if asked["own_pictures_asked"]
        else "No utterance was asked with its own picture."
    )
    told = (
        f"Image queries: each keyword is asked for with {each} {'picture' if most == 1 else 'pictures'} of the split "
        f"{split} ({sum(counts)} in all{crops}), never one of train. {own}"
    )
    cells = metrics["utterances"] * metrics["keywords"]
    return [told, *_left_out(asked["left_out"], cells, split)]


def _left_out(left_out: Mapping[str, Any], cells: int, split: str) -> list[str]:
    told = []
    if left_out["pairs"]:
        told.append(
            f"Left out: {left_out['pairs']} of {cells} pairs of utterance and keyword, {left_out['spoken_pairs']} with "
            "the keyword spoken, for which there is no picture but the utterance's own."
        )
    if left_out["keywords"]:
        told.append(f"Left out, for no utterance of {split} gives a picture: {', '.join(left_out['keywords'])}.")
    if left_out["learned_pictures"]:
        told.append(
            f"Pictures that are in the split train too, and were not asked with: {left_out['learned_pictures']}."
        )
    return told


def told_agreement(agreement: Mapping[str, Any]) -> str:
    """A sentence on how far written and image queries agree."""
    pearson, spearman = (DASH if (r := agreement[name]) is None else f"{r:.2f}" for name in ("pearson", "spearman"))
    common, near, same = (
        percent(agreement[name]) for name in ("top_10_in_common", "located_within_100_ms", "located_in_same_word")
    )
    return (
        f"Written and image queries for the same word, of {agreement['keywords']} words: their detection scores "
        f"correlate at {pearson} (Spearman {spearman}) over the utterances, on average over words; {common} % of their "
        f"ten best utterances are the same; where the word is spoken, {near} % of their locations lie within 0.1 s "
        f"of each other, {same} % within the same word."
    )
