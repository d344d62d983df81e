"""What was run, set against what the paper ran: corpus, keywords and epochs."""

from __future__ import annotations

from earmark.corpora import flickr8k_audio
from earmark.reproduce.report import ReproductionResults
from earmark.reproduce.results import read_curve

EPOCHS, KEYWORDS = 100, 67


def is_the_papers_corpus(results: ReproductionResults) -> bool:
    """Whether it is the Flickr8k Audio Caption Corpus, as good as whole."""
    return flickr8k_audio.is_whole(results.corpus)


def epochs_of(results: ReproductionResults) -> list[int]:
    """The different numbers of epochs that models were trained for, ascending."""
    return sorted({len(read_curve(results.out, cell.training)) for cell in results.by_cell} - {0})


def published_note(results: ReproductionResults) -> str:
    """In what the published figures are of another experiment than those of this run."""
    epochs = epochs_of(results)
    other = [] if is_the_papers_corpus(results) else ["another corpus"]
    if len(results.keywords) != KEYWORDS:
        other.append(f"{KEYWORDS} keywords")
    if not epochs:
        other.append("models of which nothing is left here to compare")
    elif set(epochs) != {EPOCHS}:
        other.append(f"{'longer' if max(epochs) < EPOCHS else 'another length of'} training ({EPOCHS} epochs)")
    if not other:
        return "What was published is for the same corpus, keywords and number of epochs."
    return f"What was published is for {_joined(other)}."


def _joined(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
