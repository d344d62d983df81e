"""The trials of docs/results.md, from the tables to the measures, by the commands that a user would type.

    python benchmarks/first_trials.py digits ../shared/data trials
    python benchmarks/first_trials.py photos ../shared/data trials

Each command is printed before it runs; one whose result is there is passed over. At the end comes a table, with the
figures of the data's own first trials beside ours.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from earmark.core.corpus import read_corpus
from earmark.evaluation.data import located
from earmark.evaluation.runner import evaluate
from earmark.localisation.spotter import load_model

MEASURES = {
    "oracle": "oracle.accuracy",
    "actual F1 (0.5)": "fixed_threshold.actual.f1",
    "actual F1 (one threshold)": "global_threshold.actual.f1",
    "actual F1 (one a keyword)": "actual.f1",
    "P@10": "spotting.p_at_10",
    "localised P@10": "spotting_localisation.p_at_10",
    "P@N": "spotting.p_at_n",
}
# From the data's README: oracle, actual F1 at 0.5, actual F1 at the test set's best threshold, P@10, localised P@10.
FIRST = {
    ("digits", "bow"): "97.7 / 93.5 / - / 100 / 100",
    ("digits", "vgs"): "69.7 / 56.8 / 64.5 / 99 / 64",
    ("photos", "bow"): "82.9 / 65.8 / - / 87.6 / 80.0",
    ("photos", "vgs"): "43.0 / 0.7 / 17.1 / 21.8 / 12.9",
}
DIGITS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]


def earmark(*arguments: object, makes: Path) -> float:
    """Run a command unless `makes` is there; return the seconds it took."""
    command = [str(argument) for argument in arguments]
    print("$ earmark", *command, flush=True)
    if makes.exists():
        return 0.0
    begun = time.monotonic()
    subprocess.run([sys.executable, "-m", "earmark", *command], check=True)
    return time.monotonic() - begun


def digits(data: Path, out: Path) -> None:
    """Every second training picture teaches the tagger what is drawn, and is left out of the speech's training."""
    out.mkdir(parents=True, exist_ok=True)
    (out / "keywords.txt").write_text("\n".join(DIGITS), encoding="utf-8")
    with open(data / "utterances.csv", encoding="utf-8", newline="") as file:
        utterances = list(csv.DictReader(file))
    with open(data / "shown.csv", encoding="utf-8", newline="") as file:
        shown: dict[str, list[str]] = {}
        for row in csv.DictReader(file):
            shown.setdefault(row["utterance_id"], []).append(row["word"])
    training = [u for u in utterances if u["split"] == "train"]
    pictures = {u["utterance_id"] for u in training[::2]}
    with open(out / "pictures.csv", "w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["image", "caption"])
        for u in training[::2]:
            rows.writerow([(data / u["image"]).resolve(), " ".join(shown.get(u["utterance_id"], []))])
    with open(out / "utterances.csv", "w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, ["utterance_id", "image", "audio", "speaker", "text", "split"])
        table.writeheader()
        for u in utterances:
            if u["utterance_id"] not in pictures:
                places = {name: (data / u[name]).resolve() for name in ("image", "audio")}
                table.writerow({name: u[name] for name in table.fieldnames} | places)
    with open(data / "words.csv", encoding="utf-8", newline="") as file:
        words = [row for row in csv.DictReader(file) if row["utterance_id"] not in pictures]
    with open(out / "words.csv", "w", encoding="utf-8", newline="") as file:
        times = csv.DictWriter(file, ["utterance_id", "word", "start_s", "end_s"], extrasaction="ignore")
        times.writeheader()
        times.writerows(words)
    corpus, tagger = out / "corpus", out / "tagger"
    table_options = ["--words", out / "words.csv", "--keywords", out / "keywords.txt", "--name", "digits"]
    earmark("corpus", "table", out / "utterances.csv", corpus, *table_options, makes=corpus / "corpus.yaml")
    tagger_options = ["--keywords", out / "keywords.txt", "--image-size", 112, "--epochs", 30, "--no-mirror"]
    weights = tagger / "model.safetensors"
    earmark("tagger", "train", out / "pictures.csv", "--out", tagger, *tagger_options, makes=weights)
    earmark("tag", corpus, "--tagger", tagger, makes=corpus / "tags" / "vgs.csv")
    # The bags of words may use all of the speech: the full table, as it lies there.
    whole = out / "whole"
    table_options = ["--words", data / "words.csv", "--keywords", out / "keywords.txt", "--name", "digits"]
    earmark("corpus", "table", data / "utterances.csv", whole, *table_options, makes=whole / "corpus.yaml")
    earmark("tag", whole, "--bow", makes=whole / "tags" / "bow.csv")
    learn(out, {"bow": whole, "vgs": corpus})


def photos(data: Path, out: Path) -> None:
    """34 keywords; the tags are those that come with the data."""
    out.mkdir(parents=True, exist_ok=True)
    corpus, keywords = out / "corpus", data / "keywords-34.txt"
    table_options = ["--words", data / "words.csv", "--keywords", keywords, "--name", "photos"]
    earmark("corpus", "table", data / "utterances.csv", corpus, *table_options, makes=corpus / "corpus.yaml")
    earmark("tag", corpus, "--file", data / "tags.txt", makes=corpus / "tags" / "vgs.csv")
    earmark("tag", corpus, "--bow", makes=corpus / "tags" / "bow.csv")
    learn(out, {"bow": corpus, "vgs": corpus})


def learn(out: Path, corpora: dict[str, Path]) -> None:
    """Train and evaluate the default recipe with each supervision, and print the table."""
    rows = []
    for supervision, corpus in corpora.items():
        run, results = out / supervision, out / f"{supervision}-results"
        options = ["--set", f"supervision={supervision}", "--resume"]
        seconds = earmark("train", "earmark", "--corpus", corpus, "--out", run, *options, makes=run / "model-card.md")
        earmark("evaluate", run, "--corpus", corpus, "--out", results, makes=results / "report.html")
        metrics = json.loads((results / "metrics.json").read_text(encoding="utf-8"))
        cells = [lookup(metrics, place) for place in MEASURES.values()]
        rows.append((supervision, seconds, [*cells, *precision_at_5(run, corpus)]))
    print("\n| supervision | trained in |", " | ".join([*MEASURES, "P@5", "localised P@5"]), "| first trials |")
    print("|---|---|" + "---|" * (len(MEASURES) + 2) + "---|")
    for supervision, seconds, cells in rows:
        figures = " | ".join(f"{100 * cell:.1f}" for cell in cells)
        print(f"| {supervision} | {seconds:.0f} s | {figures} | {FIRST[out.name, supervision]} |")


def precision_at_5(run: Path, corpus: Path) -> tuple[float, float]:
    """P@5 and localised P@5: on half of a test set, what P@10 is on the whole of it."""
    evaluation = evaluate(load_model(run), read_corpus(corpus), "test")
    present, right = evaluation.truth.present, located(evaluation.truth, evaluation.predictions)
    best = np.argsort(-evaluation.predictions.scores, axis=0, kind="stable")[:5]
    spoken = present.any(axis=0)
    spotted, placed = (np.take_along_axis(cells, best, axis=0)[:, spoken].mean() for cells in (present, right))
    return float(spotted), float(placed)


def lookup(metrics: dict, place: str) -> float:
    """A measure by its place, with dots between levels."""
    for part in place.split("."):
        metrics = metrics[part]
    return float(metrics)


def main() -> None:
    """Read the command line and run the trials of one corpus."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", choices=["digits", "photos"])
    parser.add_argument("data", type=Path, help="the folder that holds digits/ and photos/")
    parser.add_argument("out", type=Path, help="folder for all that the trials make")
    arguments = parser.parse_args()
    {"digits": digits, "photos": photos}[arguments.corpus](
        arguments.data / arguments.corpus, arguments.out / arguments.corpus
    )


if __name__ == "__main__":
    main()
