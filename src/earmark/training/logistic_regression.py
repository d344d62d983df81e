"""Logistic regression of many words at once, on the same vectors."""

from __future__ import annotations

import torch
from torch import Tensor, nn

SMALLEST_PART = 1e-4  # of the pictures that a word is taken to be named for, where it is named for none


def logistic_regression(vectors: Tensor, targets: Tensor, penalty: float, iterations: int) -> nn.Linear:
    """The weights of least penalised cross-entropy, for vectors as they are.

    The loss is the binary cross-entropy, a sum over words and a mean over pictures, plus `penalty` times the sum of the
    squared weights of vectors that are brought to mean 0 and variance 1.

    Parameters
    ----------
    vectors : torch.Tensor, shape = (P, D)
    targets : torch.Tensor, shape = (P, W)
        In [0, 1].
    penalty : float
    iterations : int
        Of L-BFGS, at most.
    """
    mean, scale = vectors.mean(0), vectors.std(0, correction=0)
    scale = torch.where(scale > 0, scale, 1)  # of a dimension that does not vary
    standardised = (vectors - mean) / scale
    layer = nn.Linear(vectors.shape[1], targets.shape[1], dtype=vectors.dtype)
    nn.init.zeros_(layer.weight)
    with torch.no_grad():
        layer.bias.copy_(targets.mean(0).clamp(SMALLEST_PART, 1 - SMALLEST_PART).logit())
    optimizer = torch.optim.LBFGS(layer.parameters(), max_iter=iterations, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        logits = layer(standardised)
        entropy = nn.functional.binary_cross_entropy_with_logits(logits, targets, reduction="sum") / len(targets)
        total: Tensor = entropy + penalty * layer.weight.square().sum()
        total.backward()  # type: ignore[no-untyped-call]
        return total

    optimizer.step(loss)
    with torch.no_grad():
        layer.weight.div_(scale)
        layer.bias.sub_(layer.weight @ mean)
    return layer
