"""What is taken home from an archive: judged hits, and the best of the others."""

from __future__ import annotations

import sys
import unicodedata
from pathlib import Path

import pytest
from sqlalchemy import insert, update

from earmark import cli
from earmark.archive import export, schema
from earmark.archive.archive import Archive
from earmark.archive.collection import collect
from earmark.archive.judgements import judge
from earmark.archive.query_aliases import Alias, store_words
from earmark.core.errors import EarmarkError
from support.exports import sound
from support.small_archive import found_at, unindexed_archive

WORDS = ["Ajá", "omi", "dog"]


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    """Two recordings, and for each keyword postings at 1, 2, ... 20 s of the first one, the later the likelier."""
    archive = unindexed_archive(tmp_path / "Ohùn ilé")
    (archive.folder / "model").mkdir()
    (archive.folder / "model" / "vocabulary.txt").write_text("\n".join(WORDS) + "\n", encoding="utf-8")
    archive.set(model_name="pictures", licence="CC BY", consent="ask first")
    with archive.writing() as connection:
        for number, word in enumerate(WORDS):
            connection.execute(insert(schema.keywords).values(id=number, word=word))
            for second in range(1, 21):
                place = {"recording": 1, "channel": 1, "chunk": 0, "time_s": second + 0.2}
                span = {"start_s": float(second), "end_s": second + 0.4}
                values = {"keyword": number, "score": second / 20, **place, **span}
                connection.execute(insert(schema.postings).values(**values))
        changes = {"speaker": "Bọ́lá", "date": "2019-04", "language": "yo", "licence": "CC0", "consent": "kin only"}
        connection.execute(update(schema.recordings).where(schema.recordings.c.id == 2).values(**changes))
    return archive


def rows_of(taken) -> list[tuple[str, str, int, float, float, str | None]]:
    return [
        (recording.path.name, m.hit.query, m.channel, m.hit.start_s, m.hit.end_s, m.verdict)
        for recording in taken.recordings
        for m in recording.hits
    ]


def test_judged_hits_and_the_best_of_the_others(archive: Archive) -> None:
    judge(archive, "dog", found_at(2, 2, 30, 31), "yes", 30.25, 31.5)
    judge(archive, "dog", found_at(1, 1, 20, 20.4), "no")
    judge(archive, "dog", found_at(1, 1, 3, 3.4), "related")
    taken = collect(archive, top=3)
    assert rows_of(taken) == [
        ("1.wav", "dog", 1, 3.0, 3.4, "related"),
        ("1.wav", "dog", 1, 17.0, 17.4, None),
        ("1.wav", "dog", 1, 18.0, 18.4, None),
        ("1.wav", "dog", 1, 19.0, 19.4, None),
        ("1.wav", "dog", 1, 20.0, 20.4, "no"),
        ("2.wav", "dog", 2, 30.25, 31.5, "yes"),
    ]
    assert {m.hit.recording for m in taken.recordings[1].hits} == {"/media/2.wav"}
    assert (taken.name, taken.model, taken.licence, taken.consent) == ("Ohùn ilé", "pictures", "CC BY", "ask first")
    other = taken.recordings[1]
    assert (other.path, other.duration_s, other.channels) == (Path("/media/2.wav"), 60.0, 2)
    assert (other.speaker, other.date, other.language) == ("Bọ́lá", "2019-04", "yo")
    assert (other.licence, other.consent) == ("CC0", "kin only")


def test_files_are_called_the_same_whichever_queries_are_taken(archive: Archive) -> None:
    with archive.writing() as connection:
        for number, folder in ((1, "Ilé"), (2, "Oko")):
            of_it = update(schema.recordings).where(schema.recordings.c.id == number)
            connection.execute(of_it.values(path=f"/{folder}/ohùn.wav"))
    judge(archive, "dog", found_at(1, 1, 5, 5.4), "yes")
    judge(archive, "omi", found_at(2, 1, 5, 5.4), "yes")
    names = [
        [recording.name for recording in collect(archive, queries, accepted_only=True).recordings]
        for queries in (["dog"], ["omi"], ["dog", "omi"])
    ]
    assert names == [["ohùn (Ilé)"], ["ohùn (Oko)"], ["ohùn (Ilé)", "ohùn (Oko)"]]


def test_accepted_hits_alone(archive: Archive) -> None:
    for second, verdict in ((5, "yes"), (6, "no"), (7, "related")):
        judge(archive, "dog", found_at(1, 1, second, second + 0.4), verdict)
    assert rows_of(collect(archive, accepted_only=True)) == [("1.wav", "dog", 1, 5.0, 5.4, "yes")]


def test_named_queries_alone(archive: Archive) -> None:
    judge(archive, "dog", found_at(1, 1, 5, 5.4), "yes")
    assert {query for _, query, *_ in rows_of(collect(archive, ["omi"], top=2))} == {"omi"}
    spelt = unicodedata.normalize("NFD", "AJÁ")
    judge(archive, unicodedata.normalize("NFC", "ajá"), found_at(1, 1, 5, 5.4), "yes")
    assert rows_of(collect(archive, [spelt], accepted_only=True)) == [("1.wav", spelt, 1, 5.0, 5.4, "yes")]


def test_keywords_are_spelt_as_the_model_has_them(archive: Archive) -> None:
    judge(archive, unicodedata.normalize("NFC", "ajá"), found_at(1, 1, 5, 5.4), "yes")
    assert {query for _, query, *_ in rows_of(collect(archive))} == {"Ajá"}


def test_pictures_and_spoken_examples_have_judged_hits_alone(archive: Archive) -> None:
    judge(archive, "image:0123456789abcdef", found_at(1, 1, 5, 5.4), "yes")
    judge(archive, "like:1:1:2.00", found_at(1, 1, 6, 6.4), "related")
    assert [(query, verdict) for _, query, *_, verdict in rows_of(collect(archive))] == [
        ("image:0123456789abcdef", "yes"),
        ("like:1:1:2.00", "related"),
    ]


def test_aliases_are_searched_by_their_keywords(archive: Archive) -> None:
    store_words(archive, [Alias("Hund", ("dog",))])
    judge(archive, "hund", found_at(1, 1, 20, 20.4), "yes")
    assert rows_of(collect(archive, top=1)) == [
        ("1.wav", "Hund", 1, 19.0, 19.4, None),
        ("1.wav", "Hund", 1, 20.0, 20.4, "yes"),
    ]


def test_a_word_that_nobody_knows_any_more_keeps_its_judged_hits(archive: Archive) -> None:
    judge(archive, "hund", found_at(1, 1, 20, 20.4), "yes")
    assert rows_of(collect(archive)) == [("1.wav", "hund", 1, 20.0, 20.4, "yes")]


@pytest.mark.parametrize(
    ("queries", "accepted_only", "sentence"),
    [
        ([], False, "Nobody has judged a hit in .*Ohùn ilé yet"),
        ([], True, "Nobody has judged a hit in .*Ohùn ilé yet"),
        (["omi"], True, "Nobody has accepted a hit of omi"),
        (["dgo"], False, "'dgo' is not among the 3 keywords of this model: the nearest are dog"),
    ],
)
def test_nothing_to_take_home(archive: Archive, queries: list[str], accepted_only: bool, sentence: str) -> None:
    with pytest.raises(EarmarkError, match=sentence):
        collect(archive, queries, accepted_only=accepted_only)


def test_a_recording_that_is_gone_keeps_its_judged_hits(archive: Archive) -> None:
    judge(archive, "dog", found_at(2, 1, 30, 31), "yes")
    with archive.writing() as connection:
        connection.execute(update(schema.recordings).values(status="missing"))
    assert rows_of(collect(archive)) == [("2.wav", "dog", 1, 30.0, 31.0, "yes")]


@pytest.mark.parametrize("changed", [1, 2])
def test_hits_in_what_a_file_held_before_are_left_out(archive: Archive, changed: int) -> None:
    for number in (1, 2):
        judge(archive, "dog", found_at(number, 1, 10 * number, 10 * number + 1), "yes")
    with archive.writing() as connection:
        connection.execute(update(schema.recordings).values(path="/media/same.wav"))
        gone = update(schema.recordings).where(schema.recordings.c.id == changed)
        connection.execute(gone.values(status="missing"))
    start_s = 10.0 * (3 - changed)
    assert rows_of(collect(archive, accepted_only=True)) == [("same.wav", "dog", 1, start_s, start_s + 1, "yes")]


# The verb


@pytest.fixture
def earmark(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Run the command line: its status, output and errors."""

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["earmark", "export", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return (int(ended.value.code or 0), *capsys.readouterr())

    return run


@pytest.mark.parametrize("form", export.names())
def test_every_format_from_the_command_line(archive: Archive, tmp_path: Path, earmark, form: str) -> None:
    media = tmp_path / "media"
    for number in (1, 2):
        sound(media / f"{number}.wav", 60.0 if form == "clips" else 1.0, channels=2)
    with archive.writing() as connection:
        for number in (1, 2):
            of_it = update(schema.recordings).where(schema.recordings.c.id == number)
            connection.execute(of_it.values(path=str(media / f"{number}.wav")))
    judge(archive, "dog", found_at(2, 2, 30, 31), "yes")
    status, out, err = earmark(archive.folder, "--format", form, "--out", tmp_path / "out", "--top", 3)
    assert (status, err) == (0, "")
    written = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    files = f"{len(written)} files are in {tmp_path / 'out'}."
    assert out == f"Accepted hits: 1. Candidates: 3. Recordings: 2.\n{files}\n"
    assert "CC BY" in (tmp_path / "out" / "LICENCE AND CONSENT.txt").read_text(encoding="utf-8")


def test_named_words_and_accepted_hits_from_the_command_line(archive: Archive, tmp_path: Path, earmark) -> None:
    for word in ("dog", "omi"):
        judge(archive, word, found_at(2, 2, 30, 31, word), "yes")
    named = ("--query", "dog", "--query", "omi", "--accepted-only")
    assert earmark(archive.folder, "--format", "audacity", "--out", tmp_path / "out", *named)[0] == 0
    labels = (tmp_path / "out" / "2.txt").read_text(encoding="utf-8")
    assert labels == "30.000000\t31.000000\tdog, channel 2\n30.000000\t31.000000\tomi, channel 2\n"
    assert not (tmp_path / "out" / "1.txt").exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ("--format", "word"),
            "There is no export format 'word': choose from audacity, clips, csv, elan",
        ),
        (("--format", "csv", "--query", "dgo"), "The word 'dgo' is not among the 3 keywords"),
        (("--format", "csv"), "Nobody has judged a hit in"),
        (("--format", "clips", "--query", "dog"), "No hit in Ohùn ilé is accepted"),
    ],
)
def test_what_the_verb_refuses(archive: Archive, tmp_path: Path, earmark, arguments, sentence: str) -> None:
    status, out, err = earmark(archive.folder, "--out", tmp_path / "out", *arguments)
    assert (status, out) == (1, "")
    assert err.startswith(f"earmark: {sentence}")
    assert err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_out_that_is_a_file_is_refused(archive: Archive, tmp_path: Path, earmark) -> None:
    (tmp_path / "out").write_text("mine")
    status, _, err = earmark(archive.folder, "--format", "csv", "--out", tmp_path / "out", "--query", "dog")
    assert status == 1
    assert err.startswith("earmark: A file stands where a folder is needed")
    assert (tmp_path / "out").read_text() == "mine"
