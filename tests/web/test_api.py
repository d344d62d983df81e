"""The HTTP API, checked against the archive and the recordings themselves."""

from __future__ import annotations

import errno
import io
import json
import os
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from fastapi.testclient import TestClient
from sqlalchemy import event, insert, select, update

from conftest import PITCHES
from earmark.archive.archive import Archive, Position, open_archive
from earmark.archive.judgements import judgements
from earmark.archive.query_aliases import Alias, store_words
from earmark.archive.schema import chunks, postings, recordings
from earmark.archive.search import SearchOptions
from earmark.archive.search import search as search_archive
from earmark.archive.waveform_overview import peaks
from earmark.cli import app
from earmark.media.audio import read_span
from earmark.models.operating_points import OPERATING_POINTS, OperatingPoints, write_operating_points
from earmark.recipe import Recipe
from earmark.web import state
from earmark.web.errors import redact_paths
from earmark.web.recording_files import display_folder, folder_labels, resolve_folder
from earmark.web.responses import byte_ranges
from earmark.web.routes.recordings import wav_of
from support.live_server import HOSTILE_NAME, UNICODE, client_of, copy_archive, number_of, sentence, write_served
from support.media import write_picture
from support.page_server import add_known_hits


@pytest.fixture(scope="module")
def original(tiny_pictured_recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_served(tmp_path_factory.mktemp("served"), tiny_pictured_recipe)


@pytest.fixture
def archive(original: Path, tmp_path: Path) -> Archive:
    return copy_archive(original, tmp_path / "àwọn ohùn")


@pytest.fixture
def client(archive: Archive) -> Iterator[TestClient]:
    with client_of(archive) as opened:
        yield opened


FIELDS = ("position", "start_s", "end_s", "score")


def judge(client: TestClient, query: str, hit: dict[str, object], verdict: str) -> dict[str, object]:
    body = {"query": query, "verdict": verdict, **{k: v for k, v in hit.items() if k in FIELDS}}
    answer = client.post("/api/judgements", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_archive(client: TestClient, archive: Archive) -> None:
    with archive.reading() as connection:
        windows = sum(connection.execute(select(chunks.c.windows)).scalars())
        posted = len(connection.execute(select(postings.c.id)).all())
    assert client.get("/api/archive").json() == {
        "name": "àwọn ohùn",
        "judge": "",
        "model": "run",
        "keywords": list(PITCHES),
        "licence": "CC BY",
        "consent": "for <b>research</b>",
        "languages": ["yo"],
        "speakers": ["Ọlá"],
        "recordings": 3,
        "hours": pytest.approx(21 / 3600),
        "windows": windows,
        "postings": posted,
        "indexing": False,
        "accepts_images": True,
        "accepts_keywords": True,
        "expected": "",
        "learned_nothing": False,
        "right_of_hundred": None,
        "has_fa_per_hour": False,
    }


def test_archive_has_operating_points_and_word_list(client: TestClient, archive: Archive) -> None:
    write_operating_points(
        archive.folder / "model" / OPERATING_POINTS, OperatingPoints(2.0, 0.62, dict.fromkeys(PITCHES, ((1.0, 0.5),)))
    )
    store_words(archive, [Alias("ajá", ("dog", "ball"))])
    with archive.writing() as connection:
        connection.execute(update(recordings).where(recordings.c.id == 1).values(status="new"))
    response = client.get("/api/archive").json()
    assert response["has_fa_per_hour"] is True
    assert "about 62 " in response["expected"]
    assert response["right_of_hundred"] == 62
    assert response["keywords"] == [*PITCHES, "ajá"]
    assert response["indexing"] is True
    assert client.get("/api/search", params={"query": "dog"}).json()["unfinished"] == 1


def test_search_equals_the_library(client: TestClient, archive: Archive) -> None:
    answer = client.get("/api/search", params={"query": "DOG", "top": 3}).json()
    found = search_archive(archive, "dog", SearchOptions(top=3))
    assert (answer["query"], answer["name"], answer["unfinished"]) == ("dog", "DOG", 0)
    assert answer["judged"] == {"yes": 0, "related": 0, "no": 0}
    assert len(answer["hits"]) == len(found) == 3
    for response, one in zip(answer["hits"], found, strict=True):
        assert response["position"] == str(one.position)
        assert (response["recording"], response["channel"], response["time_s"]) == one.position
        assert (response["score"], response["start_s"], response["end_s"]) == (
            one.hit.score,
            one.hit.start_s,
            one.hit.end_s,
        )
        assert response["name"] == Path(one.hit.recording).name
        assert response["verdict"] is None
        assert (response["speaker"], response["date"], response["language"]) == (one.speaker, one.date, one.language)


def test_hits_hold_no_path_of_the_machine(client: TestClient, original: Path) -> None:
    answer = client.get("/api/search", params={"query": "snow", "top": 100})
    assert {hit["folder"] for hit in answer.json()["hits"]} == {"field", "field/2019", "field/2020"}
    assert {hit["channels"] for hit in answer.json()["hits"]} == {1, 2}
    assert str(original.parent) not in answer.text


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        ({"folder": "field/2019"}, {"tape.wav"}),
        ({"folder": "field/2020/"}, {UNICODE}),
        ({"folder": "field"}, {"tape.wav", UNICODE, HOSTILE_NAME}),
        ({"speaker": "ọlá"}, {"tape.wav"}),
        ({"date": "2019"}, {"tape.wav"}),
        ({"language": "YO"}, {"tape.wav"}),
        ({"language": "en"}, set()),
        ({"min_score": "1"}, set()),
    ],
)
def test_filters(client: TestClient, filters: dict[str, str], names: set[str]) -> None:
    answer = client.get("/api/search", params={"query": "dog", "top": 100, **filters})
    assert {hit["name"] for hit in answer.json()["hits"]} == names


def test_false_alarms_an_hour_are_a_threshold(client: TestClient, archive: Archive) -> None:
    every = client.get("/api/search", params={"query": "dog", "top": 100}).json()["hits"]
    middle = every[len(every) // 2]["score"]
    curve = ((1.0, every[1]["score"]), (10.0, middle))
    write_operating_points(
        archive.folder / "model" / OPERATING_POINTS, OperatingPoints(2.0, None, dict.fromkeys(PITCHES, curve))
    )
    some = client.get("/api/search", params={"query": "dog", "top": 100, "fa_per_hour": 10}).json()["hits"]
    assert some == [hit for hit in every if hit["score"] >= middle]
    assert 0 < len(some) < len(every)
    assert "give 1 or more" in sentence(client.get("/api/search", params={"query": "dog", "fa_per_hour": 0.1}), 400)


def test_word_list(client: TestClient, archive: Archive) -> None:
    store_words(archive, [Alias("ajá", ("dog",))])
    answer = client.get("/api/search", params={"query": "Ajá"}).json()
    assert (answer["query"], answer["name"]) == ("ajá", "Ajá")
    dogs = client.get("/api/search", params={"query": "dog"}).json()
    assert [hit["position"] for hit in answer["hits"]] == [hit["position"] for hit in dogs["hits"]]
    assert judge(client, "ajá", answer["hits"][0], "yes")["judged"]["yes"] == 1
    assert judgements(archive, "ajá")[0].score == answer["hits"][0]["score"]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"query": "dug"}, "the nearest are dog"),
        ({"query": "example:nowhere"}, "no position in an archive"),
        ({"query": "dog", "folder": "elsewhere"}, "no folder 'elsewhere'"),
        ({"query": "dog", "folder": "../../etc"}, "no folder"),
        ({"query": "dog", "fa_per_hour": "5"}, "has no rates of false alarms"),
        ({"query": "dog", "fa_per_hour": "5", "min_score": "0.5"}, "two ways to set one threshold"),
    ],
)
def test_impossible_searches(client: TestClient, parameters: dict[str, str], message: str) -> None:
    assert message in sentence(client.get("/api/search", params=parameters), 400)


def test_an_unknown_word_has_suggestions(client: TestClient, archive: Archive) -> None:
    answer = client.get("/api/search", params={"query": "dug"}).json()
    assert answer["suggestions"] == archive.vocabulary.nearest("dug")
    store_words(archive, [Alias("dugong", ("snow",))])
    assert client.get("/api/search", params={"query": "dug"}).json()["suggestions"][0] in ("dog", "dugong")
    assert "suggestions" not in client.get("/api/search", params={"query": "example:nowhere"}).json()


def test_search_with_an_image_and_with_its_key(client: TestClient, tmp_path: Path) -> None:
    picture = write_picture(tmp_path / "dog.png").read_bytes()
    headers = {"Content-Type": "image/png"}
    answer = client.post("/api/search/picture", params={"top": 2}, content=picture, headers=headers).json()
    assert re.fullmatch("image:[0-9a-f]{16}", answer["query"])
    assert len(answer["hits"]) == 2
    assert client.get("/api/search", params={"query": answer["query"], "top": 2}).json() == answer
    judge(client, answer["query"], answer["hits"][0], "related")
    again = client.post("/api/search/picture", content=picture, headers=headers).json()
    assert again["judged"] == {"yes": 0, "related": 1, "no": 0}
    assert [hit["position"] for hit in again["hits"] if hit["verdict"] == "related"] == [answer["hits"][0]["position"]]
    position = answer["hits"][0]["position"]
    assert len(client.get("/api/curve", params={"query": answer["query"], "position": position}).json()["curve"]) > 10


def test_an_image_that_is_not_stored(client: TestClient) -> None:
    assert "drop it" in sentence(client.get("/api/search", params={"query": "image:0123456789abcdef"}), 404)


def test_query_images_are_private_and_survive_a_restart(archive: Archive, tmp_path: Path) -> None:
    with client_of(archive) as client:
        answer = client.post("/api/search/picture", content=write_picture(tmp_path / "a.png").read_bytes()).json()
    folder = archive.folder / "queries"
    assert [f"image:{path.name}" for path in folder.iterdir()] == [answer["query"]]
    assert folder.stat().st_mode & 0o077 == 0
    with client_of(open_archive(archive.folder)) as restarted:
        assert restarted.get("/api/search", params={"query": answer["query"]}).json() == answer


def test_query_images_are_the_latest_hundred(archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state, "MAX_FILES", 2)
    images = state.QueryFiles(tmp_path / "queries")
    keys = []
    for number in range(3):
        picture = write_picture(tmp_path / f"{number}.png", (32, 24 + number)).read_bytes()
        keys.append(images.add(picture))
        os.utime(tmp_path / "queries" / keys[-1].removeprefix("image:"), (number, number))
        if number == 1:
            images.query(keys[0])  # used again: now the second one is the oldest
    assert [images.query(key) is not None for key in keys] == [True, False, True]


def test_query_images_of_a_read_only_archive_are_temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mkdir = Path.mkdir

    def read_only(path: Path, *how: object, **more: object) -> None:
        if path == tmp_path / "queries":
            raise OSError(errno.EROFS, "Read-only file system")
        mkdir(path, *how, **more)

    monkeypatch.setattr(Path, "mkdir", read_only)
    images = state.QueryFiles(tmp_path / "queries")
    key = images.add(write_picture(tmp_path / "a.png").read_bytes())
    query = images.query(key)
    assert query is not None
    images.close()
    assert not query.prompts[0].path.exists()


def test_a_spoken_example(client: TestClient) -> None:
    position = client.get("/api/search", params={"query": "dog"}).json()["hits"][0]["position"]
    answer = client.get("/api/search", params={"query": f"example:{position}", "top": 4}).json()
    assert answer["query"] == f"example:{position}"
    assert len(answer["hits"]) == 4
    judge(client, answer["query"], answer["hits"][1], "yes")
    assert client.get("/api/search", params={"query": f"example:{position}"}).json()["judged"]["yes"] == 1


def test_recording(client: TestClient) -> None:
    number = number_of(client, "tape.wav")
    assert client.get(f"/api/recordings/{number}").json() == {
        "id": number,
        "name": "tape.wav",
        "folder": "field/2019",
        "duration_s": 12.0,
        "channels": 2,
        "speaker": "Ọlá",
        "date": "2019-04-01",
        "language": "yo",
        "licence": "",
        "consent": "",
    }
    sentence(client.get("/api/recordings/99"), 404)


@pytest.mark.parametrize("channel", [1, 2])
def test_sound_is_exact_to_the_sample(client: TestClient, original: Path, channel: int) -> None:
    written, _ = soundfile.read(str(original.parent / "field" / "2019" / "tape.wav"), dtype="int16")
    number = number_of(client, "tape.wav")
    params = {"channel": channel, "start_s": 1.23456, "end_s": 3.21}
    answer = client.get(f"/api/recordings/{number}/sound", params=params)
    assert answer.headers["content-type"] == "audio/wav"
    sound, rate = soundfile.read(io.BytesIO(answer.content), dtype="int16")
    assert rate == 16_000
    np.testing.assert_array_equal(sound, written[round(1.23456 * 16_000) : round(3.21 * 16_000), channel - 1])


def test_sound_ends_with_its_recording(client: TestClient) -> None:
    number = number_of(client, "tape.wav")
    answer = client.get(f"/api/recordings/{number}/sound", params={"start_s": 11, "end_s": 99})
    assert soundfile.info(io.BytesIO(answer.content)).frames == 16_000


def test_loud_samples_do_not_wrap_around() -> None:
    sound, _ = soundfile.read(io.BytesIO(wav_of(np.array([1.5, 1.0, -1.0, -2.0], np.float32))), dtype="int16")
    assert sound.tolist() == [32767, 32767, -32768, -32768]


def test_sound_of_other_formats(client: TestClient, original: Path) -> None:
    number = number_of(client, UNICODE)
    answer = client.get(f"/api/recordings/{number}/sound", params={"start_s": 0.5, "end_s": 1})
    sound, _ = soundfile.read(io.BytesIO(answer.content), dtype="float32")
    direct = read_span(original.parent / "field" / "2020" / UNICODE, 0.5, 1)[0]
    np.testing.assert_allclose(sound, direct, atol=1 / 32768)


@pytest.mark.parametrize(
    ("params", "status"),
    [
        ({"start_s": 3, "end_s": 2}, 400),
        ({"start_s": 2, "end_s": 2}, 400),
        ({"start_s": 12, "end_s": 13}, 400),
        ({"start_s": 0, "end_s": 1, "channel": 3}, 404),
        ({"start_s": 0}, 422),
        ({"start_s": "nan", "end_s": 1}, 422),
        ({"start_s": 0, "end_s": "inf"}, 422),
        ({"start_s": -1, "end_s": 1}, 422),
        ({"start_s": 0, "end_s": 1e300}, 422),
        ({"start_s": 0, "end_s": 1, "channel": 0}, 422),
        ({"start_s": 0, "end_s": 1, "channel": 10**30}, 422),
    ],
)
@pytest.mark.parametrize("what", ["sound", "peaks"])
def test_no_such_segment(client: TestClient, what: str, params: dict[str, object], status: int) -> None:
    sentence(client.get(f"/api/recordings/{number_of(client, 'tape.wav')}/{what}", params=params), status)


def test_no_sound_of_hours(client: TestClient, archive: Archive) -> None:
    number = number_of(client, "tape.wav")
    with archive.writing() as connection:
        connection.execute(update(recordings).where(recordings.c.id == number).values(duration_s=3600.0))
    params = {"start_s": 0, "end_s": 121}
    assert "120 s" in sentence(client.get(f"/api/recordings/{number}/sound", params=params), 400)


def test_peaks(client: TestClient, archive: Archive) -> None:
    number = number_of(client, "tape.wav")
    params = {"channel": 2, "start_s": 1.0, "end_s": 99.0, "count": 50}
    response = client.get(f"/api/recordings/{number}/peaks", params=params).json()
    assert (response["start_s"], response["end_s"]) == (1.0, 12.0)
    with archive.reading() as connection:
        row = connection.execute(select(recordings).where(recordings.c.id == number)).one()
    lowest, highest = peaks(archive, row, 2, 1.0, 12.0, 50) / 127
    assert response["lowest"] == lowest.tolist()
    assert response["highest"] == highest.tolist()
    assert max(response["highest"]) > 0.1
    assert min(response["lowest"]) < -0.1


def test_peaks_of_three_hours(client: TestClient, archive: Archive) -> None:
    number = number_of(client, "tape.wav")
    loud = np.full((2, 15_000), 100, np.int8)
    rows = [
        {"recording": number, "channel": 1, "number": n, "windows": 1, "peaks": loud.tobytes()} for n in range(1, 36)
    ]
    with archive.writing() as connection:
        connection.execute(insert(chunks), rows)
        connection.execute(update(recordings).where(recordings.c.id == number).values(duration_s=10_800.0))
    answer = client.get(f"/api/recordings/{number}/peaks", params={"start_s": 0, "end_s": 10_800, "count": 1600})
    assert len(answer.json()["highest"]) == 1600


def test_file_and_its_ranges(client: TestClient, original: Path) -> None:
    whole = (original.parent / "field" / "2019" / "tape.wav").read_bytes()
    address = f"/api/recordings/{number_of(client, 'tape.wav')}/file"
    answer = client.get(address)
    assert answer.content == whole
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["content-type"].startswith("audio/")
    for params, part in (("0-9", whole[:10]), ("100-", whole[100:]), ("-7", whole[-7:])):
        answer = client.get(address, headers={"Range": f"bytes={params}"})
        assert answer.status_code == 206
        assert answer.content == part
    assert answer.headers["content-range"] == f"bytes {len(whole) - 7}-{len(whole) - 1}/{len(whole)}"
    answer = client.get(address, headers={"Range": f"bytes={len(whole)}-"})
    assert answer.status_code == 416
    assert answer.headers["content-range"] == f"bytes */{len(whole)}"


@pytest.mark.parametrize(
    ("header", "parts"),
    [
        # RFC 9110, 14.1.2: the examples there, for 10,000 bytes.
        ("bytes=0-499", [(0, 499)]),
        ("bytes=500-999", [(500, 999)]),
        ("bytes=-500", [(9500, 9999)]),
        ("bytes=9500-", [(9500, 9999)]),
        ("bytes=0-0,-1", [(0, 0), (9999, 9999)]),
        ("bytes= 0-999, 4500-5499, -1000", [(0, 999), (4500, 5499), (9000, 9999)]),
        ("bytes=500-600,601-999", [(500, 600), (601, 999)]),
        ("bytes=500-700,601-999", [(500, 700), (601, 999)]),
        # What is over the end is cut, what is wholly behind it left out.
        ("BYTES=9000-99999", [(9000, 9999)]),
        ("bytes=-99999", [(0, 9999)]),
        ("bytes=0-9,10000-", [(0, 9)]),
        ("bytes=,0-9,,", [(0, 9)]),
        ("bytes=0-" + "9" * 5000, [(0, 9999)]),
        ("bytes=0007-0009", [(7, 9)]),
        ("bytes=10000-", []),
        ("bytes=-0", []),
        ("bytes=" + "9" * 5000 + "-", []),
        # These are no ranges of bytes, so the header is ignored.
        *(
            (f"bytes={wrong}", None)
            for wrong in ("", "5-2", "a-b", "-", "--1", "+1-2", "1_0-20", "0-9,5-2", "٣-٤", "1")
        ),
        *((wrong, None) for wrong in ("items=0-1", "0-1", "bytes", "bytes 0-1", "=0-1", "")),
        ("bytes=" + ",".join(["0-1"] * 1000), None),
    ],
)
def test_byte_ranges_are_read_by_the_standard(header: str, parts: list[tuple[int, int]] | None) -> None:
    assert byte_ranges(header, 10_000) == parts


def test_an_empty_file_has_no_part() -> None:
    assert byte_ranges("bytes=0-", 0) == byte_ranges("bytes=-5", 0) == []


@pytest.mark.parametrize("header", ["items=0-1", "bytes=5-2", "bytes=a-b", "bytes=-"])
def test_a_range_that_is_none_gets_the_whole_file(client: TestClient, header: str) -> None:
    address = f"/api/recordings/{number_of(client, 'tape.wav')}/file"
    answer = client.get(address, headers={"Range": header})
    assert (answer.status_code, answer.content) == (200, client.get(address).content)


def test_a_part_that_the_file_has_not_is_refused_in_json(client: TestClient) -> None:
    address = f"/api/recordings/{number_of(client, 'tape.wav')}/file"
    size = len(client.get(address).content)
    answer = client.get(address, headers={"Range": f"bytes={size}-"})
    assert (answer.status_code, answer.headers["content-range"]) == (416, f"bytes */{size}")
    assert f"{size} bytes" in answer.json()["detail"]


def test_a_range_holds_only_for_the_same_file(client: TestClient) -> None:
    address = f"/api/recordings/{number_of(client, 'tape.wav')}/file"
    tag = client.get(address).headers["etag"]
    for condition, status in ((tag, 206), ('"other"', 200), (f"W/{tag}", 200)):
        for wanted in ("bytes=0-3", "bytes=99999999-") if status == 200 else ("bytes=0-3",):
            answer = client.get(address, headers={"Range": wanted, "If-Range": condition})
            assert answer.status_code == status


@pytest.mark.parametrize(
    "address", ["/", "/static/style.css", "/api/archive", "/api/recordings/{}/file", "/api/search?query=dog"]
)
def test_head_is_get_without_the_body(client: TestClient, address: str) -> None:
    address = address.format(number_of(client, "tape.wav"))
    got, head = client.get(address), client.head(address)
    assert (head.status_code, head.content) == (200, b"")
    for name in ("content-length", "content-type", "etag", "accept-ranges"):
        assert head.headers.get(name) == got.headers.get(name)


def test_head_of_what_is_not_there_and_of_a_part(client: TestClient) -> None:
    assert client.head("/api/recordings/999/file").status_code == 404
    part = client.head(f"/api/recordings/{number_of(client, 'tape.wav')}/file", headers={"Range": "bytes=2-5"})
    assert (part.status_code, part.headers["content-length"], part.content) == (206, "4", b"")
    assert client.head("/api/judgements").status_code in (404, 405)


@pytest.mark.parametrize("home", ["/", "", "home", ".", "//"])
def test_a_strange_home_leaves_sentences_whole(client: TestClient, monkeypatch: pytest.MonkeyPatch, home: str) -> None:
    monkeypatch.setenv("HOME", home)
    assert "'and/or at home.'" in client.get("/api/search", params={"query": "and/or at home."}).json()["detail"]


@pytest.mark.parametrize(
    ("original", "expected"),
    [
        ("/home/ada/tapes/a.wav is damaged", "~/tapes/a.wav is damaged"),
        ("There is no folder /home/ada.", "There is no folder ~."),
        ("There is no folder '/home/ada'", "There is no folder '~'"),
        ("/home/ada: it is full", "~: it is full"),
        ("/home/adam, /home/ada-2, /home/ada.old and /mnt/home/ada stay", None),
        ("and/or", None),
        ("/srv/a/b, /srv/a", "b, /srv/a"),
    ],
)
def test_paths_are_shortened_where_they_are_whole(original: str, expected: str | None) -> None:
    private = {"/home/ada": "~", "/srv/a/b": "b", "home": "~", "/": "~"}
    assert redact_paths(original, private) == (original if expected is None else expected)


def test_curve_comes_from_stored_frames(client: TestClient, archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(archive.spotter.model), "encode_speech", None)  # nothing is encoded again
    number = number_of(client, "tape.wav")
    response = client.get("/api/curve", params={"query": "dog", "position": f"{number}:1:7.00"}).json()
    assert (response["start_s"], response["end_s"]) == (3.0, 11.0)
    with archive.reading() as connection:
        sha256 = connection.execute(select(recordings.c.sha256).where(recordings.c.id == number)).scalar_one()
    frames = torch.from_numpy(archive.frames.read(sha256, 1, 0).astype(np.float32))
    model = archive.spotter.model
    with torch.no_grad():
        _, scores = model.score((frames[None], torch.tensor([len(frames)])), model.encode_queries(["dog"]))
    expected = scores[0, 0].sigmoid().numpy()
    times_s = (np.arange(len(frames)) + 0.5) * 0.04
    inside = (times_s >= 3.0) & (times_s < 11.0)
    np.testing.assert_allclose(response["curve"], expected[inside], atol=1e-4)
    np.testing.assert_allclose(response["times_s"], times_s[inside], atol=1e-6)
    assert all(3.0 <= time_s <= 11.0 for time_s in response["times_s"])


def test_curve_of_a_word_with_several_keywords(client: TestClient, archive: Archive) -> None:
    store_words(archive, [Alias("ajá", ("dog", "ball"))])
    position = f"{number_of(client, 'tape.wav')}:2:0.00"
    curves = [
        client.get("/api/curve", params={"query": query, "position": position}).json()
        for query in ("ajá", "dog", "ball")
    ]
    assert (curves[0]["start_s"], curves[0]["end_s"]) == (0.0, 4.0)
    np.testing.assert_allclose(curves[0]["curve"], np.maximum(curves[1]["curve"], curves[2]["curve"]), atol=1e-6)


@pytest.mark.parametrize(
    ("position", "status"), [("99:1:1.0", 404), ("1:9:1.0", 404), ("1:1:-1", 422), ("1:1:nan", 422), ("1:1", 422)]
)
def test_curve_of_no_position(client: TestClient, position: str, status: int) -> None:
    sentence(client.get("/api/curve", params={"query": "dog", "position": position}), status)


def test_a_word_has_a_threshold_by_dev_and_then_by_its_judgements(
    client: TestClient, archive: Archive, original: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    add_known_hits(archive, original.parent / "field")
    before = client.get("/api/search", params={"query": "ọmọ", "top": 1000}).json()
    dev = before["threshold"]
    assert (dev["score"], dev["false_alarms_per_hour"], dev["judged"], dev["low"]) == (0.5, 10.0, 0, None)
    for number, hit in enumerate(before["hits"]):
        judge(client, "ọmọ", hit, "no" if number % 3 == 2 else "yes")
    after = client.get("/api/search", params={"query": "ọmọ"}).json()["threshold"]
    above = [number for number, hit in enumerate(before["hits"]) if hit["score"] >= after["score"]]
    wrong = sum(number % 3 == 2 for number in above)
    assert after["judged"] == len(before["hits"])
    assert after["precision"] == pytest.approx(1 - wrong / len(above))
    assert after["low"] == after["high"] == pytest.approx(wrong / client.get("/api/archive").json()["hours"])

    def printed(*words: object) -> str:
        with pytest.raises(SystemExit):
            app([*map(str, words)])
        return capsys.readouterr().out

    sentence = f"ọmọ: From a score of {after['score']:.2f} on, about {100 * after['precision']:.0f} % of hits are right"
    assert sentence in printed("search", archive.folder, "ọmọ")
    listed = printed("judgements", "thresholds", archive.folder)
    assert sentence in listed
    assert "interval" in listed
    as_json = json.loads(printed("judgements", "thresholds", archive.folder, "--json"))
    assert as_json["thresholds"]["ọmọ"] == after
    assert sum(one["count"] for one in as_json["reliability"]) == len(before["hits"])


def test_judge_and_undo(client: TestClient, archive: Archive) -> None:
    one, two, *_ = client.get("/api/search", params={"query": "dog"}).json()["hits"]
    saved = judge(client, "dog", {**one, "start_s": 0.5, "end_s": 0.9}, "yes")
    assert saved["judged"] == {"yes": 1, "related": 0, "no": 0}
    assert judge(client, "dog", two, "no")["judged"] == {"yes": 1, "related": 0, "no": 1}
    first = judgements(archive, "dog")[0]
    assert (first.id, first.score, first.start_s, first.end_s) == (saved["id"], one["score"], 0.5, 0.9)
    assert str(first.position) == one["position"]
    hits = {hit["position"]: hit for hit in client.get("/api/search", params={"query": "dog"}).json()["hits"]}
    assert (hits[one["position"]]["verdict"], hits[one["position"]]["start_s"]) == ("yes", 0.5)
    assert hits[two["position"]]["verdict"] == "no"
    undone = client.delete(f"/api/judgements/{saved['id']}")
    assert undone.json() == {"judged": {"yes": 0, "related": 0, "no": 1}}
    sentence(client.delete(f"/api/judgements/{saved['id']}"), 404)


def test_judgements_after_a_restart(client: TestClient, archive: Archive, tmp_path: Path) -> None:
    """What a page shows can be judged at a server that never answered its search."""
    word = client.get("/api/search", params={"query": "dog"}).json()
    image = client.post("/api/search/picture", content=write_picture(tmp_path / "a.png").read_bytes()).json()
    example = client.get("/api/search", params={"query": f"example:{word['hits'][0]['position']}"}).json()
    with client_of(open_archive(archive.folder)) as restarted:
        for answer in (word, image, example):
            hit = answer["hits"][1]
            judge(restarted, answer["query"], hit, "yes")
            (saved,) = judgements(archive, answer["query"])
            assert (str(saved.position), saved.score, saved.start_s) == (hit["position"], hit["score"], hit["start_s"])
            again = restarted.get("/api/search", params={"query": answer["query"]}).json()
            assert [one["position"] for one in again["hits"] if one["verdict"]] == [hit["position"]]


def test_people_who_disagree_are_shown_with_the_hit(archive: Archive) -> None:
    with client_of(archive, judge="Ana") as ana, client_of(archive) as ben:
        assert ana.get("/api/archive").json()["judge"] == "Ana"
        hit = ana.get("/api/search?query=dog").json()["hits"][0]
        body = {"query": "dog", **{name: hit[name] for name in FIELDS}}
        assert ana.post("/api/judgements", json={**body, "verdict": "yes"}).json()["opinions"] == []
        answer = ben.post("/api/judgements", json={**body, "verdict": "no", "judge": " Ọlá  B "}).json()
        opinions = [{"judge": "Ana", "verdict": "yes"}, {"judge": "Ọlá B", "verdict": "no"}]
        assert answer["opinions"] == opinions
        shown = ana.get("/api/search?query=dog").json()["hits"]
        assert [one["opinions"] for one in shown if one["position"] == hit["position"]] == [opinions]
        assert sentence(ana.post("/api/judgements", json={**body, "verdict": "yes", "judge": "x" * 201}), 422)
        ana.delete(f"/api/judgements/{answer['id']}")
        assert judgements(archive, "dog")[0].verdict == "yes"


def test_two_tabs_judge_one_query(archive: Archive) -> None:
    with client_of(archive) as one, client_of(open_archive(archive.folder)) as two:
        hits = one.get("/api/search", params={"query": "dog"}).json()["hits"]
        assert two.get("/api/search", params={"query": "dog"}).json()["hits"] == hits
        first = judge(one, "dog", hits[0], "yes")
        assert judge(two, "dog", hits[1], "no")["judged"] == {"yes": 1, "related": 0, "no": 1}
        second = judge(two, "dog", hits[0], "related")  # the last one counts
        assert second["judged"] == {"yes": 0, "related": 1, "no": 1}
        sentence(one.delete(f"/api/judgements/{first['id']}"), 404)
        assert one.delete(f"/api/judgements/{second['id']}").json()["judged"] == {"yes": 0, "related": 0, "no": 1}


def test_the_score_of_a_judged_word_is_that_of_the_index(client: TestClient, archive: Archive) -> None:
    hit = client.get("/api/search", params={"query": "dog"}).json()["hits"][0]
    judge(client, "dog", {**hit, "score": 0.123}, "yes")
    assert judgements(archive, "dog")[0].score == hit["score"]


def test_a_position_that_is_no_hit_can_be_judged(client: TestClient, archive: Archive) -> None:
    position = f"{number_of(client, 'tape.wav')}:1:5.43"
    judge(client, "image:0123456789abcdef", {"position": position, "start_s": 5.2, "end_s": 5.6}, "yes")
    (saved,) = judgements(archive, "image:0123456789abcdef")
    assert (saved.position, saved.score) == (Position.read(position), 0.0)


class Statements:
    """Transactions and statements of an archive's database while it is counted."""

    def __init__(self, archive: Archive) -> None:
        self.transactions = self.statements = 0
        event.listen(archive.engine, "begin", self._begin)
        event.listen(archive.engine, "before_cursor_execute", self._execute)

    def _begin(self, _: object) -> None:
        self.transactions += 1

    def _execute(self, _connection: object, _cursor: object, statement: str, *_: object) -> None:
        self.statements += not statement.startswith("BEGIN")


@pytest.mark.parametrize(
    ("address", "most"),
    [
        ("/api/archive", 8),
        ("/api/search?query=dog", 14),
        ("/api/search?query=aja&speaker=%E1%BB%8Cl%C3%A1", 9),
        ("/api/search?query=example:1:1:2.00", 12),
        ("/api/curve?query=dog&position=1:1:2.00", 1),
        ("/api/recordings/1", 2),
        ("/api/recordings/1/peaks?start_s=0&end_s=2", 2),
        ("/api/recordings/1/sound?start_s=0&end_s=2", 1),
    ],
)
def test_a_request_is_one_transaction(client: TestClient, archive: Archive, address: str, most: int) -> None:
    store_words(archive, [Alias("aja", ("dog", "ball"))])
    judge(client, "dog", client.get("/api/search?query=dog").json()["hits"][0], "yes")  # loads model and settings, too
    client.get("/api/curve?query=dog&position=1:1:2.00")
    counted = Statements(archive)
    assert client.get(address).status_code == 200
    assert counted.transactions == 1
    assert 0 < counted.statements <= most + ("query=dog" in address and "search" in address)


def test_a_judgement_is_one_transaction(client: TestClient, archive: Archive) -> None:
    hit = client.get("/api/search?query=dog").json()["hits"][0]
    counted = Statements(archive)
    number = judge(client, "dog", hit, "yes")["id"]
    assert (counted.transactions, counted.statements <= 13) == (1, True)
    client.delete(f"/api/judgements/{number}")
    assert counted.transactions == 2


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"verdict": "maybe"}, 422),
        ({"query": ""}, 422),
        ({"query": "dug"}, 400),
        ({"query": "example:x"}, 400),
        ({"position": "99:1:1.00"}, 404),
        ({"position": "1:7:1.00"}, 404),
        ({"position": "1:1:999.00"}, 400),
        ({"start_s": 3.0, "end_s": 2.0}, 400),
        ({"end_s": 999.0}, 400),
        ({"start_s": None}, 422),
        ({"start_s": "x"}, 422),
    ],
)
def test_invalid_judgements(client: TestClient, archive: Archive, changed: dict[str, object], status: int) -> None:
    body = {"query": "dog", "position": "1:1:1.00", "verdict": "yes", "start_s": 0.5, "end_s": 1.5, **changed}
    sentence(client.post("/api/judgements", json=body), status)
    assert judgements(archive) == []


def test_top_counts_unjudged_hits(client: TestClient) -> None:
    def search() -> list[dict[str, object]]:
        return client.get("/api/search", params={"query": "dog", "top": 2}).json()["hits"]

    judged = set()
    for _ in range(3):
        left = [hit for hit in search() if hit["verdict"] is None]
        assert len(left) == 2
        assert left[0]["position"] not in judged
        judged.add(left[0]["position"])
        judge(client, "dog", left[0], "no")
    assert {hit["position"] for hit in search() if hit["verdict"] == "no"} == judged


def test_parallel_requests(client: TestClient) -> None:
    position = f"{number_of(client, 'tape.wav')}:1:7.00"
    requests = [("/api/curve", {"query": word, "position": position}) for word in PITCHES]
    requests += [("/api/search", {"query": word}) for word in PITCHES]
    alone = [client.get(address, params=parameters).json() for address, parameters in requests]
    together: dict[int, object] = {}

    def request(number: int) -> None:
        address, parameters = requests[number]
        together[number] = client.get(address, params=parameters).json()

    threads = [threading.Thread(target=request, args=(number,)) for number in range(len(requests))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [together[number] for number in range(len(requests))] == alone


def test_folders_of_one_name() -> None:
    folders = ["/media/one/tapes", "/media/two/tapes", "/home/ada/field"]
    names = folder_labels(folders)
    assert list(names.values()) == ["one/tapes", "two/tapes", "ada/field"]
    for folder in folders:
        displayed = display_folder(f"{folder}/a/b/c.wav", folder, names)
        assert resolve_folder(displayed, names) == f"{folder}/a/b"
    assert folder_labels(["/"]) == {"/": ""}


def test_the_api_describes_itself_and_loads_nothing_from_elsewhere(client: TestClient) -> None:
    described = client.get("/api/openapi.json").json()
    operations = {f"{method} {path}" for path, item in described["paths"].items() for method in item}
    assert operations == {
        "get /api/archive",
        "get /api/languages",
        "get /api/search",
        "post /api/search/picture",
        "post /api/clips",
        "get /api/lexicon",
        "post /api/lexicon",
        "get /api/curve",
        "get /api/recordings/{number}",
        "get /api/recordings/{number}/peaks",
        "get /api/recordings/{number}/sound",
        "get /api/recordings/{number}/file",
        "post /api/judgements",
        "delete /api/judgements/{number}",
    }
    assert "HTTPValidationError" not in json.dumps(described)
    for address in ("/docs", "/redoc", "/openapi.json"):
        sentence(client.get(address), 404)
