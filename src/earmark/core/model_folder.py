"""Folders that describe themselves: weights, settings as YAML, and a vocabulary. Nothing in them is unpickled.

=====================  ==========================================================
``model.safetensors``  weights
``vocabulary.txt``     the keywords, one a line, in the order of the outputs
=====================  ==========================================================

Used for trained models, taggers and pretrained CPC networks, each with a YAML file of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import safetensors.torch
from safetensors import SafetensorError
from torch import Tensor

from earmark.core.errors import EarmarkError
from earmark.core.files import replacing, write_text
from earmark.core.vocabulary import Vocabulary, read_text

WEIGHTS = "model.safetensors"
VOCABULARY = "vocabulary.txt"


def write_weights(folder: Path, weights: Mapping[str, Tensor]) -> None:
    """Write the weights in one step."""
    with replacing(folder / WEIGHTS) as partial:
        # Written by Python, a full disk is an OSError; written by safetensors, it is an error of its own.
        partial.write_bytes(safetensors.torch.save({name: t.contiguous() for name, t in weights.items()}))


def read_weights(folder: Path) -> dict[str, Tensor]:
    """Read the weights onto the CPU.

    Raises
    ------
    EarmarkError
        If there are none or the file is damaged.
    """
    path = folder / WEIGHTS
    if not path.is_file():
        raise EarmarkError(f"{folder} holds no trained model (no {WEIGHTS}): train one with 'earmark train'.")
    try:
        return safetensors.torch.load_file(path)
    except (SafetensorError, OSError) as error:
        raise EarmarkError(f"{path} is damaged ({error}): copy it again, or train again.") from error


def write_vocabulary(folder: Path, vocabulary: Vocabulary) -> None:
    """Write the keywords in one step."""
    write_text(folder / VOCABULARY, "".join(f"{word}\n" for word in vocabulary))


def read_vocabulary(folder: Path) -> Vocabulary:
    """Read the keywords; every line is one, even a line that begins with ``#``.

    Raises
    ------
    EarmarkError
        If the file is no text, or a keyword is no keyword or comes twice.
    """
    path = folder / VOCABULARY
    words = read_text(path).removesuffix("\n").split("\n")
    try:
        return Vocabulary(words)
    except EarmarkError as error:
        raise EarmarkError(f"{path}: {error}") from None
