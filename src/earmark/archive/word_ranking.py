"""Ranking of a whole archive by the scorer that a word's judgements teach, also of what was never a candidate.

Judgements become labelled runs of pieces, a :class:`earmark.archive.word_scorer.WordScorer` is fitted to them, and
every run of the archive is scored by one matrix product. Where the model has a hit, its log odds are the prior;
elsewhere those of its lowest hit are.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from earmark.archive.archive import Archive, Position
from earmark.archive.judgements import Judgement, judgements
from earmark.archive.piece_vectors import PieceVectors
from earmark.archive.rescoring import Recordings, matching_recordings
from earmark.archive.results import ArchiveHit
from earmark.archive.search_by_clip import stored_chunks
from earmark.archive.spoken_frames import SpokenFrames
from earmark.archive.word_scorer import (
    OF_CLIPS,
    Labelled,
    Prior,
    WordScorer,
    aligned,
    best_run,
    fit_scorer,
    template_of,
)
from earmark.core.types import Hit
from earmark.localisation.peaks import non_max_suppression

RELEVANCE = {"yes": 1.0, "related": 0.5, "no": 0.0}
SHORTEST, LONGEST = 2, 12  # pieces of a run
LOOSE = 2  # pieces by which the extent of an example may be off, on either side
BACKGROUND, BACKGROUND_WEIGHT = 400, 5.0  # places that nobody has judged, and the labels that all count for together
OTHER_WORDS, OTHER_WEIGHT = 100, 0.2  # accepted places of other words, the latest, and what each counts for
NEAR_S = 0.3  # between a hit's location and the middle of its run
RUNS_A_HIT = 6  # runs that are compared for each hit that is wanted: neighbouring ones are of one place
EPSILON = 1e-6
SEED = 0

Single = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Run:
    """A run of pieces and what is known of it.

    Attributes
    ----------
    position : Position
        Its middle.
    odds : float
        Log odds of being the word.
    hit : ArchiveHit or None
        The model's hit there.
    """

    position: Position
    odds: float
    hit: ArchiveHit | None


def rank_by_judgements(
    archive: Archive,
    name: str,
    hits: Sequence[ArchiveHit],
    judged: Sequence[Judgement],
    top: int,
    rows: Recordings,
    examples: Sequence[Single] = (),
    admits: Callable[[ArchiveHit], bool] = lambda found: True,
    prior: Prior = OF_CLIPS,
) -> list[ArchiveHit]:
    """Put the judged hits first, in their order, then the others by what the judgements teach.

    Parameters
    ----------
    archive : Archive
    name : str
        Of the query, for hits that the model does not have.
    hits : sequence of ArchiveHit
        Of the model, with their verdicts, by falling detection score.
    judged : sequence of Judgement
        All judgements of the query.
    top : int
        Hits that nobody has judged and the model does not have, at most. There are none as long as there is no example.
    rows : mapping
        The recordings that are searched, by number.
    examples : sequence of numpy.ndarray, each of shape = (t, K)
        Frames of the word, such as those of the clips that were searched with; used until a hit is accepted.
    admits : callable
        Whether a hit that the model does not have may be in the answer.
    prior : Prior
        Of the scorer.
    """
    unjudged = [hit for hit in hits if hit.verdict is None]
    if not judged or (not unjudged and not any(one.verdict == "yes" and not one.opinions for one in judged)):
        return list(hits)
    taught = teach(archive, unjudged, judged, examples, prior)
    found = _as_hits(archive, name, taught.runs(rows, top + len(unjudged)), rows, taught.length_s)
    placed = {hit.position for hit in found}
    found += [hit for hit in unjudged if hit.position not in placed]  # in silence, say
    known = {hit.position for hit in unjudged}
    return [hit for hit in hits if hit.verdict is not None] + [
        hit for hit in found if hit.position in known or admits(hit)
    ]


class Taught:
    """A word's scorer and all that it scores.

    Parameters
    ----------
    pieces : PieceVectors
    hits : sequence of ArchiveHit
        Of the model, that nobody has judged.
    judged : sequence of Judgement
    examples : sequence of numpy.ndarray, each of shape = (t, K)
        Used where nothing was accepted.
    others : sequence of Judgement
        Accepted places of other words.
    prior : Prior
    """

    def __init__(
        self,
        pieces: PieceVectors,
        hits: Sequence[ArchiveHit],
        judged: Sequence[Judgement],
        examples: Sequence[Single],
        others: Sequence[Judgement],
        prior: Prior = OF_CLIPS,
    ) -> None:
        self._pieces, self._hits, self._judged, self._prior = pieces, hits, judged, prior
        self._agreed = [one for one in judged if not one.opinions]  # what people disagree on teaches nothing
        accepted = [one for one in self._agreed if one.verdict == "yes"]
        self._length = _run_length(accepted, examples, pieces)
        around = [(wide, log_odds(one.score)) for one in accepted if (wide := self._around(one)) is not None]
        self._accepted = around or [(pieces.of_frames(one, self._length), 0.0) for one in examples]
        self.has_example = bool(self._accepted)
        scores = [hit.hit.score for hit in hits] + [one.score for one in judged]
        self._floor = min(map(log_odds, scores))
        self._priors = self._prior_of_rows()
        self.scorer = self._fit(others)

    @property
    def length_s(self) -> float:
        """Of a run."""
        return self._length * self._pieces.step_s

    def runs(self, rows: Recordings, count: int) -> list[Run]:
        """The best runs of some recordings that do not overlap, without judged ones, by falling log odds.

        Only those at the model's hits as long as there is no example.
        """
        hits = {(block, row): hit for hit in reversed(self._hits) for block, row in self._rows_of(hit.position)}
        places: list[tuple[float, int, int]] = []
        for number, block in enumerate(self._pieces.blocks):
            odds = block.scores(self.scorer.template) + self.scorer.prior_weight * self._priors[number]
            odds += self.scorer.bias
            odds[~block.rows_in(rows)] = -np.inf
            if self.has_example:
                best = _highest(odds, RUNS_A_HIT * count)
            else:
                best = np.array([row for owner, row in hits if owner == number], np.int64)
            places += [(float(odds[row]), number, row) for row in best.tolist() if odds[row] > -np.inf]
        return self._separate(places, hits)[:count]

    def _fit(self, others: Sequence[Judgement]) -> WordScorer:
        width = self._pieces.width
        accepted = aligned([wide for wide, _ in self._accepted], self._length, width)
        start = template_of(accepted, self._pieces.mean_piece, self._prior.contrast)
        runs, priors = [*accepted], [prior for _, prior in self._accepted]
        targets, weights = [1.0] * len(accepted), [1.0] * len(accepted)
        for one in self._agreed:
            if one.verdict != "yes" and (wide := self._around(one)) is not None:
                runs.append(best_run(wide, start))
                priors.append(log_odds(one.score))
                targets.append(RELEVANCE[one.verdict])
                weights.append(1.0)
        for one in others:
            if (wide := self._around(one)) is not None:
                runs.append(best_run(wide, start))
                priors.append(self._floor)
                targets.append(0.0)
                weights.append(OTHER_WEIGHT)
        background, of_background = self._background()
        return fit_scorer(
            Labelled(
                np.concatenate([np.array(runs, np.float32).reshape(-1, self._length, width), background]),
                np.concatenate([priors, of_background]),
                np.concatenate([targets, np.zeros(len(background))]),
                np.concatenate([weights, np.full(len(background), BACKGROUND_WEIGHT / max(1, len(background)))]),
            ),
            start,
            self._prior,
        )

    def _background(self) -> tuple[Single, Floats]:
        """Runs drawn from all of the archive, and the model's log odds there."""
        rng = np.random.default_rng(SEED)
        sizes = np.array([len(block.vectors) for block in self._pieces.blocks], float)
        runs, priors = [], []
        for number in rng.choice(len(sizes), BACKGROUND, p=sizes / sizes.sum()):
            block = self._pieces.blocks[number]
            row = int(rng.integers(max(1, len(block.vectors) - self._length)))
            run = block.run(row, self._length)
            if len(run) == self._length and run.any():
                runs.append(run)
                priors.append(float(self._priors[number][row]))
        return np.array(runs, np.float32).reshape(-1, self._length, self._pieces.width), np.array(priors)

    def _prior_of_rows(self) -> list[Floats]:
        """The model's log odds at every run, by block."""
        priors = [np.full(len(block.vectors), self._floor) for block in self._pieces.blocks]
        for hit in reversed(self._hits):
            for block, row in self._rows_of(hit.position):
                priors[block][row] = log_odds(hit.hit.score)
        return priors

    def _rows_of(self, position: Position) -> Iterable[tuple[int, int]]:
        """Blocks and first rows of the runs about a position."""
        return self._pieces.rows_at(position.recording, position.channel, position.time_s - self.length_s / 2, 1)

    def _around(self, judged: Judgement) -> Single | None:
        """Pieces of a judged place and a little beside it; None where nothing is stored."""
        wide = self._length + 2 * LOOSE
        return self._pieces.of_segment(*judged.position[:2], (judged.start_s + judged.end_s) / 2, wide)

    def _separate(self, places: Sequence[tuple[float, int, int]], hits: dict[tuple[int, int], ArchiveHit]) -> list[Run]:
        """Of runs that overlap the best, as long as nobody has judged what they hold."""
        judged = defaultdict(list)
        for one in self._judged:
            judged[one.position[:2]].append((one.start_s - NEAR_S / 2, one.end_s + NEAR_S / 2))
        half_s = self.length_s / 2
        runs, taken = [], set()
        for odds, block, row in places:
            chunk, start_s = self._pieces.place(block, row)
            middle_s = start_s + half_s
            if not any(first_s <= middle_s <= last_s for first_s, last_s in judged[chunk.recording, chunk.channel]):
                position = Position(chunk.recording, chunk.channel, middle_s)
                runs.append(Run(position, odds, hits.get((block, row))))
        starts_s = np.array([run.position.time_s - half_s for run in runs])
        scores = np.array([run.odds for run in runs])
        channels = [run.position[:2] for run in runs]
        selected = []
        for i in non_max_suppression(scores, starts_s, starts_s + 2 * half_s, channels):
            hit = runs[i].hit
            if hit is None or hit.position not in taken:
                selected.append(runs[i])
                taken.add(hit.position if hit else runs[i].position)
        return selected


def teach(
    archive: Archive,
    hits: Sequence[ArchiveHit],
    judged: Sequence[Judgement],
    examples: Sequence[Single] = (),
    prior: Prior = OF_CLIPS,
) -> Taught:
    """Fit the scorer of a word to its judgements; as :func:`rank_by_judgements`."""
    everything = matching_recordings(archive, [])
    frames = SpokenFrames(archive, stored_chunks(archive, everything), everything)
    pieces = PieceVectors(archive, frames, everything)
    return Taught(pieces, hits, judged, examples, _other_words(archive, judged), prior)


def log_odds(score: float) -> float:
    """Log odds of a score in [0, 1]."""
    clipped = min(max(score, EPSILON), 1 - EPSILON)
    return float(np.log(clipped) - np.log1p(-clipped))


def _other_words(archive: Archive, judged: Sequence[Judgement]) -> list[Judgement]:
    """The latest accepted places of other queries, where no accepted place of this one is."""
    keys = {one.query for one in judged}
    own = [one for one in judged if one.verdict == "yes"]
    everything = [one for one in judgements(archive) if one.verdict == "yes" and not one.opinions]
    accepted = [one for one in everything if one.query not in keys]
    return [
        one
        for one in accepted[-OTHER_WORDS:]
        if not any(
            mine.position[:2] == one.position[:2] and mine.start_s < one.end_s and one.start_s < mine.end_s
            for mine in own
        )
    ]


def _run_length(accepted: Sequence[Judgement], examples: Sequence[Single], pieces: PieceVectors) -> int:
    """J: the median extent of the examples in pieces."""
    lengths_s = [one.end_s - one.start_s for one in accepted] or [len(one) * pieces.frame_s for one in examples]
    median_s = float(np.median(lengths_s)) if lengths_s else 4 * pieces.step_s
    return int(np.clip(round(median_s / pieces.step_s), SHORTEST, LONGEST))


def _highest(values: Floats | Single, count: int) -> npt.NDArray[np.int64]:
    """Indices of the highest values."""
    if count >= len(values):
        return np.arange(len(values))
    return np.argpartition(-values, count)[:count]


def _as_hits(archive: Archive, name: str, runs: Sequence[Run], rows: Recordings, length_s: float) -> list[ArchiveHit]:
    """The model's hit of each run, or else a new one, whose score is the scorer's probability."""
    found = []
    for run in runs:
        probability = float(1 / (1 + np.exp(-run.odds)))
        if run.hit is not None:
            found.append(replace(run.hit, scorer_probability=probability))
            continue
        row, time_s = rows[run.position.recording], run.position.time_s
        start_s, end_s = max(0.0, time_s - length_s / 2), min(time_s + length_s / 2, row.duration_s)
        time_s = min(time_s, row.duration_s)
        if start_s < end_s:
            hit = Hit(row.path, name, probability, time_s, start_s, end_s)
            position = Position(row.id, run.position.channel, time_s)
            about = (row.speaker, row.date, row.language)
            found.append(ArchiveHit(position, hit, *about, scorer_probability=probability))
    return found
