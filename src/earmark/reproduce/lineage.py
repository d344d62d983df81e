"""What the models in a folder learned from: one corpus, wherever it lies, and no other after it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from earmark.corpus import Corpus
from earmark.errors import EarmarkError
from earmark.files import write_text
from earmark.vocabulary import read_text

FILE = "learned-from.json"


def claim(out: Path, corpus: Corpus) -> None:
    """Make a folder this corpus's, or make sure that it is.

    A folder that says nothing of a corpus yet becomes this one's.

    Parameters
    ----------
    out : Path
        New or not.
    corpus : Corpus
        With the splits train and dev. It is known again by its name and by the ids of their utterances.

    Raises
    ------
    EarmarkError
        If the folder is another corpus's, or what it says is damaged.
    """
    path, mine = out / FILE, _identity(corpus)
    if not path.is_file():
        write_text(path, json.dumps(mine, ensure_ascii=False, indent=1) + "\n")
        return
    try:
        kept = json.loads(read_text(path))
        name = str(kept["name"])
    except (ValueError, LookupError, TypeError) as error:
        raise EarmarkError(f"{path} is damaged ({error}): delete it if {corpus.folder} is the corpus.") from error
    if kept != mine:
        changed = "with other utterances in train or dev" if name == corpus.name else f"not from {corpus.name!r}"
        raise EarmarkError(f"The models in {out} learn from the corpus {name!r}, {changed}: choose another --out.")


def _identity(corpus: Corpus) -> dict[str, str]:
    return {"name": corpus.name, **{split: _digest(corpus, split) for split in ("train", "dev")}}


def _digest(corpus: Corpus, split: str) -> str:
    names = json.dumps([utterance.id for utterance in corpus.utterances(split)])
    return hashlib.sha256(names.encode()).hexdigest()
