"""Searching for words: filters, scores and lists of words, against a slow search in Python."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, select

from earmark.archive.archive import Archive
from earmark.archive.query_aliases import Alias, read_word_list, read_words, resolve_query, store_words, stored_words
from earmark.archive.results import Filters, require_recordings
from earmark.archive.schema import keywords, postings, recordings
from earmark.archive.search_by_keyword import search_keywords
from earmark.core.errors import EarmarkError
from earmark.core.vocabulary import Vocabulary
from support.small_archive import unindexed_archive

KEYWORDS = ("ball", "dog", "ọmọ", "snow")
NFC, NFD = (unicodedata.normalize(form, "Ọlá é") for form in ("NFC", "NFD"))
FOLDERS = [
    "/m/A",
    "/m/a",
    "/m/a/b",
    "/m/100%",
    "/m/100x",
    "/m/a_b",
    "/m/axb",
    f"/m/{NFC}/{NFD}",
    f"/m/{NFC}x",
    "/M/a",
    "/",
]
SPEAKERS = ["", "Ọlá", unicodedata.normalize("NFD", "ọLÁ"), "Ola", "O'Neil; DROP TABLE x", "STRASSE", "straße", "100%"]
DATES = ["", "2019-04-02", "2019-05", "2019", "2119-04"]
LANGUAGES = ["", "yo", "YO", "Yorùbá", "sw"]


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    """Random postings of recordings in many folders; not to be changed."""
    archive = unindexed_archive(tmp_path_factory.mktemp("search") / "archive", recordings=0)
    folder = archive.folder / "model"
    folder.mkdir()
    (folder / "vocabulary.txt").write_text("\n".join(KEYWORDS) + "\n", encoding="utf-8")
    rng = np.random.default_rng(0)
    rows: list[dict[str, Any]] = []
    for number in range(1, 61):
        about = {
            "speaker": str(rng.choice(SPEAKERS)),
            "date": str(rng.choice(DATES)),
            "language": str(rng.choice(LANGUAGES)),
            "status": str(rng.choice(["done", "done", "done", "new", "broken", "missing"])),
        }
        place = {"folder": "/", "path": os.path.join(str(rng.choice(FOLDERS)), f"{number}.wav")}
        sound = {"size": 1, "mtime_ns": 1, "duration_s": 600.0, "sample_rate": 16_000, "channels": 2}
        rows.append({"id": number, "sha256": f"{number:064x}", **place, **about, **sound})
    hits: list[dict[str, Any]] = []
    for _ in range(6000):
        start_s = round(rng.uniform(0, 590), 2)
        times = {"start_s": start_s, "time_s": start_s + 0.2, "end_s": start_s + 0.5}
        place = {"recording": int(rng.integers(1, 61)), "channel": int(rng.integers(1, 3)), "chunk": 0}
        hits.append({"keyword": int(rng.integers(4)), "score": float(rng.random()), **place, **times})
    with archive.writing() as connection:
        connection.execute(insert(keywords), [{"id": i, "word": word} for i, word in enumerate(KEYWORDS)])
        connection.execute(insert(recordings), rows)
        connection.execute(insert(postings), hits)
    return archive


def same(one: str, other: str) -> bool:
    """But for case and Unicode form."""
    one, other = (unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold()) for text in (one, other))
    return one == other


def slowly(archive: Archive, keyword: str, top: int, lowest: float, filters: Filters) -> list[tuple[Any, ...]]:
    """Score, recording, channel and start of the best postings."""
    with archive.reading() as connection:
        known = {row.id: row for row in connection.execute(select(recordings))}
        hits = connection.execute(select(postings).where(postings.c.keyword == KEYWORDS.index(keyword))).all()
    found = []
    for hit in hits:
        row = known[hit.recording]
        above = [unicodedata.normalize("NFC", str(folder)) for folder in Path(row.path).parents]
        if (
            row.status in ("new", "done")
            and hit.score >= lowest
            and (not filters.folder or unicodedata.normalize("NFC", filters.folder) in above)
            and (not filters.speaker or same(row.speaker, filters.speaker))
            and (not filters.language or same(row.language, filters.language))
            and row.date[: len(filters.date)] == filters.date
        ):
            found.append((hit.score, hit.recording, hit.channel, hit.start_s))
    return sorted(found, key=lambda one: -one[0])[:top]


def rows_of(archive: Archive, *arguments: Any) -> list[tuple[Any, ...]]:
    """The same of a search."""
    return [(one.hit.score, *one.position[:2], one.hit.start_s) for one in search_keywords(archive, *arguments)]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(KEYWORDS),
    st.integers(1, 80),
    st.sampled_from([0.0, 0.3, 0.9]),
    st.builds(
        Filters,
        st.sampled_from(["", "", *FOLDERS, "/m", f"/m/{NFD}/{NFC}", f"/m/{NFC}", "/m/100_", "/m/a%", "/nowhere"]),
        st.sampled_from(["", "", *SPEAKERS, "ola", "straße"]),
        st.sampled_from(["", "", *DATES, "2019-0", "20%", "____"]),
        st.sampled_from(["", "", *LANGUAGES, "YORÙBÁ"]),
    ),
)
def test_against_a_slow_search(archive: Archive, keyword: str, top: int, lowest: float, filters: Filters) -> None:
    expected = slowly(archive, keyword, top, lowest, filters)
    assert rows_of(archive, [keyword], top, lowest, filters) == expected
    assert rows_of(archive, [keyword], top, {keyword: lowest}, filters) == expected


def test_every_filter_finds_something(archive: Archive) -> None:
    for filters in (
        Filters(folder=f"/m/{NFD}/{NFC}"),
        Filters(speaker="ọlá"),
        Filters(date="2019-0"),
        Filters(language="yorùbá"),
    ):
        assert slowly(archive, "dog", 50, 0.0, filters)


def test_several_words_each_with_its_best(archive: Archive) -> None:
    found = search_keywords(archive, ["dog", "O\u0323MO\u0323"], 10)
    assert [one.hit.score for one in found] == sorted((one.hit.score for one in found), reverse=True)
    for word, keyword in (("dog", "dog"), ("O\u0323MO\u0323", "ọmọ")):
        scores = [one.hit.score for one in found if one.hit.query == word]
        assert scores == [hit[0] for hit in slowly(archive, keyword, 10, 0.0, Filters())]
    with pytest.raises(EarmarkError, match="'bal' is not among the 4 keywords of this model: the nearest are ball"):
        search_keywords(archive, ["dog", "bal"], 10)


def test_a_word_that_means_several_keywords(archive: Archive) -> None:
    store_words(archive, [Alias("Ẹranko", ("dog", "ball")), Alias("ajá", ("dog",)), Alias("ìjá", ("dog",))])
    try:
        both = [(*hit, word) for word in ("dog", "ball") for hit in slowly(archive, word, 40, 0.6, Filters())]
        expected: list[tuple[Any, ...]] = []
        for hit in sorted(both, key=lambda hit: -hit[0]):
            if not any(hit[1:3] == better[1:3] and abs(hit[3] - better[3]) < 0.5 for better in expected):
                expected.append(hit)
        assert rows_of(archive, [unicodedata.normalize("NFD", "ẹranko")], 40, 0.6) == [hit[:4] for hit in expected[:40]]
        assert rows_of(archive, ["ajá"], 7) == rows_of(archive, ["ìjá"], 7) == rows_of(archive, ["dog"], 7)
        assert {one.hit.query for one in search_keywords(archive, ["Ajá"], 7)} == {"Ajá"}
        assert stored_words(archive)[0] == Alias("ajá", ("dog",))
        with pytest.raises(EarmarkError, match=r"neither among the 4 keywords of this model nor .* the nearest are aj"):
            resolve_query(archive, "aja")
        store_words(archive, [Alias("egbon", ("snow",))])  # in its place
        assert stored_words(archive) == [Alias("egbon", ("snow",))]
    finally:
        with archive.writing() as connection:
            connection.exec_driver_sql("DELETE FROM words")


@pytest.mark.parametrize("mark", ["\t", ";", ",", " , "])
def test_word_lists(mark: str, tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    lines = [
        "# a list",
        "",
        f"ajá{mark}dog",
        f"Ajá{mark}BALL",
        f"òjò dídì{mark}snow",
        "O\u0323mo\u0323",
        f'"egbon"{mark}snow',
    ]
    path.write_text("\ufeff" + "\r\n".join(lines), encoding="utf-8")
    assert read_word_list(path, Vocabulary(KEYWORDS)) == [
        Alias("ajá", ("dog", "ball")),
        Alias("òjò dídì", ("snow",)),
        Alias("O\u0323mo\u0323", ("ọmọ",)),
        Alias("egbon", ("snow",)),
    ]
    assert read_words(path) == ["ajá", "Ajá", "òjò dídì", "O\u0323mo\u0323", "egbon"]


@pytest.mark.parametrize(
    "line",
    [
        '"rot, weiß";dog',
        '"rot, weiß","dog"',
        '"rot, weiß"\tdog',
        "rot, weiß\tdog",
        "rot, weiß;dog",
        '"rot, weiß";"dog";',
        "rot, weiß\tdog\t\t",
        ' "rot, weiß" ; dog ',
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("header", ["", "Word;Keyword\n"])
def test_commas_in_a_word_of_a_list(line: str, encoding: str, header: str, tmp_path: Path) -> None:
    path = tmp_path / "words.csv"
    path.write_text(f"{header}{line}\n", encoding=encoding)
    assert read_word_list(path, Vocabulary(KEYWORDS)) == [Alias("rot, weiß", ("dog",))]
    if not header:
        assert read_words(path) == ["rot, weiß"]


@pytest.mark.parametrize(
    ("line", "alias"),
    [
        ("Hund;dog;", Alias("Hund", ("dog",))),
        ("Hund,dog,,", Alias("Hund", ("dog",))),
        ("dog;;", Alias("dog", ("dog",))),
        ("dog", Alias("dog", ("dog",))),
        ("a;b,dog", Alias("a;b", ("dog",))),
        ('"say ""wuff""";dog', Alias('say "wuff"', ("dog",))),
        ("5' Hund\tdog", Alias("5' Hund", ("dog",))),
    ],
)
def test_delimiters_of_a_word_list(line: str, alias: Alias, tmp_path: Path) -> None:
    (tmp_path / "words.csv").write_text(line, encoding="utf-8")
    assert read_word_list(tmp_path / "words.csv", Vocabulary(KEYWORDS)) == [alias]


def test_all_that_is_wrong_with_a_word_list(tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.write_text("ajá,dgo\na,b,c\n,dog\nyìnyín,snow\n", encoding="utf-8")
    with pytest.raises(EarmarkError) as problem:
        read_word_list(path, Vocabulary(KEYWORDS))
    summary, *lines = str(problem.value).splitlines()
    assert summary.startswith("words.txt has 3 problems")
    assert [line.split(":")[0] for line in lines] == ["row 1", "row 2", "row 3"]
    assert "no keyword 'dgo'; the nearest are dog" in lines[0]
    path.write_text("# nothing\n", encoding="utf-8")
    for read in (lambda: read_word_list(path, Vocabulary(KEYWORDS)), lambda: read_words(path)):
        with pytest.raises(EarmarkError, match="holds no word"):
            read()
    path.write_bytes("ajá".encode("latin-1"))
    with pytest.raises(EarmarkError, match="is not UTF-8"):
        read_words(path)


def test_an_archive_without_recordings(tmp_path: Path) -> None:
    archive = unindexed_archive(tmp_path / "archive", recordings=1)
    require_recordings(archive)
    with archive.writing() as connection:
        connection.execute(delete(recordings))
    with pytest.raises(EarmarkError, match="holds no recording yet"):
        require_recordings(archive)
