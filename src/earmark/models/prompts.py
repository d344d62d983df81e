"""Image-query prompts from the corpus, excluding each utterance's own image (leave-one-out)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from earmark.core.types import ImageQuery, canonical_path
from earmark.models.image_query_models import ImageQueryModel

Answer = Callable[[Sequence[int], Any], Tensor]  # rows of a batch (b,) and what q queries became -> (b, q, ...)


class Prompts:
    """Image queries whose pictures a model has seen.

    Parameters
    ----------
    model : PicturedModel
    queries : sequence of ImageQuery
        Q queries.

    Raises
    ------
    EarmarkError
        If a picture can't be read.
    """

    @torch.no_grad()
    def __init__(self, model: ImageQueryModel, queries: Sequence[ImageQuery]) -> None:
        self.model, self.queries = model, queries
        self.sights = [model.encode_images(query.prompts) for query in queries]
        self.asked = model.build_queries(self.sights)
        self.shown = [[canonical_path(prompt.path) for prompt in query.prompts] for query in queries]
        self.users: dict[str, list[int]] = {}
        for number, shown in enumerate(self.shown):
            for picture in set(shown):
                self.users.setdefault(picture, []).append(number)

    def without(self, picture: str, number: int) -> Any | None:
        """What query `number` becomes without its parts of one picture, by its identity; None where it has no other."""
        others = [shown != picture for shown in self.shown[number]]
        return self.model.build_queries([self.sights[number][others]]) if any(others) else None

    def answers(self, pictures: Sequence[Path | None], answer: Answer) -> Tensor:
        """Answers of a batch of utterances to all queries.

        Parameters
        ----------
        pictures : sequence of Path or None
            The picture of each of the B utterances, with which it is not asked.
        answer : callable
            Answers some queries for some utterances of the batch.

        Returns
        -------
        torch.Tensor, shape = (B, Q, ...)
            NaN where a query has no picture but the utterance's own.
        """
        answers = answer(range(len(pictures)), self.asked).clone()
        for row, path in enumerate(pictures):
            if path is None:
                continue
            own = canonical_path(path)
            for number in self.users.get(own, ()):
                asked = self.without(own, number)
                answers[row, number] = torch.nan if asked is None else answer([row], asked)[0, 0]
        return answers
