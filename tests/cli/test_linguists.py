"""docs/linguists.md, followed step by step: its commands are run as they stand, and its page is used by its keys."""

from __future__ import annotations

import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from pympi import Eaf

from conftest import CHROMIUM
from earmark.archive.archive import open_archive
from earmark.archive.judgements import judgements
from earmark.core.corpus import Corpus
from earmark.media.concatenation import concatenate
from support.command_line import command_line

PAGE = Path(__file__).parents[2] / "docs" / "linguists.md"
VERDICTS = "ynyyrnyyny"


def commands() -> list[str]:
    """All lines that the page tells to type."""
    blocks = re.findall(r"```sh\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    return [line for block in blocks for line in block.strip().splitlines()]


def command(verb: str, number: int = 0) -> list[str]:
    """A command of the page, as a program's arguments."""
    (_, *rest) = shlex.split([line for line in commands() if line.startswith(f"earmark {verb}")][number])
    return [sys.executable, "-m", "earmark", *rest]


@pytest.fixture(scope="module")
def home(tiny_run: Path, tiny_corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a linguist has: a model, recordings, a table about them, and a list of words."""
    home = tmp_path_factory.mktemp("home")
    (home / "model").symlink_to(tiny_run)
    placed = concatenate(tiny_corpus.utterances("train") + tiny_corpus.utterances("test"), home / "recordings", 30.0)
    rows = [f"recordings/{path.name},Ọlá,2019-04-0{n}" for n, path in enumerate(placed, start=1)]
    (home / "about.csv").write_text("\n".join(["audio,speaker,date", *rows]), encoding="utf-8-sig")
    (home / "words.csv").write_text("ajá,dog\nìjá,dog\n", encoding="utf-8")
    return home


def run(arguments: list[str], home: Path) -> str:
    done = subprocess.run(arguments, cwd=home, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def indexed(home: Path) -> Path:
    assert "The archive is in archive" in run(command("index"), home)
    return home


@pytest.fixture
def address(indexed: Path) -> Iterator[str]:
    """Of the page, for as long as it is served."""
    arguments = [*command("serve"), "--port", "0"]
    served = subprocess.Popen(arguments, cwd=indexed, stdout=subprocess.PIPE, text=True)
    assert served.stdout is not None
    yield next(word for word in served.stdout.readline().split() if word.startswith("http"))
    served.send_signal(signal.SIGINT)
    assert served.wait(timeout=20) == 0


def test_every_command_of_the_page_is_followed_here() -> None:
    assert [line.split()[1] for line in commands()] == ["index", "search", "serve", "export", "export"]


def test_its_pictures_are_there_and_small() -> None:
    pictures = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", PAGE.read_text(encoding="utf-8"))
    assert len(pictures) == 2
    for name in pictures:
        path = PAGE.parent / name
        assert path.stat().st_size < 200_000
        with Image.open(path) as picture:
            picture.load()  # an empty or damaged file raises
            assert picture.width >= 390


def test_searching(indexed: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(indexed)
    earmark = command_line(monkeypatch, capsys)
    listed = earmark(*command("search")[3:])
    assert "candidates, not facts" in listed
    position = re.search(r"\d+:1:\d+\.\d\d", listed)
    assert position is not None
    assert f'"position": "{position[0]}"' not in earmark("search", "archive", "--by-example", position[0], "--json")
    assert '"query": "ajá"' in earmark("search", "archive", "ajá", "--json")


@pytest.mark.skipif(not CHROMIUM.is_file(), reason="there is no Chromium")
def test_judging_ten_and_taking_them_home(
    indexed: Path, address: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as browsers:
        browser = browsers.chromium.launch(
            executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-background-networking"]
        )
        page = browser.new_page()
        page.goto(f"{address}?query=dog")
        _judge_ten(page)
        browser.close()

    archive = open_archive(indexed / "archive")
    verdicts = [one.verdict for one in judgements(archive, "dog")]
    assert sorted(verdicts) == sorted({"y": "yes", "n": "no", "r": "related"}[key] for key in VERDICTS)

    monkeypatch.chdir(indexed)
    earmark = command_line(monkeypatch, capsys)
    earmark(*command("export")[3:])
    values = [
        value
        for path in (indexed / "elan").glob("*.eaf")
        for tier in Eaf(str(path)).get_tier_names()
        for _, _, value, *_ in Eaf(str(path)).get_annotation_data_for_tier(tier)
    ]
    assert len(values) == verdicts.count("yes")
    assert set(values) == {"dog"}
    earmark(*command("export", 1)[3:])
    assert list((indexed / "praat").glob("*.TextGrid"))
    notes = (indexed / "praat" / "LICENCE AND CONSENT.txt").read_text(encoding="utf-8")
    assert "CC BY-NC 4.0" in notes
    assert "agreed in 2019" in notes


def _judge_ten(page: Any) -> None:
    page.locator("#list li").first.wait_for()
    for number, key in enumerate(VERDICTS, start=1):
        page.keyboard.press(key)
        page.locator("#precision", has_text=f" of {number} judged").wait_for()
    page.locator("#saved", has_text="saved").wait_for()
