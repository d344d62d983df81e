"""The measures once more, written from their definitions in plain loops: slow, and easy to believe."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

from earmark.evaluation.data import GroundTruth, Predictions
from support.slow_search_measures import slow_search_measures


def slow_measure(
    truth: GroundTruth, predictions: Predictions, thresholds, keywords, durations_s, global_threshold
) -> dict:
    """The body of metrics.json without the confidence intervals."""
    case = Case(truth, predictions)
    thresholds = [float(threshold) for threshold in thresholds]
    halves = [0.5] * len(keywords)
    everyone = range(len(keywords))
    spoken = [w for w in everyone if any(case.present[u][w] for u in case.utterances)]
    tables = {w: keyword_measures(case, w, thresholds) for w in everyone}
    body = {
        "detection": {
            **detection(case, everyone, thresholds),
            "average_precision": average_precision(case.cells(everyone)),
            "mean_average_precision": mean([tables[w]["detection"]["average_precision"] for w in spoken]),
        },
        "oracle": {"accuracy": oracle(case, everyone)},
        "actual": actual(case, everyone, thresholds),
        "spotting": {
            name: mean([tables[w]["spotting"][name] for w in spoken])
            for name in ("p_at_10", "p_at_n", "eer", "reciprocal_rank")
        },
        "spotting_localisation": {
            name: mean([tables[w]["spotting_localisation"][name] for w in spoken]) for name in ("p_at_10", "p_at_n")
        },
        **slow_search_measures(case, thresholds, durations_s),
        "released": {
            "oracle": {"accuracy": released_oracle(case)},
            "actual": released_actual(case, thresholds),
            "spotting_localisation": released_spotting(case, spoken),
        },
        "fixed_threshold": {
            "threshold": 0.5,
            "detection": detection(case, everyone, halves),
            "actual": actual(case, everyone, halves),
        },
        "global_threshold": {
            "threshold": global_threshold,
            "detection": detection(case, everyone, [global_threshold] * len(keywords)),
            "actual": actual(case, everyone, [global_threshold] * len(keywords)),
        },
        "chance": {
            "oracle": {"accuracy": chance_oracle(case, durations_s)},
            "spotting": {
                "p_at_10": mean([sum(row[w] for row in case.present) / len(case.evaluated_in(w)) for w in spoken])
            },
        },
        "per_keyword": {},
    }
    for w, word in enumerate(keywords):
        entry = tables[w] if w in spoken else emptied(tables[w])
        entry["utterances"] = sum(row[w] for row in case.present)
        entry["occurrences"] = len([0 for _, keyword, _, _ in case.occurrences if keyword == w])
        entry["threshold"] = thresholds[w]
        body["per_keyword"][word] = entry
    if not spoken:
        for tree in (body, body["released"], body["fixed_threshold"], body["global_threshold"], body["chance"]):
            for name in ("detection", "oracle", "actual", "spotting", "spotting_localisation"):
                if name in tree:
                    tree[name] = emptied(tree[name])
    if not truth.aligned:
        for tree in (
            body,
            body["released"],
            body["fixed_threshold"],
            body["global_threshold"],
            *body["per_keyword"].values(),
        ):
            for name in ("oracle", "actual", "spotting_localisation", "term_weighted"):
                if name in tree:
                    tree[name] = emptied(tree[name])
        body["chance"]["oracle"] = {"accuracy": None}
        body["conditions"] |= {"terms": None, "mtwv_threshold": None}
        for entry in body["per_keyword"].values():
            entry["occurrences"] = None
    return body


class Case:
    def __init__(self, truth: GroundTruth, predictions: Predictions) -> None:
        self.present = truth.present.tolist()
        self.evaluated = predictions.evaluated.tolist()
        self.scores = predictions.scores.tolist()
        self.times_s = predictions.times_s.tolist()
        columns = (truth.utterance, truth.keyword, truth.start_s, truth.end_s)
        self.occurrences = list(zip(*(column.tolist() for column in columns), strict=True))
        self.utterances = range(len(self.present))

    def cells(self, keywords):
        """(score, present) of every evaluated cell of these keywords."""
        return [(self.scores[u][w], self.present[u][w]) for w in keywords for u in self.evaluated_in(w)]

    def evaluated_in(self, w):
        return [u for u in self.utterances if self.evaluated[u][w]]

    def extents(self, u, w):
        return [(start, end) for v, x, start, end in self.occurrences if (v, x) == (u, w)]

    def located(self, u, w):
        return any(start <= self.times_s[u][w] <= end for start, end in self.extents(u, w))


def mean(values):
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def emptied(tree):
    return {name: emptied(branch) if isinstance(branch, dict) else None for name, branch in tree.items()}


def precision_recall_f1(tp, fp, fn):
    precision = tp / (tp + fp) if tp + fp else (0.0 if tp + fn else None)
    recall = tp / (tp + fn) if tp + fn else None
    f1 = 2 * tp / (2 * tp + fp + fn) if tp + fp + fn else None
    return {"precision": precision, "recall": recall, "f1": f1}


def detection(case, keywords, thresholds):
    tp = fp = fn = 0
    for u in case.utterances:
        for w in keywords:
            if not case.evaluated[u][w]:
                continue
            says, is_so = case.scores[u][w] >= thresholds[w], case.present[u][w]
            tp += says and is_so
            fp += says and not is_so
            fn += is_so and not says
    return precision_recall_f1(tp, fp, fn)


def actual(case, keywords, thresholds):
    true_positive = predicted = relevant = 0
    for u in case.utterances:
        for w in keywords:
            says = case.scores[u][w] >= thresholds[w]
            true_positive += says and case.located(u, w)
            predicted += says
            relevant += case.present[u][w]
    return precision_recall_f1(true_positive, predicted - true_positive, relevant - true_positive)


def oracle(case, keywords):
    return mean([float(case.located(u, w)) for u in case.utterances for w in keywords if case.present[u][w]])


def average_precision(cells):
    relevant = sum(present for _, present in cells)
    if not relevant:
        return None
    total, recall_before = 0.0, 0.0
    for threshold in sorted({score for score, _ in cells}, reverse=True):
        predicted = [present for score, present in cells if score >= threshold]
        recall = sum(predicted) / relevant
        total += (recall - recall_before) * sum(predicted) / len(predicted)
        recall_before = recall
    return total


def equal_error_rate(cells):
    positives = sum(present for _, present in cells)
    negatives = len(cells) - positives
    if not positives or not negatives:
        return None
    x0 = y0 = Fraction(0)
    for threshold in sorted({score for score, _ in cells}, reverse=True):
        predicted = [present for score, present in cells if score >= threshold]
        x1, y1 = Fraction(len(predicted) - sum(predicted), negatives), Fraction(sum(predicted), positives)
        if x1 + y1 >= 1:  # on the line from (x0, y0) to (x1, y1), where is x + y = 1?
            share = (1 - x0 - y0) / ((x1 + y1) - (x0 + y0))
            return float(x0 + share * (x1 - x0))
        x0, y0 = x1, y1
    raise AssertionError("a ROC ends at (1, 1)")


def ranked(case, w):
    return sorted(case.evaluated_in(w), key=lambda u: -case.scores[u][w])  # sorted() keeps the order of ties


def p_at(count, right):
    return sum(right[:count]) / len(right[:count]) if right else None


def keyword_measures(case, w, thresholds):
    cells = case.cells([w])
    present = [case.present[u][w] for u in ranked(case, w)]
    located = [case.located(u, w) for u in ranked(case, w)]
    n = sum(present)
    return {
        "detection": {**detection(case, [w], thresholds), "average_precision": average_precision(cells)},
        "actual": actual(case, [w], thresholds),
        "oracle": {"accuracy": oracle(case, [w])},
        "spotting": {
            "p_at_10": p_at(10, present),
            "p_at_n": p_at(n, present) if n else None,
            "eer": equal_error_rate(cells),
            "reciprocal_rank": 1 / (present.index(True) + 1) if n else None,
        },
        "spotting_localisation": {
            "p_at_10": p_at(10, located),
            "p_at_n": p_at(n, located) if n else None,
        },
    }


def released_oracle(case):
    return mean([float(start <= case.times_s[u][w] <= end) for u, w, start, end in case.occurrences])


def released_actual(case, thresholds):
    tp = fp = fn = 0
    for u in case.utterances:
        hypotheses = {w: time_s for w, time_s in enumerate(case.times_s[u]) if case.scores[u][w] >= thresholds[w]}
        fp += len([w for w in hypotheses if not case.present[u][w]])
        for v, w, start, end in case.occurrences:
            if v == u:
                if w not in hypotheses:
                    fn += 1
                elif start <= hypotheses[w] <= end:
                    tp += 1
                else:
                    fp += 1
    return precision_recall_f1(tp, fp, fn)


def released_spotting(case, spoken):
    last = {(u, w): (start, end) for u, w, start, end in case.occurrences}
    nowhere = (1.0, 0.0)
    p_at_10, p_at_n = [], []
    for w in spoken:
        extents = [(case.times_s[u][w], *last.get((u, w), nowhere)) for u in ranked(case, w)]
        right = [start <= time_s <= end for time_s, start, end in extents]
        p_at_10.append(p_at(10, right))
        if sum(right):
            p_at_n.append(p_at(sum(right), right))
    return {"p_at_10": mean(p_at_10), "p_at_n": mean(p_at_n)}


def chance_oracle(case, durations_s):
    shares = []
    for u in case.utterances:
        for w, present in enumerate(case.present[u]):
            if present:
                extents, length_s = case.extents(u, w), float(durations_s[u])
                borders = sorted({0.0, length_s} | {t for extent in extents for t in extent if 0 < t < length_s})
                filled_s = 0.0
                for a, b in pairwise(borders):
                    if any(start <= (a + b) / 2 <= end for start, end in extents):
                        filled_s += b - a
                shares.append(filled_s / length_s)
    return mean(shares)
