"""A tagger as a folder that describes itself. Nothing in it is unpickled.

=====================  ==========================================================
``model.safetensors``  weights; there once the training has ended
``tagger.yaml``        how the tagger is built and trained
``vocabulary.txt``     the keywords, one a line, in the order of the outputs
``curve.jsonl``        losses by epoch
``learned-from.npz``   hashes of the pictures' names and of the captions
=====================  ==========================================================
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import safetensors.torch
import yaml
from pydantic import BaseModel, ValidationError
from safetensors import SafetensorError
from torch import Tensor, nn

from earmark.core.errors import EarmarkError
from earmark.core.files import replacing, write_text
from earmark.core.vocabulary import Vocabulary, read_text
from earmark.core.yaml_text import to_yaml

WEIGHTS = "model.safetensors"

Settings = TypeVar("Settings", bound=BaseModel)


def refuse_finished(folder: Path) -> None:
    """Refuse a folder that holds a tagger.

    Raises
    ------
    EarmarkError
    """
    if (folder / WEIGHTS).exists():
        raise EarmarkError(f"{folder} already holds a tagger: choose another folder.")


def refuse_unfinished(folder: Path) -> None:
    """Refuse a folder whose tagger has no weights yet.

    Raises
    ------
    EarmarkError
    """
    if not (folder / WEIGHTS).exists():
        raise EarmarkError(f"The tagger in {folder} is not finished: run the same 'earmark tagger train' again.")


def write_description(folder: Path, settings: BaseModel, vocabulary: Vocabulary) -> None:
    """Write what is known of a tagger before its training."""
    write_text(folder / "vocabulary.txt", "".join(f"{word}\n" for word in vocabulary))
    write_text(folder / "tagger.yaml", to_yaml(settings.model_dump()))


def write_weights(path: Path, network: nn.Module) -> None:
    """Write the weights in one step."""
    weights = {name: weight.contiguous() for name, weight in network.state_dict().items()}
    with replacing(path) as partial:
        partial.write_bytes(safetensors.torch.save(weights))


@contextmanager
def or_damaged(folder: Path) -> Iterator[None]:
    """Raise one error for whatever goes wrong with the files of the tagger in `folder`.

    Raises
    ------
    EarmarkError
    """
    try:
        yield
    except (ValidationError, yaml.YAMLError, SafetensorError, OSError, RuntimeError, LookupError) as error:
        raise EarmarkError(f"The tagger in {folder} is damaged ({type(error).__name__}): train it again.") from error


def read_settings(folder: Path, kind: type[Settings]) -> Settings:
    """What ``tagger.yaml`` says, within :func:`or_damaged`."""
    return kind.model_validate(yaml.safe_load(read_text(folder / "tagger.yaml")))


def read_vocabulary(folder: Path) -> Vocabulary:
    """The keywords, within :func:`or_damaged`. Every line is one, even a line that begins with ``#``."""
    return Vocabulary(read_text(folder / "vocabulary.txt").splitlines())


def read_weights(folder: Path) -> dict[str, Tensor]:
    """The weights on the CPU, within :func:`or_damaged`."""
    return safetensors.torch.load_file(folder / WEIGHTS)
