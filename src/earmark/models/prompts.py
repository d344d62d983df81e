"""Image-query prompts from the corpus, excluding each utterance's own image (leave-one-out)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor

from earmark.core.types import ImageQuery, canonical_path
from earmark.models.base import EncodedQueries
from earmark.models.image_query_models import ImageQueryModel

Predict = Callable[[Sequence[int], EncodedQueries], Tensor]  # rows of a batch (b,) and q encoded queries -> (b, q, ...)


class Prompts:
    """Image queries with the encodings of their images.

    Parameters
    ----------
    model : ImageQueryModel
    queries : sequence of ImageQuery
        Q queries.

    Raises
    ------
    EarmarkError
        If an image can't be read.
    """

    @torch.no_grad()
    def __init__(self, model: ImageQueryModel, queries: Sequence[ImageQuery]) -> None:
        self.model, self.queries = model, queries
        self.encoded_images = [model.encode_images(query.prompts) for query in queries]
        self.encoded = model.build_queries(self.encoded_images)
        self.image_paths = [[canonical_path(prompt.path) for prompt in query.prompts] for query in queries]
        self.queries_of_image: dict[str, list[int]] = {}
        for number, paths in enumerate(self.image_paths):
            for image in set(paths):
                self.queries_of_image.setdefault(image, []).append(number)

    def without(self, image: str, number: int) -> EncodedQueries | None:
        """Query `number`, encoded without one image, given by canonical path; None where it has no other."""
        others = [path != image for path in self.image_paths[number]]
        return self.model.build_queries([self.encoded_images[number][others]]) if any(others) else None

    def predict(self, images: Sequence[Path | None], predict: Predict) -> Tensor:
        """Predictions of a batch of utterances for all queries, each without the utterance's own image.

        Parameters
        ----------
        images : sequence of Path or None
            The image of each of the B utterances.
        predict : callable
            Predictions of some utterances of the batch for some queries.

        Returns
        -------
        torch.Tensor, shape = (B, Q, ...)
            NaN where a query has no image but the utterance's own.
        """
        predictions = predict(range(len(images)), self.encoded).clone()
        for row, path in enumerate(images):
            if path is None:
                continue
            own = canonical_path(path)
            for number in self.queries_of_image.get(own, ()):
                others = self.without(own, number)
                predictions[row, number] = torch.nan if others is None else predict([row], others)[0, 0]
        return predictions
