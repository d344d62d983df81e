"""Similarities of pictures and utterances against their formulae, one number at a time."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from earmark.models import matchmap
from earmark.models.padding import padding_mask
from earmark.models.similarities import SIMILARITIES
from earmark.training.losses import Pairs
from support import slow_pairs

CLOSE = {"atol": 1e-9, "rtol": 1e-9}
KINDS = tuple(slow_pairs.SIMILARITIES)


@dataclass
class Batch:
    """Pictures (N, P, D) and utterances (B, T, D), with rubbish where they are padded."""

    pixels: Tensor
    frames: Tensor
    lengths: Tensor

    @property
    def real(self) -> Tensor:
        return padding_mask(self.lengths, self.frames.shape[1])

    def utterances(self) -> list[Tensor]:
        """Each without its padding."""
        return [frames[:length] for frames, length in zip(self.frames, self.lengths.tolist(), strict=True)]


@st.composite
def batches(draw: st.DrawFn, paired: bool = False) -> Batch:
    lengths = torch.tensor(draw(st.lists(st.integers(1, 5), min_size=1, max_size=3)))
    pictures = len(lengths) if paired else draw(st.integers(1, 3))
    places, dimension, seed = draw(st.integers(1, 4)), draw(st.integers(1, 3)), draw(st.integers(0, 2**31))
    return batch(lengths, pictures, places, dimension, seed)


def batch(lengths: Tensor, pictures: int, places: int, dimension: int, seed: int = 0) -> Batch:
    rng = torch.Generator().manual_seed(seed)
    pixels = torch.randn(pictures, places, dimension, generator=rng, dtype=torch.float64)
    frames = torch.randn(len(lengths), int(lengths.max()) + 2, dimension, generator=rng, dtype=torch.float64)
    rubbish = ~padding_mask(lengths, frames.shape[1])[:, :, None]
    return Batch(pixels.requires_grad_(), torch.where(rubbish, 1000 * frames, frames).requires_grad_(), lengths)


def of_all_pairs(kind: str, made: Batch) -> Tensor:
    """Similarities (B, N) of every utterance with every picture."""
    return SIMILARITIES[kind]().crossed(made.pixels, made.frames, made.real)[0]


def of_own_pairs(kind: str, made: Batch) -> Tensor:
    """Similarities (B,) of utterances with the pictures of the same number."""
    return SIMILARITIES[kind]().paired(made.pixels, made.frames, made.real)


def slopes(total: Tensor, made: Batch) -> tuple[Tensor, Tensor]:
    return torch.autograd.grad(total, (made.pixels, made.frames), allow_unused=True, materialize_grads=True)


@pytest.mark.parametrize("kind", KINDS)
@given(made=batches(), seed=st.integers(0, 2**31))
@settings(deadline=None, max_examples=25)
def test_scores_and_slopes_are_those_of_the_formula(kind: str, made: Batch, seed: int) -> None:
    slow = slow_pairs.SIMILARITIES[kind]
    scores = of_all_pairs(kind, made)
    expected = torch.stack([torch.stack([slow(pixels, u) for pixels in made.pixels]) for u in made.utterances()])
    torch.testing.assert_close(scores, expected, **CLOSE)
    weights = torch.randn(scores.shape, generator=torch.Generator().manual_seed(seed), dtype=scores.dtype)
    found, wanted = (slopes((weights * some).sum(), made) for some in (scores, expected))
    torch.testing.assert_close(found, wanted, atol=1e-7, rtol=1e-7)
    assert not found[1][~made.real].any()


@pytest.mark.parametrize("kind", KINDS)
@given(made=batches(paired=True))
@settings(deadline=None, max_examples=25)
def test_own_pairs_are_the_diagonal_of_all_pairs(kind: str, made: Batch) -> None:
    own, crossed = of_own_pairs(kind, made), of_all_pairs(kind, made).diagonal()
    torch.testing.assert_close(own, crossed, **CLOSE)
    torch.testing.assert_close(slopes(own.sum(), made), slopes(crossed.sum(), made), atol=1e-7, rtol=1e-7)


@given(made=batches(paired=True))
@settings(deadline=None, max_examples=25)
def test_contexts_are_means_of_attended_frames_and_pixels(made: Batch) -> None:
    audio_contexts, image_contexts = Pairs(made.pixels, made.frames, made.real).contexts()
    for number, frames in enumerate(made.utterances()):
        pixels = made.pixels[number]
        torch.testing.assert_close(
            audio_contexts[number], torch.stack(slow_pairs.audio_context(pixels, frames)), **CLOSE
        )
        torch.testing.assert_close(
            image_contexts[number], torch.stack(slow_pairs.image_context(pixels, frames)), **CLOSE
        )


@given(made=batches())
@settings(deadline=None, max_examples=25)
def test_attention_goes_from_0_to_1_over_what_is_real(made: Batch) -> None:
    matches, real = matchmap.matchmap(made.pixels, made.frames), made.real[:, None]
    frames, pixels = matchmap.audio_attention(matches, real), matchmap.image_attention(matches, real)
    assert not frames[~real.expand_as(frames)].any()
    for number, utterance in enumerate(made.utterances()):
        for picture in range(len(made.pixels)):
            best = slow_pairs.best_pixels(made.pixels[picture], utterance)
            weights = frames[number, picture, : len(utterance)]
            torch.testing.assert_close(weights, torch.stack(slow_pairs.stretched(best)), **CLOSE)
            best = slow_pairs.best_frames(made.pixels[picture], utterance)
            torch.testing.assert_close(pixels[number, picture], torch.stack(slow_pairs.stretched(best)), **CLOSE)


def test_attention_by_hand() -> None:
    """Two pixels and three frames, the last of them padded and louder than all."""
    matches = torch.tensor([[1.0, 4.0, 100.0], [2.0, -2.0, 900.0]])
    real = torch.tensor([True, True, False])
    assert matchmap.audio_attention(matches, real).tolist() == [0.0, 1.0, 0.0]
    assert matchmap.image_attention(matches, real).tolist() == [1.0, 0.0]
    assert matchmap.misa(matches, real).item() == (2 + 4) / 2
    assert matchmap.sisa(matches, real).item() == (1 + 4 + 2 - 2) / 4
    assert matchmap.sima(matches, real).item() == (4 + 2) / 2
    assert matchmap.maximum(matches, real).item() == 4
    assert matchmap.maximum(-matches.abs(), real).item() == 0


@pytest.mark.parametrize("kind", KINDS)
@given(made=batches())
@settings(deadline=None, max_examples=25)
def test_an_utterance_scores_the_same_alone_and_in_a_batch(kind: str, made: Batch) -> None:
    together = of_all_pairs(kind, made)
    for number, frames in enumerate(made.utterances()):
        alone = Batch(made.pixels, frames[None], made.lengths[number : number + 1])
        torch.testing.assert_close(together[number], of_all_pairs(kind, alone)[0], **CLOSE)


@pytest.mark.parametrize("kind", KINDS)
def test_slopes_are_those_of_small_steps(kind: str) -> None:
    """Not by the derivatives that torch knows, as in the tests above, but by differences."""
    made = batch(torch.tensor([4, 2]), 2, 3, 3, seed=1)
    spot = made.real[:, :, None] * 1.0  # rubbish is too large for small steps; what it teaches is tested above

    def scores(pixels: Tensor, frames: Tensor) -> Tensor:
        return of_all_pairs(kind, Batch(pixels, frames * spot, made.lengths))

    assert torch.autograd.gradcheck(scores, (made.pixels, (made.frames * spot).detach().requires_grad_()))


def uneven(*shape: int) -> Tensor:
    return torch.arange(1.0, math.prod(shape) + 1).sin().view(shape)


FLAT = {
    "all alike": (torch.ones(2, 3, 2), torch.ones(2, 4, 2), torch.tensor([4, 2])),
    "silence": (torch.ones(2, 3, 2), torch.zeros(2, 4, 2), torch.tensor([4, 3])),
    "nothing at all": (torch.zeros(1, 3, 2), torch.zeros(1, 4, 2), torch.tensor([3])),
    "a single frame": (uneven(2, 3, 2), uneven(1, 1, 2), torch.tensor([1])),
    "a single frame of several": (uneven(2, 3, 2), uneven(1, 5, 2), torch.tensor([1])),
    "a single pixel": (uneven(2, 1, 2), uneven(2, 4, 2), torch.tensor([4, 1])),
    "nearly alike": (1 + 1e-7 * uneven(2, 3, 2), torch.ones(1, 4, 2), torch.tensor([4])),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", FLAT)
def test_flat_matchmaps_give_numbers_and_slopes(kind: str, shape: str) -> None:
    pixels, frames, lengths = FLAT[shape]
    made = Batch(pixels.clone().requires_grad_(), frames.clone().requires_grad_(), lengths)
    scores = of_all_pairs(kind, made)
    assert scores.isfinite().all()
    assert all(slope.isfinite().all() for slope in slopes(scores.sum(), made))


def test_what_is_all_alike_is_all_attended_to() -> None:
    pixels, frames, lengths = FLAT["all alike"]
    made = Batch(pixels, frames, lengths)
    matches = matchmap.matchmap(pixels, frames)
    assert matchmap.audio_attention(matches, made.real[:, None])[:, 0].tolist() == [[1, 1, 1, 1], [1, 1, 0, 0]]
    assert matchmap.image_attention(matches, made.real[:, None]).eq(1).all()
    torch.testing.assert_close(of_all_pairs("localising-attention", made), torch.ones(2, 2))
