"""The report: every table and figure of the paper beside what was published, as a page and as Markdown.

What the names in the report mean: who taught a model, its architecture, how it localises, and each measure.

What differs between this reproduction and the paper's own work, and why a figure can't be the same.
"""

from __future__ import annotations

from earmark.evaluation.semantic import SemanticLabels
from earmark.reports.evaluation import GROUPS
from earmark.reproduce.olaleye2022.figures import closeups
from earmark.reproduce.olaleye2022.tables import semantic_table, table_2, table_2_released, table_3, table_4
from earmark.reproduce.report import ReproductionResults, trainings, write_files
from earmark.reproduce.results import read_curve


def write_report(study: ReproductionResults, semantic: SemanticLabels | None = None) -> None:
    """Write ``report.html`` and ``report.md`` from the cells that are there; what is not has dashes.

    Parameters
    ----------
    study : Study
    semantic : SemanticLabels, optional
        With them, semantic spotting is reported too.

    Raises
    ------
    EarmarkError
        If the semantic labels are of nothing that was evaluated.
    """
    tables = [table_2(study), table_2_released(study), table_3(study), table_4(study)]
    if semantic is not None:
        tables.append(semantic_table(study, semantic))
    tables.append(trainings(study))
    title = f"Olaleye, Oneață and Kamper (2022) on {study.corpus.name}"
    lede = (
        f"Keyword localisation in untranscribed speech using visually grounded speech models: {len(study.results)} of "
        f"{2 * len(study.rows)} cells of the grid, on {len(study.utterances):,} utterances."
    )
    write_files(study.out, title, lede, TERMS, tables, closeups(study), differences(study))


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


GENERAL = {
    "Counting": "Ours is strict, as the paper's text has it. The published figures come from the released code: each "
    "occurrence of a word counts for itself, a detection in the wrong place is no miss, spotting knows only the last "
    "occurrence in an utterance and, for masking, ranks by the best segment instead of the whole utterance. The second "
    "version of Table II counts by those rules, but always ranks by the whole utterance.",
    "Tags": "VGS figures depend on the tags: here those of the corpus's tags/vgs.csv, whatever made them. The paper's "
    "come from a perceptron on VGG-16, which learned a thousand words from other captioned pictures.",
    "Features": "The paper's rows have MFCC with 80 mel filters, of whole utterances. The released code scales every "
    "waveform to one range first, puts energy in place of the first cepstrum, and trims silence in train alone.",
    "SpecAugment": "Two blocks of time and two of dimensions in train alone. The paper also warps time. The released "
    "code has none either, draws one block or two, takes each axis for the other, and masks dev as well.",
    "Layers": "No ReLU follows the last convolution, save in CNN-Pool, as in the released code. Classifiers are 4096 "
    "wide, as in the paper; that of the released CNN-Attend has 8192.",
    "Choice of an epoch": "Ours is the one with the lowest loss on dev, by the same tags that teach. The released code "
    "takes the best F1 on dev by transcripts, for models taught by pictures as well.",
    "Keywords": "Every model here learns the keywords that it is asked for. The published PSC and CNN-Pool models "
    "learned a thousand words.",
    "Padding": "Attention, pooling and normalisation here know the real frames alone. In the released code all "
    "utterances are padded or cut to 8 seconds, and the padding takes part.",
    "Queries": "The queries of the attention models learn here. In the released code they stay as they were drawn.",
}
UNTIMED = "The test split has none, so only detection and spotting could be measured, and there are no figures."
METHODS = {
    "score-aggregation": "Frame scores are pooled by a mean (Eq. 10), not a sum, and the location is the highest frame "
    "(Eq. 5), not the last peak.",
    "grad-cam": "The map is as Eqs. 6 and 7 have it, without the released code's added 1, and the location is its "
    "highest value, not the last peak.",
    "masked-in": "A segment stays at its own place in an utterance of zeros (Eq. 8). The released code moves it to "
    "the front of 8 seconds.",
    "masked-out": "Each segment is masked by itself (Eq. 9), and its centre is the location. In the released code the "
    "masks add up, until nothing of the utterance is left, and a segment is judged as an interval by laxer rules. So "
    "rows 5 and 8 must differ from the published ones.",
}


def differences(study: ReproductionResults) -> dict[str, str]:
    """What differs, by what it is about: the corpus first, then what all rows share, then the methods that were run."""
    epochs = sorted({len(read_curve(study.out, cell.training)) for cell in study.results} - {0})
    corpus = (
        f"{study.corpus.name}, with {len(study.utterances):,} test utterances and {len(study.keywords)} keywords. The "
        "paper has Flickr8k Audio: 30,000 real spoken captions to learn from, 5,000 to test on, 67 keywords."
    )
    trained = f"{_listed(epochs)} here; 100 epochs in the paper, on a GPU." if epochs else "Nothing was trained yet."
    methods = [row.localisation for row in study.rows if any(cell.row == row for cell in study.results)]
    mine = {method: METHODS[method] for method in dict.fromkeys(methods) if method in METHODS}
    untimed = {} if study.truth.aligned else {"Word times": UNTIMED}
    return {"Corpus": corpus, "Training": trained, **untimed, **GENERAL, **mine}


def _listed(epochs: list[int]) -> str:
    few = "1 epoch" if epochs == [1] else f"{epochs[-1]} epochs"
    return few if len(epochs) == 1 else f"From {epochs[0]} to {few}"
