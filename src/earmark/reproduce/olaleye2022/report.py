"""The report: tables and figures of the paper beside the published values, a glossary, and what differs."""

from __future__ import annotations

from earmark.core.metric_table import GROUPS
from earmark.evaluation.semantic import SemanticLabels
from earmark.reproduce.findings import findings_table
from earmark.reproduce.olaleye2022.conditions import KEYWORDS, epochs_of, is_the_papers_corpus
from earmark.reproduce.olaleye2022.countings import countings
from earmark.reproduce.olaleye2022.figures import details
from earmark.reproduce.olaleye2022.findings import findings
from earmark.reproduce.olaleye2022.tables import COLUMNS, semantic_table, tables_of_the_paper
from earmark.reproduce.report import ReproductionResults, by_seed, trainings, write_files


def write_report(results: ReproductionResults, semantic: SemanticLabels | None = None) -> None:
    """Write ``report.html`` and ``report.md`` from the cells that are evaluated; the others have dashes.

    Parameters
    ----------
    results : ReproductionResults
    semantic : SemanticLabels, optional
        With them, semantic spotting is reported too.

    Raises
    ------
    EarmarkError
        If no evaluated utterance or keyword has semantic labels.
    """
    tables = [*tables_of_the_paper(results), findings_table(findings(results))]
    if semantic is not None:
        tables.append(semantic_table(results, semantic))
    released = countings(results)[1]
    of_seeds = {
        f"{name}, released counting": (released.at_half if at_half else released.at_dev)(key)
        for name, (key, at_half, _) in COLUMNS.items()
    }
    tables += [*by_seed(results, of_seeds), trainings(results)]
    title = f"Olaleye, Oneață and Kamper (2022) on {results.corpus.name}"
    lede = (
        f"Keyword localisation in untranscribed speech using visually grounded speech models: "
        f"{len(results.by_cell)} of {2 * len(results.rows)} cells of the grid, "
        f"on {len(results.utterances):,} utterances."
    )
    write_files(results.out, title, lede, TERMS, tables, details(results), differences(results))


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
    **{group.label: group.meaning for group in GROUPS},
}


GENERAL = {
    "Counting": "The first version of each table is strict, as the paper's text has it. The published figures come "
    "from the released code: each occurrence of a word counts for itself, a detection in the wrong place is no miss, "
    "spotting knows only the last occurrence in an utterance and, for masking, ranks by the best segment instead of "
    "the whole utterance. The second version counts by those rules, but always ranks by the whole utterance. A score "
    "that equals the threshold is a detection (Section III-A; Section IV-C has it above).",
    "Tags": "VGS figures depend on the tags: here those of the corpus's tags/vgs.csv, whatever made them. The paper's "
    "come from a perceptron on VGG-16, which learned a thousand words from other captioned pictures.",
    "Features": "The paper's rows have MFCC with 80 mel filters, of whole utterances. The released code scales every "
    "waveform to one range first, puts energy in place of the first cepstrum, and trims silence in train alone. Its "
    "MFCC are librosa's (Hann window, 0 to 8000 Hz, no lifter, at most 80 dB below the loudest), ours Kaldi's (Povey "
    "window, 20 to 7600 Hz, lifter). Its delta-deltas are a quadratic fit over 9 frames, ours slopes of slopes over "
    "17.",
    "SpecAugment": "Two blocks of time and two of dimensions in train alone. The paper also warps time, without a "
    "number: augment.time_warp does, where a recipe or --set gives one. The released code warps none, draws one "
    "block or two, takes each axis for the other, and masks dev as well.",
    "Batches": "Utterances of about one length make a batch, in an order that changes with every epoch. The released "
    "code shuffles them all.",
    "Layers": "No ReLU follows the last convolution, save in CNN-Pool, as in the released code. Classifiers are 4096 "
    "wide, as in the paper; that of the released CNN-Attend has 8192.",
    "Choice of an epoch": "Ours is the one with the lowest loss on dev, by the same tags that the model learns "
    "from; where that one has learned nothing, it is the last, if it fits dev's tags better. The "
    "released code takes the best F1 on dev by transcripts, for VGS models as well.",
    "Keywords": "A model learns the keywords that it is evaluated on, unless --learned gives PSC and CNN-Pool a longer "
    "list. The published PSC and CNN-Pool models learned a thousand words.",
    "Padding": "Attention, pooling and normalisation here use the real frames only. In the released code all "
    "utterances are padded or cut to 8 seconds, and the padding takes part.",
    "Queries": "The queries of the attention models learn here, and begin with unit length. In the released code they "
    "stay as they were drawn, with a deviation of 1, which makes them some 32 times as long and attention sharper from "
    "the start: recipes/olaleye2022/cnn-attend-released.yaml and cnn-pool-attend-released.yaml.",
}
UNTIMED = "The test split has none, so only detection and spotting could be measured, and there are no figures."
AS_RELEASED = (
    "It follows the released code, but for what all rows share: padding takes no part, spotting ranks by the score of "
    "the whole utterance, a keyword without a peak is placed at the first frame, and the middle of a segment must lie "
    "in the word."
)
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


def differences(results: ReproductionResults) -> dict[str, str]:
    """What differs, by what it is about: the corpus first, then what all rows share, then the methods that were run."""
    epochs = epochs_of(results)
    corpus = (
        f"{results.corpus.name}, with {len(results.utterances):,} test utterances and {len(results.keywords)} keywords"
    )
    if is_the_papers_corpus(results):
        corpus += f". It is the paper's, which has {KEYWORDS} keywords."
    else:
        corpus += (
            ". The paper has Flickr8k Audio: 30,000 real spoken captions to learn from, 5,000 to test on, "
            f"{KEYWORDS} keywords."
        )
    trained = f"{_listed(epochs)} here; 100 epochs in the paper, on a GPU." if epochs else "Nothing was trained yet."
    methods = [row.localisation for row in results.rows if any(cell.row == row for cell in results.by_cell)]
    notes = {method: METHODS[method] for method in dict.fromkeys(methods) if method in METHODS}
    notes |= {method: AS_RELEASED for method in methods if method.endswith("-released")}
    untimed = {} if results.truth.aligned else {"Word times": UNTIMED}
    return {"Corpus": corpus, "Training": trained, **untimed, **GENERAL, **notes}


def _listed(epochs: list[int]) -> str:
    few = "1 epoch" if epochs == [1] else f"{epochs[-1]} epochs"
    return few if len(epochs) == 1 else f"From {epochs[0]} to {few}"
