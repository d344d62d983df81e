"""Archives that may only be read: in a folder without permission to write, as on a disc or a share."""

from __future__ import annotations

import json
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from earmark.archive.archive import open_archive
from earmark.archive.creation import make_archive
from earmark.archive.executors import ThreadExecutor
from earmark.archive.indexer import index
from earmark.archive.sqlite_file import SqliteFile
from support.unprivileged import run_unprivileged, unprotect, write_protect

READ = """
import json, sys
from pathlib import Path
from earmark.archive.sqlite_file import SqliteFile

for folder in sys.argv[1:]:
    file = SqliteFile(Path(folder) / "a ? #%é.sqlite")
    connections = [file.connect() for _ in range(2)]
    rows = [c.execute("SELECT n FROM numbers ORDER BY n").fetchall() for c in connections]
    try:
        connections[0].execute("INSERT INTO numbers VALUES (9)")
        written = True
    except Exception as error:
        written = False
    [c.close() for c in connections]
    file.close()
    print(json.dumps([rows[0] == rows[1], [n for n, in rows[0]], written, file.may_be_written]))
"""
NAME = "a ? #%é.sqlite"


@pytest.fixture
def folders(tmp_path: Path) -> Iterator[list[Path]]:
    """Copies of a database: whole; with its log and the log's index; with its log alone; with an empty log."""
    made = tmp_path / "made"
    made.mkdir()
    connection = SqliteFile(made / NAME).connect()
    connection.execute("CREATE TABLE numbers (n)")
    connection.execute("INSERT INTO numbers VALUES (1)")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.execute("INSERT INTO numbers VALUES (2)")  # stands in the log alone
    copies = []
    for number, left in enumerate((("-wal", "-shm"), ("-wal",))):
        copies.append(tmp_path / f"copy {number}")
        copies[-1].mkdir()
        for ending in ("", *left):
            shutil.copyfile(made / (NAME + ending), copies[-1] / (NAME + ending))
    connection.close()
    for number, left in enumerate((False, True), start=2):
        copies.append(tmp_path / f"copy {number}")
        copies[-1].mkdir()
        shutil.copyfile(made / NAME, copies[-1] / NAME)
        if left:
            (copies[-1] / f"{NAME}-wal").touch()
    for copy in copies:
        write_protect(copy)
    yield copies
    for copy in copies:
        unprotect(copy)


def test_a_database_is_read_whole_where_nothing_may_be_written(folders: list[Path]) -> None:
    before = [sorted((path.name, path.read_bytes()) for path in folder.iterdir()) for folder in folders]
    done = run_unprivileged(sys.executable, "-c", READ, *folders)
    assert done.returncode == 0, done.stderr
    assert [json.loads(line) for line in done.stdout.splitlines()] == [[True, [1, 2], False, False]] * len(folders)
    assert before == [sorted((path.name, path.read_bytes()) for path in folder.iterdir()) for folder in folders]


def test_a_database_may_be_written_where_permissions_say_so(tmp_path: Path) -> None:
    file = SqliteFile(tmp_path / "new.sqlite")
    assert file.may_be_written
    connection = file.connect()
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.execute("CREATE TABLE numbers (n)")
    connection.close()
    file.close()


def test_a_damaged_file_is_no_matter_of_permissions(tmp_path: Path) -> None:
    (tmp_path / "a.sqlite").write_bytes(b"no database" * 1000)
    with pytest.raises(sqlite3.DatabaseError, match="not a database"):
        SqliteFile(tmp_path / "a.sqlite").connect()


VERBS = """
import sys
from earmark import cli

archive, out, picture = sys.argv[1:]
commands = (
    ["search", archive, "dog", "--json"],
    ["search", archive, "--by-example", "1:1:0.50"],
    ["info", archive],
    ["export", archive, "--format", "csv", "--out", out, "--query", "dog"],
    ["index", archive + "/model", archive, "--archive", archive],
)
for command in commands:
    sys.argv = ["earmark", *command]
    try:
        cli.main()
    except SystemExit as ended:
        print("status", ended.code or 0, flush=True)

from fastapi.testclient import TestClient
from earmark.archive.archive import open_archive
from earmark.web.app import create_app

app = create_app(open_archive(archive))
with TestClient(app, base_url="http://127.0.0.1:8765", headers={"X-Earmark": "1"}) as client:
    hits = client.get("/api/search", params={"query": "dog"}).json()["hits"]
    said = {"query": "dog", "verdict": "yes", **{name: hits[0][name] for name in ("position", "start_s", "end_s")}}
    answer = client.post("/api/judgements", json=said)
    print("served", len(hits), answer.status_code, answer.json()["detail"])
"""


def test_verbs_work_on_an_archive_that_may_only_be_read(tiny_run: Path, tiny_corpus: object, tmp_path: Path) -> None:
    archive = make_archive(tmp_path / "archive", tiny_run)
    media = tmp_path / "media"
    media.mkdir()
    for path in sorted(tiny_corpus.folder.glob("audio/test*.wav"))[:3]:  # type: ignore[attr-defined]
        shutil.copy(path, media)
    index(archive, [media], ThreadExecutor(1))
    archive.close()
    write_protect(archive.folder)
    try:
        done = run_unprivileged(sys.executable, "-c", VERBS, archive.folder, tmp_path / "out", "")
    finally:
        unprotect(archive.folder)
    statuses = [line for line in done.stdout.splitlines() if line.startswith("status")]
    assert statuses == ["status 0"] * 4 + ["status 1"], done.stdout + done.stderr
    only_read = "may only be read here, so nothing can be judged or indexed"
    assert only_read in done.stderr
    served = done.stdout.splitlines()[-1]
    assert served.startswith("served ")
    assert served.split()[2] == "400"
    assert only_read in served
    assert not open_archive(archive.folder).is_read_only
