"""Detection thresholds, chosen on dev by the training targets: no transcript is needed.

A single threshold for all keywords assumes that their scores are on one scale. But a model that was trained on soft
targets predicts the *target*, and a tagger that recognises *snow* well and *face* hardly gives the one 0.4 and the
other 0.03 where they are spoken. So each keyword gets a threshold of its own, on the scale of its own targets.

Let z be 1 where a keyword is spoken and 0 elsewhere, t its target and s its score, and let a and b be its mean target
where it is spoken and where it is not. Trained with cross-entropy, a score estimates E[t | speech]. If what is wrong
with a target does not depend on the speech beyond z, then with p = P(z = 1 | speech)

    s = b + (a - b) p,

as for labels that were corrupted at random (Menon et al. 2015, "Learning from corrupted binary labels via
class-probability estimation"). One threshold on p serves all keywords, as the highest F1 over all cells needs one
threshold on a probability (Lipton et al. 2014, "Optimal thresholding of classifiers to maximize F1 measure"). On the
scores it becomes a threshold for each.

The rates a and b come from the targets alone. A tagger that was trained with cross-entropy, too, is calibrated:
E[z | t] = t. Then E[z] = E[t] and E[t z] = E[t^2], so that

    a = E[t^2] / E[t]    and    b = E[t (1 - t)] / E[1 - t].

Targets of 0 and 1 have a = 1 and b = 0, and leave one threshold for all. Targets that are unknown (NaN) take part in
nothing.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from earmark.models.checkpoint import DEFAULT_THRESHOLD

Floats = npt.NDArray[np.floating]
CAUTION = 0.75  # the share of keywords that deserve more trust than all of them get


def best_threshold(scores: Floats, targets: Floats) -> float:
    """The one threshold for all keywords with the highest expected F1 over all utterances and keywords.

    Soft targets are taken as probabilities: of the detected cells the sum of their targets is expected to be right,
    so the expected F1 of a threshold is twice that sum over the number of detections plus the sum of all targets.
    With targets of 0 and 1 it is F1 itself. The threshold lies halfway between two scores.

    Parameters
    ----------
    scores, targets : numpy.ndarray, shape = (U, W)
        Detection scores and targets in [0, 1].

    Returns
    -------
    float
        The paper's 0.5 where no target names any keyword.
    """
    known = ~np.isnan(targets)
    return _highest_f1(scores[known], targets[known], float(targets[known].sum()))


def keyword_thresholds(scores: Floats, targets: Floats, train_targets: Floats) -> npt.NDArray[np.float64]:
    """A threshold for each keyword: one threshold on the probability that it is spoken, put on its scores.

    That probability is (s - b) / (a - b), and (t - b) / (a - b) is an estimate of z without bias (Natarajan et al.
    2013, "Learning with noisy labels"). The threshold on the one has the highest F1 that is expected by the other.

    Parameters
    ----------
    scores, targets : numpy.ndarray, shape = (U, W)
        Detection scores and targets of dev, in [0, 1].
    train_targets : numpy.ndarray, shape = (U', W)
        Targets of train. The rates of a rare keyword need more utterances than dev has.

    Returns
    -------
    numpy.ndarray, shape = (W,)
        In [0, 1]. A keyword that no target names, or that all name alike, gets the threshold on the probability.
    """
    targets = targets.astype(np.float64)
    unspoken, spoken = _trusted_rates(train_targets, targets, scores)
    span = spoken - unspoken
    estimates = np.minimum((scores - unspoken) / span, 1)
    known = ~np.isnan(targets)
    threshold = _highest_f1(estimates[known], ((targets - unspoken) / span)[known], float(targets[known].sum()))
    return (unspoken + threshold * span).clip(0, 1)


def estimate_prevalence(scores: Floats, targets: Floats, train_targets: Floats) -> npt.NDArray[np.float64]:
    """An estimate of z without bias, by the targets: (t - b) / (a - b), with targets of 0 and 1 the target itself.

    Parameters are those of :func:`keyword_thresholds`. Single ones lie outside [0, 1] at times; they are for sums.
    Where a target is unknown, so is z: NaN.
    """
    targets = targets.astype(np.float64)
    unspoken, spoken = _trusted_rates(train_targets, targets, scores)
    return (targets - unspoken) / (spoken - unspoken)


def tag_rates(targets: Floats) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """The mean target of each keyword where it is not spoken, and where it is.

    Parameters
    ----------
    targets : numpy.ndarray, shape = (U, W)
        Calibrated: of the utterances with target t, the share t has the keyword.

    Returns
    -------
    two numpy.ndarray, shape = (W,)
        b and a. They satisfy a - b = Var t / (E[t] (1 - E[t])), the share of z's variance that t explains. Where
        targets are all 0 or all 1, one of the rates can't be known; it is 1 or 0, as for targets without mistakes.
    """
    targets = targets.astype(np.float64)
    named, squares = np.nansum(targets, axis=0), np.nansum(targets**2, axis=0)
    unnamed = (~np.isnan(targets)).sum(axis=0) - named
    unspoken = np.divide(named - squares, unnamed, out=np.zeros_like(named), where=unnamed > 0)
    spoken = np.divide(squares, named, out=np.ones_like(named), where=named > 0)
    return unspoken, spoken


def _trusted_rates(
    train_targets: Floats, targets: Floats, scores: Floats
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Tag rates, drawn towards 0 and 1 as far as scores follow something else than the keyword itself.

    If a target's mistakes could not be heard, scores and targets would vary together by (a - b)^2 Var p, which is
    (a - b) Var t at most, as Var p is E[t] (1 - E[t]) at most. What is beyond that comes from other words: a tagger
    that takes cats for dogs has trained the model to detect *cat* for *dog*. Let c Var t be that much, for a bad
    keyword: three in four have less. Then the share (a - b) / (a - b + c) of what scores and targets have in common is
    the keyword's own, and so far the rates are trusted; the rest of the way lie 0 and 1, which are one threshold for
    all.
    One utterance's worth of doubt (c is 1 / U at least) stands against a keyword whose targets are all alike.
    """
    every = np.concatenate([train_targets, targets])
    unspoken, spoken = tag_rates(every)
    known, known_dev = np.ma.masked_invalid(every), np.ma.masked_invalid(targets)
    known_scores = np.ma.array(scores, mask=np.isnan(targets))
    variance = known.var(axis=0, dtype=np.float64).filled(0)
    products = (known_scores - known_scores.mean(axis=0)) * (known_dev - known_dev.mean(axis=0))
    together = products.mean(axis=0).filled(0)
    varies = variance > 0
    excess = (together[varies] / variance[varies] - (spoken - unspoken)[varies]).clip(0)
    doubt = 1 / known.count(axis=0).clip(1) + (float(np.quantile(excess, CAUTION)) if varies.any() else 0.0)
    trust = (spoken - unspoken) / (spoken - unspoken + doubt)
    return trust * unspoken, 1 - trust * (1 - spoken)


def _highest_f1(scores: Floats, right: Floats, spoken: float) -> float:
    """The threshold on `scores` with the highest F1, where the detection of each cell is `right` by so much.

    It lies halfway between two scores, or below all; it is the paper's where nothing is `spoken`.
    """
    if spoken == 0:
        return DEFAULT_THRESHOLD
    order = np.argsort(-scores, axis=None, kind="stable")
    ranked = scores.ravel()[order].astype(np.float64)
    detected = np.arange(1, len(order) + 1)
    f1 = 2 * right.ravel()[order].cumsum(dtype=np.float64) / (detected + spoken)
    ends_tie = np.append(ranked[1:] < ranked[:-1], True)
    last = int(np.argmax(np.where(ends_tie, f1, -np.inf)))
    below = ranked[last + 1] if last + 1 < len(ranked) else min(0.0, 2 * ranked[last])
    return float((ranked[last] + below) / 2)
