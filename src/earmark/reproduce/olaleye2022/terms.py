"""What the names in the report mean: who taught a model, its architecture, how it localises, and each measure."""

from __future__ import annotations

from earmark.pages.results import GROUPS

TERMS = {
    "VGS": "Visually grounded speech: the model learned from utterances and the tags of the pictures they describe, "
    "without a transcript.",
    "BoW": "Bag of words: the model learned from the words of each transcript, in no order and without times. This is "
    "the idealised bound: a tagger that makes no mistake.",
    "PSC": "Every frame is scored for every keyword, and the scores are pooled over time.",
    "CNN-Pool": "Convolutions with max pooling between them, the maximum over time, and a classifier.",
    "CNN-Attend": "For each keyword a mean of the frames, weighted by attention to the keyword, and a classifier.",
    "CNN-PoolAttend": "The attention and classifier of CNN-Attend, on the convolutions of CNN-Pool.",
    "score-aggregation": "A frame's own score for the keyword, before the scores are pooled.",
    "grad-cam": "How much a frame adds to the detection score, by its gradient.",
    "attention": "The weight that a frame has in the mean.",
    "masked-in": "The detection score of a segment alone, in silence.",
    "masked-out": "How far the detection score of the utterance without a segment falls short of 1.",
    **{group.name: group.meaning for group in GROUPS},
}
