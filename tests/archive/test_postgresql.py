"""An archive whose tables are in a real PostgreSQL database: the same as in a file."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine

from earmark.archive.archive import FORM, open_archive
from earmark.archive.contents import info
from earmark.archive.creation import make_archive
from earmark.archive.executors import ThreadExecutor
from earmark.archive.indexer import index
from earmark.archive.judgements import judge, judgements, undo, verdict_counts
from earmark.archive.results import Filters
from earmark.archive.search_by_keyword import search_keywords
from earmark.core.corpus import Corpus
from earmark.core.errors import EarmarkError
from support.long_sounds import contents, small_chunks, write_long
from support.postgres_server import server
from support.subprocesses import Program, wait_for

pytestmark = pytest.mark.external


@pytest.fixture(scope="module")
def postgresql() -> Iterator[str]:
    with server() as address:
        yield address


@pytest.fixture
def database(postgresql: str, request: pytest.FixtureRequest) -> str:
    """Address of an empty database."""
    name = f"db{abs(hash(request.node.name)) % 10**9}"
    engine = create_engine(f"{postgresql}/postgres", isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    engine.dispose()
    return f"{postgresql}/{name}"


@pytest.fixture(scope="module")
def media(tiny_corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two recordings, 8 chunks; not to be changed."""
    folder = tmp_path_factory.mktemp("media")
    write_long(folder / "a.wav", tiny_corpus, 38.0, channels=2, seed=1)
    write_long(folder / "Ọlá_100%" / "b's <b>.wav", tiny_corpus, 20.0, seed=2)
    return folder


@pytest.fixture(scope="module")
def in_a_file(media: Path, tiny_run: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What an archive holds whose tables are in a file."""
    with pytest.MonkeyPatch.context() as patch:
        small_chunks(patch)
        archive = make_archive(tmp_path_factory.mktemp("file") / "archive", tiny_run)
        index(archive, [media], ThreadExecutor(1))
        return contents(archive)


def test_index_search_judge(
    database: str, media: Path, tiny_run: Path, in_a_file: dict[str, Any], tmp_path: Path, monkeypatch: Any
) -> None:
    small_chunks(monkeypatch)
    archive = make_archive(tmp_path / "archive", tiny_run, database)
    table = media.parent / "about.csv"
    table.write_text(f"audio,speaker,date\n{media}/a.wav,Ọlá,2019-04-02\n", encoding="utf-8")
    assert index(archive, [media], ThreadExecutor(1), metadata=table).problems == []
    assert contents(archive) == in_a_file
    best = search_keywords(archive, ["dog"], 5)
    assert [found.hit.score for found in best] == sorted(
        (row[4] for row in in_a_file["postings"] if row[0] == "dog"), reverse=True
    )[:5]
    for filters, name in (
        (Filters(speaker="ọLÁ"), "a.wav"),
        (Filters(date="2019-04"), "a.wav"),
        (Filters(folder=str(media / "Ọlá_100%")), "b's <b>.wav"),
    ):
        found = search_keywords(archive, ["dog"], 50, filters=filters)
        assert {Path(one.hit.recording).name for one in found} == {name}
    assert search_keywords(archive, ["dog"], 50, filters=Filters(folder=str(media / "Ọlá"))) == []
    number = judge(archive, "dog", best[0], "yes")
    judge(archive, "dog", best[1], "no")
    assert verdict_counts(judgements(archive, "dog")) == (1, 0, 1)
    undo(archive, number)
    assert len(judgements(archive, "dog")) == 1
    reported = info(open_archive(tmp_path / "archive"))
    assert reported["database"] == database
    assert reported["recordings"] == {"done": 2}
    assert reported["postings"] == len(in_a_file["postings"])


def test_killed_and_gone_on_with_and_two_at_once(
    database: str, media: Path, tiny_run: Path, in_a_file: dict[str, Any], tmp_path: Path
) -> None:
    archive = tmp_path / "archive"
    index_it = ("index", tiny_run, media, "--archive", archive)
    kills = 0
    for count in (0, 1, 4):
        program = Program(tmp_path / "log", *index_it, "--database", database)
        wait_for(program, archive, count)
        time.sleep(0.05)
        kills += program.poll() is None
        program.kill()
    assert kills >= 2
    both = [Program(tmp_path / f"said {n}", *index_it, "--database", database) for n in range(2)]
    for program in both:
        assert program.wait() == 0, program.log
    assert contents(open_archive(archive)) == in_a_file


def test_a_database_belongs_to_one_archive(
    database: str, media: Path, tiny_run: Path, tmp_path: Path, monkeypatch: Any
) -> None:
    small_chunks(monkeypatch)
    archive = make_archive(tmp_path / "one", tiny_run, database)
    with pytest.raises(EarmarkError, match="holds an archive already"):
        make_archive(tmp_path / "two", tiny_run, database)
    assert not (tmp_path / "two" / "archive.json").exists()
    # Making it may be stopped before its last step.
    (tmp_path / "one" / "archive.json").unlink()
    make_archive(tmp_path / "one", tiny_run, database)
    index(archive, [media], ThreadExecutor(1))
    shutil.rmtree(tmp_path / "one")
    with pytest.raises(EarmarkError, match="holds an archive already: name an empty one"):
        make_archive(tmp_path / "one", tiny_run, database)


def test_a_server_that_is_not_there(tiny_run: Path, tmp_path: Path) -> None:
    pytest.importorskip("psycopg", reason="needs earmark[postgresql]")
    address = "postgresql+psycopg://me:secret@127.0.0.1:9/none"
    with pytest.raises(
        EarmarkError, match=r"me:\*\*\*@127.0.0.1:9/none can't be used .*see whether the database"
    ) as reported:
        make_archive(tmp_path / "archive", tiny_run, address)
    assert "secret" not in str(reported.value)
    assert "\n" not in str(reported.value)
    (tmp_path / "archive" / "archive.json").write_text(json.dumps({"form": FORM, "database": address}))
    with pytest.raises(EarmarkError, match="can't be used"):
        open_archive(tmp_path / "archive")


@pytest.mark.parametrize("address", ["nonsense", "sqlite:///a.sqlite", "mysql://a/b", "postgresql+nodriver://a/b"])
def test_addresses_of_no_such_database(address: str, tiny_run: Path, tmp_path: Path) -> None:
    with pytest.raises(EarmarkError, match="address of the database can't be used"):
        make_archive(tmp_path / "archive", tiny_run, address)
