"""What the README promises, done as it says."""

from __future__ import annotations

import csv
import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from earmark.core.corpus import Corpus
from support.command_line import command_line

README = Path(__file__).parents[2] / "README.md"
FIRST = ("earmark corpus table", "earmark train earmark-pictures")  # of the blocks that a user types


def arguments_of(line: str, folder: Path) -> Iterator[str]:
    """What the shell makes of a line: its words, with the files that a pattern matches."""
    for word in shlex.split(line, comments=True)[1:]:
        yield from [str(path.relative_to(folder)) for path in sorted(folder.glob(word))] if "*" in word else [word]


def test_the_five_commands_and_asking_with_pictures(
    tiny_corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Somebody's own pictures and recordings, from a table to a page of hits."""
    text = README.read_text(encoding="utf-8")
    blocks = [re.search(rf"```sh\n({first} .*?)```", text, re.DOTALL) for first in FIRST]
    lines = [line for block in blocks if block for line in block[1].strip().splitlines()]
    assert len(lines) == 7

    utterances = {split: tiny_corpus.utterances(split)[:12] for split in tiny_corpus.splits()}
    with open(tmp_path / "utterances.csv", "w", encoding="utf-8-sig", newline="") as file:
        table = csv.writer(file)
        table.writerow(["audio", "image", "split"])
        table.writerows([u.audio, u.image, split] for split, some in utterances.items() for u in some)
    with open(tmp_path / "pictures.csv", "w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["image", "caption"])
        table.writerows([u.image, u.text] for u in utterances["train"])
    (tmp_path / "keywords.txt").write_text("ball\ndog\nọmọ\nsnow\n", encoding="utf-8")
    (tmp_path / "recordings").mkdir()
    for utterance in utterances["test"]:
        shutil.copy(utterance.audio, tmp_path / "recordings")

    for name, utterance in zip(("dog.jpg", "puppy.jpg"), utterances["test"], strict=False):
        assert utterance.image is not None
        Image.open(utterance.image).save(tmp_path / name)

    monkeypatch.chdir(tmp_path)
    earmark = command_line(monkeypatch, capsys)
    for line in lines:
        printed = earmark(*arguments_of(line, tmp_path))
    assert "candidates" in printed
    assert "data:audio" in (tmp_path / "hits.html").read_text(encoding="utf-8")


def test_the_files_it_names_are_there() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", README.read_text(encoding="utf-8")):
        assert (README.parent / target).exists(), target
