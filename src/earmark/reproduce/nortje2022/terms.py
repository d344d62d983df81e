"""What the names in the report mean: models, supervision, queries and measures."""

from __future__ import annotations

from earmark.pages.results import GROUPS

TERMS = {
    "VGS": "Pairs and keywords come from the tags of pictures, which a tagger generates; no transcript is used.",
    "BoW": "They come from the words of each transcript, in no order and without times: the ground truth.",
    "Image query": "A keyword is asked for with pictures that show it: their mean score detects, and the best-scoring "
    "one localises.",
    "Written query": "A keyword is asked for as a word.",
    "DAVEnet": "The mean over frames of each frame's best pixel, learned from pairs by triplets (Harwath et al. 2018). "
    "Tags and words choose its threshold alone.",
    "Contrastive DAVEnet": "The same score, learned from positives and negatives by keyword towards 1 and -1: the "
    "paper's ablation.",
    "Localising attention": "The cosine of two contexts, weighed by how well frames and pixels match: the paper's "
    "model.",
    "Highest match": "The highest match of any pixel with any frame: the follow-up's model (Nortje et al. 2024).",
    "Earmark, pictures and words": "Speech and pictures meet in keywords, for both kinds of query: Earmark's own.",
    "Visual BoW": "A model for written queries that learns from the same tags: the paper's yardstick.",
    "Detection accuracy": "The share of occurrences of keywords whose keyword is detected in their utterance.",
    "Localisation": "Detect, then place: a detection in the wrong place is both a false alarm and a miss. This is "
    "called actual localisation elsewhere.",
    "Localisation accuracy": "The share of occurrences whose keyword is detected, and whose time holds the location.",
    **{group.name: group.meaning for group in GROUPS if group.name.startswith("Spotting")},
}
