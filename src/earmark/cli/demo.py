"""The demo: everything from drawn pictures to words found in long recordings, in one go.

Each step leaves its result in a folder of its own; a step whose result is there is passed over.
"""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from earmark.archive.creation import make_archive
from earmark.archive.executors import ThreadExecutor
from earmark.archive.indexer import index
from earmark.core.corpus import Corpus, read_corpus
from earmark.core.files import write_text
from earmark.core.vocabulary import Vocabulary
from earmark.corpora import picturebook
from earmark.evaluation.examples import best_examples
from earmark.evaluation.report import headline_table, notes_on, write_report
from earmark.evaluation.runner import Evaluation, evaluate, write_metrics
from earmark.localisation.spotter import KeywordSpotter
from earmark.media.concatenation import concatenate
from earmark.models.checkpoint import read_checkpoint
from earmark.recipe import read_recipe
from earmark.reports.plots import localisation_plot
from earmark.supervision.captions import read_pictures
from earmark.supervision.cnn_tagger import CnnTaggerSettings
from earmark.supervision.taggers import read_tagger, tag
from earmark.supervision.targets import targets_path, write_targets
from earmark.supervision.transcripts import bag_of_words
from earmark.training.loop import train
from earmark.training.taggers import train_cnn_tagger

RECIPE = "earmark-mfcc"
# Cut down to what a corpus of an hour and a half needs.
SHORTER = ["training.epochs=12", "augment.speeds=[1.0]"]
TAGGER = CnnTaggerSettings(side=64, epochs=14, learning_rate=5e-3)
# The supervision of each model of the demo.
RUNS = {
    "pictures alone (VGS)": ("vgs", []),
    "bags of words (BoW)": ("bow", ["supervision=bow", "training.epochs=6"]),  # so clear that half is enough
    "shuffled pictures (control)": ("shuffled", ["shuffle_pairs=true"]),
}
LONG_S = 300.0  # of the recordings that are searched at the end
NOTES = (
    "The corpus is drawn and spoken by a program: it shows that the system works, not how well it does on real speech.",
    "The control is trained with the pictures shuffled among the utterances. Its scores are what can be reached "
    "without learning any word.",
)


def demo(out: Path, size: int, seed: int) -> None:
    """Draw and speak a corpus, train a tagger and three models, evaluate them, and write a results page."""
    picturebook.prepare(out / "corpus", size=size, seed=seed)
    corpus = read_corpus(out / "corpus")
    keywords = Vocabulary(corpus.keywords)
    _tag(corpus, keywords, out / "tagger")
    evaluations: dict[str, Evaluation] = {}
    for name, (run, changes) in RUNS.items():
        if not (out / run / "model-card.md").is_file():
            train(read_recipe(RECIPE, SHORTER + changes), corpus, out / run, keywords, resume=True)
        evaluations[name] = evaluate(KeywordSpotter(read_checkpoint(out / run)), corpus, "test")
        write_metrics(evaluations[name], out / run / "metrics.json")
    page = out / "results.html"
    write_report(page, "Earmark's demo: the picturebook", evaluations, NOTES)
    _draw(next(iter(evaluations.values())), out / "localisation.svg")
    Console().print(headline_table(evaluations))
    for note in notes_on(evaluations):
        print(note)
    archive = _index(corpus, out)
    print(f"The results page is {page.resolve()}. Open it in a browser.")
    print(
        "The test's utterances, concatenated into long recordings, are in an archive. Search it, listen and judge:\n"
        f"  earmark serve {archive}\n"
        f"  earmark search {archive} {keywords.words[0]}"
    )


def _draw(evaluation: Evaluation, path: Path) -> None:
    """Draw the best case, for a first look at what localisation is."""
    subtitle = "The scores of a model trained on pictures alone, and the spoken words"
    for case in best_examples(evaluation, 1):  # none, where a corpus is too small to learn from
        write_text(path, localisation_plot(case, title=f"Where is “{case.hit.query}” spoken?", subtitle=subtitle))


def _index(corpus: Corpus, out: Path) -> Path:
    """Index long recordings made of the test's utterances, with the model trained on pictures alone."""
    recordings, (run, _) = out / "recordings", next(iter(RUNS.values()))
    if not (out / "archive").is_dir():  # begun after all recordings were written
        concatenate(corpus.utterances("test"), recordings, LONG_S)
    archive = make_archive(out / "archive", out / run)
    archive.set(licence=corpus.licence)
    index(archive, [recordings], ThreadExecutor())
    return archive.folder


def _tag(corpus: Corpus, keywords: Vocabulary, folder: Path) -> None:
    utterances = [utterance for split in corpus.splits() for utterance in corpus.utterances(split)]
    if not (folder / "model.safetensors").is_file():
        pictures = read_pictures(corpus.folder / "pictures" / "pictures.csv")
        train_cnn_tagger(pictures, keywords, TAGGER, folder)
    if not targets_path(corpus, "vgs").is_file():
        write_targets(targets_path(corpus, "vgs"), tag(read_tagger(folder), utterances))
    if not targets_path(corpus, "bow").is_file():
        write_targets(targets_path(corpus, "bow"), bag_of_words(utterances, keywords))
