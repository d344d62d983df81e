"""The report: tables of all models, a glossary, and what differs from the paper and its released code."""

from __future__ import annotations

from earmark.core.evaluation_setup import IMAGE
from earmark.core.metric_table import SPOTTING, SPOTTING_LOCALISATION
from earmark.reproduce.findings import findings_table
from earmark.reproduce.grid import SUPERVISIONS
from earmark.reproduce.nortje2022 import tables
from earmark.reproduce.nortje2022.findings import findings
from earmark.reproduce.nortje2022.gain import gain
from earmark.reproduce.nortje2022.keyword_distribution import details
from earmark.reproduce.nortje2022.rows import BOTH_KINDS
from earmark.reproduce.report import ReproductionResults, by_seed, metric_of, trainings, write_files
from earmark.reproduce.results import read_curve

OF_SEEDS = {
    "Localisation F1": metric_of("actual.f1"),
    "Localisation F1, released counting": metric_of("released.actual.f1"),
    "Detection F1": metric_of("detection.f1"),
    "Oracle": metric_of("oracle.accuracy"),
}


def write_report(results: ReproductionResults) -> None:
    """Write ``report.html`` and ``report.md`` from the cells that are evaluated; the others have dashes."""
    all_tables = [
        *(tables.comparison(results, supervision) for supervision in SUPERVISIONS),
        tables.released_counting(results),
        gain(results),
        findings_table(findings(results)),
        *tables.more_keywords(results),
        tables.agreements(results),
        tables.thresholds(results),
        tables.query_images(results),
        *by_seed(results, OF_SEEDS),
        trainings(results),
    ]
    title = f"Nortje and Kamper (2022) on {results.corpus.name}"
    lede = (
        f"Towards visually prompted keyword localisation for zero-resource spoken languages: {len(results.by_cell)} of "
        f"{len(SUPERVISIONS) * len(results.rows)} cells, on {len(results.utterances):,} utterances."
    )
    write_files(results.out, title, lede, TERMS, all_tables, details(results), differences(results))


TERMS = {
    "VGS": "Pairs and keywords come from the tags of pictures, which a tagger generates; no transcript is used.",
    "BoW": "They come from the words of each transcript, in no order and without times: the ground truth.",
    "Image query": "A keyword is searched for with images that show it: their mean score detects, and the best-scoring "
    "one localises.",
    "Written query": "A keyword is searched for as a word.",
    "DAVEnet": "The mean over frames of each frame's best pixel, learned from pairs by triplets (Harwath et al. 2018). "
    "Tags and words choose its threshold alone.",
    "Contrastive DAVEnet": "The same score, learned from positives and negatives by keyword towards 1 and -1: the "
    "paper's ablation.",
    "Localising attention": "The cosine of two contexts, weighed by how well frames and pixels match: the paper's "
    "model.",
    "Matchmap maximum": "The highest match of any pixel with any frame: the follow-up's model (Nortje et al. 2024).",
    "Earmark, pictures and words": "Speech and pictures meet in keywords, for both kinds of query: Earmark's own.",
    "Visual BoW": "A model for written queries that learns from the same tags: the paper's yardstick.",
    "Detection accuracy": "The share of occurrences of keywords whose keyword is detected in their utterance.",
    "Localisation": "Detect, then place: a detection in the wrong place is both a false alarm and a miss. This is "
    "called actual localisation elsewhere.",
    "Localisation accuracy": "The share of occurrences whose keyword is detected, and whose time holds the location.",
    **{group.label: group.meaning for group in (SPOTTING, SPOTTING_LOCALISATION)},
}


SMALL = (
    "The networks are small: convolutions over MFCC for speech, and a convolutional network of 64 by 64 pixels for "
    "pictures, whose last layers are batch-normed; they begin with what Earmark's own model for pictures and words has "
    "learned from the same tags, all but the last layers. The paper has a CPC network that was pretrained on other "
    "speech, LSTMs, and a ResNet-50 that was trained on ImageNet; --recipes paper trains these."
)
PRETRAINED = (
    "The networks are convolutions over frozen features of a speech network (moonshine), and a 1x1 convolution of the "
    "last map of a frozen EfficientNet-Lite2, trained on ImageNet. The speech network learned from transcribed "
    "English. The paper has a CPC network that was pretrained on untranscribed speech, LSTMs, and a ResNet-50 that was "
    "trained on ImageNet; --recipes paper trains these."
)
PAPER = (
    "The networks are the released ones: CPC and LSTMs for speech, a ResNet-50 for pictures. {} The batch norms of "
    "ResNet-50 stay as they were; in the released code they go on moving. Its weights are those of "
    "hub:microsoft/resnet-50 (version 1.5); the authors took torchvision's first ones. Rates of the last twenty epochs "
    "are up to 17 % higher than the released ones, which fall by 5 % every ten epochs."
)
STARTED = "CPC starts from the network that --start gave; the paper's was pretrained on other speech."
FROM_NOTHING = (
    "CPC starts from nothing here; the paper's was pretrained on other speech (earmark pretrain cpc and --start do "
    "that)."
)
LOG_MEL = (
    "The paper's networks have log-mel energies of Kaldi's filters, each band of an utterance with mean 0 and "
    "variance 1. The released ones are librosa's, in decibels below the loudest, and are not normalised."
)
EDGES_LEFT_OUT = (
    "In these networks, the first and the last two frames of an utterance are not compared with pixels "
    "(model.edge). A convolution detects an edge from its padding, and attention that is measured by its highest "
    "value learned to hold on to that."
)
NO_EDGES = "All frames of an utterance are compared with pixels, as released."
SAMPLING = {
    "Pairs": "VGS takes a picture's three highest tags, from the recipe's loss.least on, for its labels; BoW takes "
    "all keywords of the transcript. Utterances without a label are no anchors. As in the paper, an anchor has "
    "positives that share a keyword, and negatives of another keyword whose pictures are nowhere labelled with the "
    "anchor's. The recipes of the paper's own networks draw a picture and then one of its utterances, as released; the "
    "other ones draw any such utterance.",
    "Draws": "In recipes other than the paper's own, the anchors of a batch are one another's positives and negatives, "
    "by the same rules, so that no utterance is encoded for one anchor alone. As released, every anchor brings its own "
    "along.",
    "Loss": "Contrastive DAVEnet and localising attention learn as in the released code, towards 1 and -1 by mean "
    "squared error; no margin is used there either. DAVEnet learns by triplets with a margin of 1, weighted as "
    "released; imposters never show the same picture, and where none scores below the right one, none is semi-hard. "
    "In the released code such an imposter counts as one of similarity 0, as does one below 0 (loss.semi_hard: "
    "released). Contrastive DAVEnet counts an anchor's own pair once; the released code counts it for each of the "
    "two directions.",
    "Optimiser": "AdamW, for Adam with an L2 term. Utterances are used in full, not cut to 10.24 s.",
    "Padding": "No padded frame takes part in anything. In the released code the image attention, and the score of "
    "both DAVEnets, are taken over all 512 frames, padding included.",
    "Detection scores": "Those of inner products are sigmoids of how far a similarity is from the middle of those in "
    "training, in their deviations; the sigmoid of a raw inner product is soon 1 for everything. Cosines stay.",
    "Choice of an epoch": "Ours is the one with the lowest loss on dev, by the same pairs that the model learns "
    "from; where that one has learned nothing, it is the last, if it fits dev's tags better. The "
    "released code takes the share of pairs that are separated at 0.5, and by an oversight looks only at the "
    "audio contexts; for DAVEnet it takes retrieval.",
}
EVALUATION = {
    "Query pictures": "Up to ten distinct pictures a keyword, those of the first test utterances that say it; crops "
    "where the corpus gives them. The released ten are of ten utterances, so some repeat (296 distinct of 340), and "
    "were cropped by hand where that made sense.",
    "Own pictures": "No utterance is searched with its own picture, nor with that of another caption of the same "
    "one. In the released evaluation the query pictures are in the set that is searched.",
    "Location": "That of the best-scoring picture. The released code means the same, but by an oversight always takes "
    "the keyword's first picture.",
    "Baselines' location": "Both DAVEnets are localised by their matchmap with the query here. The released code "
    "takes the highest dimension of each frame instead, which does not look at the query at all.",
    "Threshold": "For image queries one for all keywords, which promises the highest F1 on dev by the supervision of "
    "the model; for VGS that needs no transcript. The released ones begin from the mean score of true keywords on "
    "dev, by transcripts, and were then tuned by hand: 0.6, 0.57, 0.55 and 0.85.",
    "Counting": "Ours is strict. The released code counts a detection in the wrong place as a false alarm but no miss: "
    "that is in a table of its own. Accuracy is defined as there. Word times are in seconds, not in frames of 20 ms.",
    "Keywords": "The corpus's own, or those of --keywords: what is learned and what is measured is one list, but for "
    "the models of more keywords, which learn the list of --learned. The paper has 34; where it learns 190, in an "
    "analysis, it still measures on the 34.",
    "Published figures": "The tables of the paper were not at hand. The one figure that is set beside ours is its "
    "abstract's.",
}
MAXIMUM = (
    "It is from the follow-up (arXiv:2409.06013), whose pairs are mined from a few spoken examples; here they come "
    "from tags or transcripts, as for the others. It has the networks of the others, too; the follow-up trains an "
    "AlexNet with a convolution and ReLUs."
)
VISUAL_BOW_OURS = (
    "It is Earmark's default recipe, which is stronger than the model of the paper: the gain over it is less."
)
VISUAL_BOW_PAPER = "It is our CNN-Attend of Olaleye et al. (2022); the paper's exact configuration was not found."
UNTIMED = "The test split has none, so only detection and spotting could be measured."


def _networks(results: ReproductionResults) -> str:
    """What the networks of the pair models are."""
    for prefix, networks in (("small-", SMALL), ("pretrained-", PRETRAINED)):
        if any(row.architecture.startswith(prefix) for row in results.rows):
            return networks
    return PAPER


def differences(results: ReproductionResults) -> dict[str, str]:
    """What differs, by what it is about: the corpus first, then what is learned, then how it is measured."""
    epochs = sorted({len(read_curve(results.out, cell.training)) for cell in results.by_cell} - {0})
    span = f"{epochs[0]} to {epochs[-1]}" if len(epochs) > 1 else "".join(map(str, epochs))
    started = any("init_from" in change for row in results.rows for change in row.changes)
    networks = _networks(results)
    released = networks == PAPER
    differences = {
        "Corpus": f"{results.corpus.name}, with {len(results.utterances):,} test utterances and "
        f"{len(results.keywords)} keywords. The paper has Flickr8k Audio: real spoken captions, and 34 keywords.",
        "Training": f"{span} epochs here; 100 in the paper, on GPUs." if epochs else "Nothing was trained yet.",
        "Networks": networks.format(STARTED if started else FROM_NOTHING),
        **({"Features": LOG_MEL} if released else {}),
        "Edges": NO_EDGES if released else EDGES_LEFT_OUT,
        **SAMPLING,
        **EVALUATION,
        "Matchmap maximum": MAXIMUM,
        "Visual BoW": VISUAL_BOW_PAPER if released else VISUAL_BOW_OURS,
    }
    if any(row.architecture == BOTH_KINDS and row.queries == IMAGE for row in results.rows):
        differences["Earmark, pictures and words"] = "It is not in the paper."
    return differences if results.truth.aligned else {**differences, "Word times": UNTIMED}
