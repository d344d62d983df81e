"""Masked-in localisation: how much faster than the straightforward ways, and how far from what must be done.

    python benchmarks/masking.py [--seconds 4] [--device cpu]

For the paper's CNN-Attend with fresh weights and 67 keywords, on one utterance of noise, in one run:

- *ours*: ``earmark.localise.masked_in``;
- *batched*: every segment alone in an utterance of zeros, through the whole model, 32 at a time, for the same queries;
- *released*: what the authors' released code does: every segment, moved to the start of 800 frames of zeros, through
  the whole model by itself, for all 67 keywords (its classifier has 8192 hidden units; here it has the paper's 4096).

The two slow ways are timed on every tenth (every hundredth) of the segments and multiplied. The *floor* is the time of
the classifier's multiply-adds alone, at the speed of one large matrix product of its shape.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor

from earmark.core.vocabulary import Vocabulary
from earmark.features import extractor
from earmark.localisation.methods import masked_in
from earmark.localisation.methods._segments import segments_of
from earmark.models.encoded import encode
from earmark.models.keyword_models import AttentionModel, build
from earmark.recipe import read_recipe

KEYWORDS, ASKED = 67, 3
BATCH = 32
RELEASED_FRAMES = 800
REPEATS = 5


def seconds(work: Callable[[], object], device: torch.device, repeats: int = REPEATS) -> float:
    """Median time of some work, after one run that does not count."""
    times = []
    for _ in range(repeats + 1):
        begun = time.perf_counter()
        work()
        if device.type == "cuda":
            torch.cuda.synchronize()
        times.append(time.perf_counter() - begun)
    return statistics.median(times[1:])


def batched(model: AttentionModel, heard: Tensor, segments: Tensor, queries: Tensor) -> Tensor:
    """Detection scores of every segment alone in an utterance of zeros: (S, Q)."""
    scores = []
    for some in segments.split(BATCH):
        alone = torch.zeros(len(some), *heard.shape, device=heard.device)
        for row, (start, end) in zip(alone, some.tolist(), strict=True):
            row[start:end] = heard[start:end]
        lengths = torch.full((len(some),), len(heard), device=heard.device)
        scores.append(model.score(model.encode_speech(alone, lengths), queries)[0].sigmoid())
    return torch.cat(scores)


def released(model: AttentionModel, heard: Tensor, segments: Tensor) -> None:
    """Every segment by itself at the start of 800 frames, for all keywords."""
    every = torch.arange(KEYWORDS, device=heard.device)
    for start, end in segments.tolist():
        alone = torch.zeros(1, RELEASED_FRAMES, heard.shape[1], device=heard.device)
        alone[0, : end - start] = heard[start:end]
        speech = model.encode_speech(alone, torch.tensor([RELEASED_FRAMES], device=heard.device))
        model.score(speech, every)[0].sigmoid()


def floor(model: AttentionModel, contexts: int, device: torch.device) -> tuple[float, float]:
    """Multiply-adds of the classifier for so many contexts, and how many a second there are in one large product."""
    first, last = model.classifier[0], model.classifier[-1]
    each = first.weight.numel() + last.weight.numel()
    rows = torch.randn(4096, first.in_features, device=device)
    pace = rows.shape[0] * first.weight.numel() / seconds(lambda: rows @ first.weight.T, device)
    return contexts * each, pace


@torch.no_grad()
def main() -> None:
    """Time everything and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=4.0, help="length of the utterance")
    parser.add_argument("--device", default="cpu")
    asked = parser.parse_args()
    device = torch.device(asked.device)

    torch.manual_seed(0)
    recipe = read_recipe("olaleye2022/cnn-attend")
    words = Vocabulary([f"keyword {number}" for number in range(KEYWORDS)])
    features = extractor(recipe.features)
    model = build(recipe.model, features.dimension, words, features.grid).to(device).eval()
    assert isinstance(model, AttentionModel)
    for weight in model.parameters():  # so large that scores differ from segment to segment, as a trained model's do
        weight.mul_(3 if weight.dim() > 1 else 1)
    heard = torch.randn(round(asked.seconds / features.grid.stride_s), features.dimension, device=device)
    length = torch.tensor([len(heard)], device=device)
    segments = segments_of(len(heard))
    print(f"{asked.seconds:g} s, {len(segments)} segments, {device}, {torch.get_num_threads()} threads")

    part = segments[::100]
    released_s = seconds(lambda: released(model, heard, part), device, 1) * len(segments) / len(part)
    for count in (ASKED, KEYWORDS):
        queries = torch.arange(count, device=device)
        found = masked_in.localise(model, encode(model, heard[None], length), queries)
        part = segments[::10]
        slow = batched(model, heard, part, queries)
        difference = (found.scores[0].T[::10].sigmoid() - slow).abs().max()
        ours_s = seconds(
            lambda queries=queries: masked_in.localise(model, encode(model, heard[None], length), queries), device
        )
        batched_s = seconds(lambda queries=queries, part=part: batched(model, heard, part, queries), device, 1)
        batched_s *= len(segments) / len(part)
        products, pace = floor(model, len(segments) * count, device)
        print(
            f"{count} of {KEYWORDS} keywords: ours {ours_s:.3f} s; batched {batched_s:.1f} s, {batched_s / ours_s:.1f} "
            f"times as long; released {released_s:.1f} s, {released_s / ours_s:.1f} times as long; "
            f"largest difference of a score {difference:.1e}; floor {products / 1e9:.0f} G multiply-adds at "
            f"{pace / 1e9:.0f} G a second = {products / pace:.3f} s, ours is {ours_s * pace / products:.2f} times that"
        )


if __name__ == "__main__":
    main()
