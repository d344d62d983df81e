"""Attention over the frames of a linear last convolution, without computing those frames.

With x_j for all that frame j is computed from, its K numbers are h_j = W x_j + b. Then the likeness to a query is
q . h_j = (W^T q) . x_j + q . b (Olaleye et al. 2022, Eq. 11 before its softmax): the queries are folded into the
convolution. And since the attention's weights sum to 1, the context is W (sum_j alpha_j x_j) + b (Eq. 12): the
convolution, which is dear, is done once for every segment and query instead of once for every frame.
"""

from __future__ import annotations

from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from earmark.localisation.methods._fast_encoder import Convolution, Mosaic
from earmark.models.keyword_models import AttentionModel

NUMBERS_AT_ONCE = 1 << 22  # of the largest array while frames are pooled; bounds the memory


def folded_logits(model: AttentionModel, last: Convolution, mosaic: Mosaic, queries: Tensor) -> Tensor:
    """Detection logits (S, Q) of all versions in a mosaic.

    Parameters
    ----------
    model : AttentionModel
    last : Convolution
        The encoder's last step, which is affine.
    mosaic : Mosaic
        After all steps but the last.
    queries : torch.Tensor, shape = (Q,)
    """
    attention = _FoldedAttention(model, last, mosaic, queries)
    judge = _judge(model, last)
    most = max(attention.outside.shape[1], *(parameter.shape[0] for parameter in judge.parameters()))
    at_once = max(1, NUMBERS_AT_ONCE // (max(1, len(queries)) * most))
    segments = torch.arange(len(mosaic.layout.own), device=queries.device)
    return torch.cat([judge(attention.means(some)).squeeze(2) for some in segments.split(at_once)])


class _FoldedAttention:
    """The attention of every version: what its context is computed from."""

    def __init__(self, model: AttentionModel, last: Convolution, mosaic: Mosaic, queries: Tensor) -> None:
        self.mosaic, self.last = mosaic, last
        self.layout = mosaic.above(last)
        self.likeness = self._likeness(model.pooling.queries(queries))
        self.width = min(self.layout.frames, self._widest())
        every = torch.arange(self.layout.frames, device=queries.device)
        heard = mosaic.at(mosaic.layout.of_whole(0, last.places(every, mosaic.layout.frames)))
        self.outside = heard.flatten(1)  # what the frames of `outside` are computed from: (T, kernel x C)

    def means(self, segments: Tensor) -> Tensor:
        """Sums of what frames are computed from, weighted by the attention, for some segments: (S, Q, kernel x C)."""
        # The frames that see the segment, and some more where there are fewer than for the widest.
        first = self.layout.first[self.layout.cuts.start[segments]].clamp(0, self.layout.frames - self.width)
        frames = first[:, None] + torch.arange(self.width, device=segments.device)
        near = self.likeness[self.layout.of_segment(segments[:, None], frames)].transpose(1, 2)
        firsts, place = first.unique(return_inverse=True)
        beyond, beyond_mean = self._beyond(firsts)
        beyond, beyond_mean = beyond[place], beyond_mean[place]
        total = near.logsumexp(dim=2).logaddexp(beyond)
        mean = self._near(segments, first, (near - total[:, :, None]).exp())
        return mean.addcmul_((beyond - total).exp()[:, :, None], beyond_mean)

    def _likeness(self, queries: Tensor) -> Tensor:
        """Likeness of the rows that the last block would have to each query: (R, Q)."""
        folded = (self.last.weight @ queries.T).unflatten(0, (self.last.kernel, -1))
        by_tap = torch.einsum("rc,kcq->krq", self.mosaic.rows, folded)
        sources = self.layout.sources(self.last, self.mosaic.layout)
        likeness = (self.last.bias @ queries.T).repeat(len(sources), 1)
        for tap, row in zip(by_tap, sources.T, strict=True):
            likeness += tap.index_select(0, row)
        return torch.cat([likeness, likeness.new_zeros(1, likeness.shape[1])])

    def _widest(self) -> int:
        """How many frames, at the most, see anything of a segment; at least 1, though strides may pass over all."""
        behind = self.layout.sight.behind_last(self.layout.cuts.edges)
        seen = behind[self.layout.cuts.end] - self.layout.first[self.layout.cuts.start]
        return max(1, int(seen.max())) if len(seen) else 1

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
            Mean of what the frames are computed from, weighted by the exponentials.
        """
        every = torch.arange(self.layout.frames, device=firsts.device)
        inside = (every >= firsts[:, None]) & (every < firsts[:, None] + self.width)
        likeness = self.likeness[every].T.masked_fill(inside[:, None], -torch.inf)
        totals = likeness.logsumexp(dim=2)
        weights = (likeness - totals[:, :, None].clamp_min(torch.finfo(totals.dtype).min)).exp()
        return totals, weights @ self.outside

    def _near(self, segments: Tensor, first: Tensor, weights: Tensor) -> Tensor:
        """Sums over frames near the segments: weights (S, Q, width) times what they are computed from."""
        kernel, stride = self.last.kernel, self.last.stride
        reach = (self.width - 1) * stride + kernel
        below = first[:, None] * stride - self.last.padding + torch.arange(reach, device=first.device)
        heard = self.mosaic.at(self.mosaic.layout.of_segment(segments[:, None], below))
        # Row k of this matrix holds the weights at the places of tap k, so that one product serves all taps.
        spread = weights.new_zeros(*weights.shape[:2], reach + kernel - 1)
        spread[:, :, kernel - 1 : kernel + (self.width - 1) * stride : stride] = weights
        by_tap = spread.unfold(2, reach, 1).flip(2)
        sums = torch.bmm(by_tap.flatten(1, 2), heard)
        return sums.view(len(segments), weights.shape[1], kernel * heard.shape[2])


_JUDGES: WeakKeyDictionary[AttentionModel, tuple[object, nn.Sequential]] = WeakKeyDictionary()


def _judge(model: AttentionModel, last: Convolution) -> nn.Sequential:
    """The last convolution and the classifier as one: means of what frames are computed from (..., D) to (..., 1).

    Where that is cheaper, the classifier's first layer is multiplied with the convolution, which takes as long as a few
    thousand judgements. So it is kept as long as the model lives and its weights stay as they are.
    """
    state = [(weight.data_ptr(), weight._version) for weight in model.parameters()]
    kept, judge = _JUDGES.get(model, (None, None))
    if judge is None or kept != state:
        first, *rest = model.classifier
        assert isinstance(first, nn.Linear)
        inputs, outputs = last.weight.shape
        if inputs * first.out_features < (inputs + first.out_features) * outputs:
            bias = first.weight @ last.bias + first.bias
            judge = nn.Sequential(_linear(first.weight @ last.weight.T, bias), *rest)
        else:
            judge = nn.Sequential(_linear(last.weight.T, last.bias), first, *rest)
        _JUDGES[model] = state, judge
    return judge


def _linear(weight: Tensor, bias: Tensor) -> nn.Linear:
    linear = nn.Linear(weight.shape[1], weight.shape[0], device="meta")
    linear.weight, linear.bias = (nn.Parameter(part.detach(), requires_grad=False) for part in (weight, bias))
    return linear
