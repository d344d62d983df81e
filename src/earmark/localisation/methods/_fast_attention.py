"""Attention over the frames of an affine last convolution, without computing those frames.

With x_j for the inputs of frame j, its K numbers are h_j = W x_j + b. Its similarity to a query is then
q . h_j = (W^T q) . x_j + q . b (Olaleye et al. 2022, Eq. 11 before its softmax): the queries are folded into the
convolution. And since the attention's weights sum to 1, the context is W (sum_j alpha_j x_j) + b (Eq. 12): the
convolution, which is expensive, is applied once a segment and query instead of once a frame.
"""

from __future__ import annotations

from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from earmark.localisation.methods._fast_encoder import Convolution, SharedFrames
from earmark.models.keyword_models import AttentionModel

NUMBERS_AT_ONCE = 1 << 22  # of the largest array while frames are pooled; bounds the memory


def folded_logits(model: AttentionModel, last: Convolution, shared: SharedFrames, queries: Tensor) -> Tensor:
    """Detection logits (S, Q) of all versions of an utterance.

    Parameters
    ----------
    model : AttentionModel
    last : Convolution
        The encoder's last step, which is affine.
    shared : SharedFrames
        After all steps but the last.
    queries : torch.Tensor, shape = (Q,)
    """
    attention = _FoldedAttention(model, last, shared, queries)
    classifier = _folded_classifier(model, last)
    largest = max(attention.outside.shape[1], *(parameter.shape[0] for parameter in classifier.parameters()))
    at_once = max(1, NUMBERS_AT_ONCE // (max(1, len(queries)) * largest))
    segments = torch.arange(len(shared.index.own_counts), device=queries.device)
    return torch.cat([classifier(attention.means(some)).squeeze(2) for some in segments.split(at_once)])


class _FoldedAttention:
    """The attention in every version: weighted means of the frames' inputs."""

    def __init__(self, model: AttentionModel, last: Convolution, shared: SharedFrames, queries: Tensor) -> None:
        self.shared, self.last = shared, last
        self.index = shared.next_index(last)
        self.similarity = self._similarity(model.pooling.queries(queries))
        self.width = min(self.index.frames, self._widest())
        every = torch.arange(self.index.frames, device=queries.device)
        sources = shared.gather(shared.index.of_whole(0, last.inputs(every, shared.index.frames)))
        self.outside = sources.flatten(1)  # inputs of the frames of `outside`: (T, kernel x C)

    def means(self, segments: Tensor) -> Tensor:
        """Means of the frames' inputs, weighted by the attention, for some segments: (S, Q, kernel x C)."""
        # The frames that see the segment, and some more where there are fewer than for the widest.
        first = self.index.starts[self.index.edges.start[segments]].clamp(0, self.index.frames - self.width)
        frames = first[:, None] + torch.arange(self.width, device=segments.device)
        near = self.similarity[self.index.of_segment(segments[:, None], frames)].transpose(1, 2)
        firsts, place = first.unique(return_inverse=True)
        beyond, beyond_mean = self._beyond(firsts)
        beyond, beyond_mean = beyond[place], beyond_mean[place]
        total = near.logsumexp(dim=2).logaddexp(beyond)
        mean = self._near(segments, first, (near - total[:, :, None]).exp())
        return mean.addcmul_((beyond - total).exp()[:, :, None], beyond_mean)

    def _similarity(self, queries: Tensor) -> Tensor:
        """Similarity to each query of the rows that the last block would have: (R, Q)."""
        folded = (self.last.weight @ queries.T).unflatten(0, (self.last.kernel, -1))
        by_tap = torch.einsum("rc,kcq->krq", self.shared.rows, folded)
        sources = self.index.sources(self.last, self.shared.index)
        similarity = (self.last.bias @ queries.T).repeat(len(sources), 1)
        for tap, row in zip(by_tap, sources.T, strict=True):
            similarity += tap.index_select(0, row)
        return torch.cat([similarity, similarity.new_zeros(1, similarity.shape[1])])

    def _widest(self) -> int:
        """The largest number of frames that see any of a segment; at least 1, though strides may pass over all."""
        ends = self.index.field.end(self.index.edges.positions)
        widths = ends[self.index.edges.end] - self.index.starts[self.index.edges.start]
        return max(1, int(widths.max())) if len(widths) else 1

    def _beyond(self, firsts: Tensor) -> tuple[Tensor, Tensor]:
        """Attention over the frames of `outside` but for a window: the same for all segments with that window.

        Parameters
        ----------
        firsts : torch.Tensor, shape = (N,)
            Where the windows begin.

        Returns
        -------
        totals : torch.Tensor, shape = (N, Q)
            Logarithm of the sum of the exponentials; minus infinity where nothing is left.
        means : torch.Tensor, shape = (N, Q, kernel x C)
            Mean of the frames' inputs, weighted by the exponentials.
        """
        every = torch.arange(self.index.frames, device=firsts.device)
        inside = (every >= firsts[:, None]) & (every < firsts[:, None] + self.width)
        similarity = self.similarity[every].T.masked_fill(inside[:, None], -torch.inf)
        totals = similarity.logsumexp(dim=2)
        weights = (similarity - totals[:, :, None].clamp_min(torch.finfo(totals.dtype).min)).exp()
        return totals, weights @ self.outside

    def _near(self, segments: Tensor, first: Tensor, weights: Tensor) -> Tensor:
        """Sums over frames near the segments: weights (S, Q, width) times the frames' inputs."""
        kernel, stride = self.last.kernel, self.last.stride
        reach = (self.width - 1) * stride + kernel
        below = first[:, None] * stride - self.last.padding + torch.arange(reach, device=first.device)
        sources = self.shared.gather(self.shared.index.of_segment(segments[:, None], below))
        # Row k of this matrix holds the weights at the places of tap k, so that one product serves all taps.
        spread = weights.new_zeros(*weights.shape[:2], reach + kernel - 1)
        spread[:, :, kernel - 1 : kernel + (self.width - 1) * stride : stride] = weights
        by_tap = spread.unfold(2, reach, 1).flip(2)
        sums = torch.bmm(by_tap.flatten(1, 2), sources)
        return sums.view(len(segments), weights.shape[1], kernel * sources.shape[2])


_CLASSIFIERS: WeakKeyDictionary[AttentionModel, tuple[object, nn.Sequential]] = WeakKeyDictionary()


def _folded_classifier(model: AttentionModel, last: Convolution) -> nn.Sequential:
    """The last convolution and the classifier as one network: means of frames' inputs (..., D) to logits (..., 1).

    Where that is cheaper, the classifier's first layer is multiplied with the convolution, which takes as long as the
    classifier for a few thousand segments. So the result is cached as long as the model lives with the same weights.
    """
    state = [(weight.data_ptr(), weight._version) for weight in model.parameters()]
    known_state, classifier = _CLASSIFIERS.get(model, (None, None))
    if classifier is None or known_state != state:
        first, *rest = model.classifier
        assert isinstance(first, nn.Linear)
        inputs, outputs = last.weight.shape
        if inputs * first.out_features < (inputs + first.out_features) * outputs:
            bias = first.weight @ last.bias + first.bias
            classifier = nn.Sequential(_linear(first.weight @ last.weight.T, bias), *rest)
        else:
            classifier = nn.Sequential(_linear(last.weight.T, last.bias), first, *rest)
        _CLASSIFIERS[model] = state, classifier
    return classifier


def _linear(weight: Tensor, bias: Tensor) -> nn.Linear:
    linear = nn.Linear(weight.shape[1], weight.shape[0], device="meta")
    linear.weight, linear.bias = (nn.Parameter(part.detach(), requires_grad=False) for part in (weight, bias))
    return linear
