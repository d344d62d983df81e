"""Zero-shot tagger: a CLIP-like network compares pictures with prompts such as "a photo of a dog".

Each keyword is tagged for itself, so tags need not sum to one.

- SigLIP was trained to say for each pair of picture and text whether they belong together. Its own sigmoid, with the
  scale and the bias that it learned, is the tag (Zhai et al. 2023).
- CLIP was trained to choose among texts, and a likeness by itself means nothing: some texts are liked by every
  picture. The tag is the probability that CLIP chooses the prompt with the keyword over the same prompt with nothing in
  its place ("a photo of"): the softmax of these two, which is a sigmoid of the difference of their logits. Nothing is
  fitted, the tag does not depend on other pictures, and it works in any language that the network reads.

Several prompts are averaged as unit vectors (Radford et al. 2021).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL.Image import Image
from torch import Tensor
from torch.nn.functional import normalize

from earmark.core import hub
from earmark.core.errors import EarmarkError
from earmark.core.hub import device
from earmark.core.progress import progress
from earmark.core.vocabulary import Vocabulary
from earmark.features.image_cache import vectors_of
from earmark.features.image_encoder import image_processor, read_network

PLACE = "{}"  # of the keyword in a prompt
PROMPT = "a photo of {}"
TOKENIZERS = ("tokenizer.json", "vocab.*", "*.model")


@dataclass(frozen=True)
class ZeroShotTagger:
    """Tags pictures by their likeness to texts.

    Attributes
    ----------
    vocabulary : Vocabulary
        W keywords.
    vectors : callable
        Pictures to unit vectors (N, D).
    directions : torch.Tensor, shape = (W, D)
    bias : float
        A tag is the sigmoid of ``vectors @ directions.T + bias``.
    cache : Path
        Folder for vectors of pictures.
    """

    vocabulary: Vocabulary
    vectors: Callable[[Sequence[Image]], Tensor]
    directions: Tensor
    bias: float
    cache: Path

    def tags(self, images: Sequence[Path]) -> npt.NDArray[np.float32]:
        """Tags of pictures, shape (N, W)."""
        rows = torch.from_numpy(vectors_of(images, self.vectors, self.cache, "Tagging pictures")).float()
        return (rows @ self.directions.T + self.bias).sigmoid().numpy()


def read_zero_shot(spec: str, keywords: Vocabulary, prompts: Sequence[str], cache: Path) -> ZeroShotTagger:
    """Load a network of CLIP's kind and read the keywords with it.

    Parameters
    ----------
    spec : str
        A folder, or ``hub:NAME``, which may be downloaded.
    keywords : Vocabulary
    prompts : sequence of str
        Each with ``{}`` in the keyword's place; none for "a photo of {}".
    cache : Path
        Folder for vectors of pictures.

    Raises
    ------
    EarmarkError
        If the network is missing, damaged or of another kind, a prompt has no ``{}``, or a text can't be read by it.
    """
    prompts = prompts or [PROMPT]
    for prompt in prompts:
        if PLACE not in prompt:
            raise EarmarkError(f"The prompt {prompt!r} has no {PLACE} in the keyword's place: write one as {PROMPT!r}.")
    folder = hub.local_folder(spec, download=True)
    network, _ = read_network(folder)
    if not all(hasattr(network, name) for name in ("get_text_features", "get_image_features", "logit_scale")):
        raise EarmarkError(f"The network in {folder} does not compare pictures with texts: give one of CLIP's kind.")
    # Without these, transformers makes up a tokenizer that knows no word.
    if not any(path for pattern in TOKENIZERS for path in folder.glob(pattern)):
        raise EarmarkError(
            f"{folder} has no tokenizer ({', '.join(TOKENIZERS)}): copy it from where the network is from."
        )
    reader = _Reader(network, hub.load("AutoTokenizer", folder))
    scale = float(network.logit_scale.exp())
    texts = reader.directions(prompts, keywords)
    if reader.judges_pairs:
        directions, bias = scale * texts, float(network.logit_bias)
    else:
        directions, bias = scale * (texts - reader.directions(prompts, [""])), 0.0
    return ZeroShotTagger(
        keywords, _embedder(network, folder), directions, bias, cache / f"{hub.fingerprint(folder)[:16]}-texts"
    )


class _Reader:
    """Texts to unit vectors."""

    def __init__(self, network: Any, tokenizer: Any) -> None:
        self._network, self._tokenizer = network, tokenizer
        self._longest = min(tokenizer.model_max_length, network.config.text_config.max_position_embeddings)
        self.judges_pairs = hasattr(network, "logit_bias")

    def directions(self, prompts: Sequence[str], words: Sequence[str] | Vocabulary) -> Tensor:
        """One unit vector a word (W, D): the mean of those of its prompts."""
        summed = []
        with progress("Reading keywords", len(words)) as advance:
            for word in words:
                texts = [prompt.replace(PLACE, word).strip() for prompt in prompts]
                summed.append(normalize(self._vectors(word, texts), dim=1).sum(0))
                advance()
        return normalize(torch.stack(summed), dim=1)

    @torch.inference_mode()
    def _vectors(self, word: str, texts: Sequence[str]) -> Tensor:
        if self._tokenizer.unk_token_id in self._tokenizer(word, add_special_tokens=False)["input_ids"]:
            raise EarmarkError(f"The network can't read the keyword {word!r}: choose one that knows its script.")
        # SigLIP learned from texts that were filled up to the longest, and looked at the filling, too.
        padding = {"padding": "max_length", "max_length": self._longest} if self.judges_pairs else {"padding": True}
        tokens = self._tokenizer(texts, return_tensors="pt", **padding)
        if tokens["input_ids"].shape[1] > self._longest:
            raise EarmarkError(f"The keyword {word!r} in its prompts is too long for the network: shorten the prompts.")
        names = ["input_ids"] if self.judges_pairs else list(tokens)
        return _projected(self._network.get_text_features(**{name: tokens[name].to(device()) for name in names}))


def _embedder(network: Any, folder: Path) -> Callable[[Sequence[Image]], Tensor]:
    prepare = image_processor(folder)

    @torch.inference_mode()
    def vectors(pictures: Sequence[Image]) -> Tensor:
        return normalize(_projected(network.get_image_features(**prepare(pictures))), dim=1)

    return vectors


def _projected(output: Any) -> Tensor:
    """The vector in the space that pictures and texts share, on the CPU."""
    vector: Tensor = getattr(output, "pooler_output", output)
    return vector.cpu()
