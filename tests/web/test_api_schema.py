"""The API's own description is complete and true: requests made up from it get the answers that it names."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
import schemathesis
import soundfile
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import load_all_checks
from schemathesis.specs.openapi.checks import positive_data_acceptance

from earmark.archive.archive import open_archive
from earmark.archive.judgements import judge
from earmark.recipe import Recipe
from earmark.web.app import create_app
from earmark.web.routes.search import CLIP_TYPES
from earmark.web.security import HEADERS
from support.live_server import write_served
from support.small_archive import found_at

OPERATIONS = [
    ("GET", "/api/archive"),
    ("GET", "/api/search"),
    ("POST", "/api/search/picture"),
    ("POST", "/api/clips"),
    ("GET", "/api/languages"),
    ("GET", "/api/lexicon"),
    ("POST", "/api/lexicon"),
    ("GET", "/api/curve"),
    ("GET", "/api/recordings/{number}"),
    ("GET", "/api/recordings/{number}/peaks"),
    ("GET", "/api/recordings/{number}/sound"),
    ("GET", "/api/recordings/{number}/file"),
    ("POST", "/api/judgements"),
    ("DELETE", "/api/judgements/{number}"),
]
PLAUSIBLE = {"number": 1, "query": "dog", "position": "1:1:1.00", "start_s": 0.5, "end_s": 1.5, "folder": "field"}
load_all_checks()


def spoken_clip() -> bytes:
    """Half a second of sound, as a WAV file."""
    content = io.BytesIO()
    soundfile.write(content, 0.3 * np.sin(np.arange(8000) / 5), 16_000, format="WAV")
    return content.getvalue()


schemathesis.openapi.media_type(CLIP_TYPES[0], st.just(spoken_clip()), aliases=CLIP_TYPES[1:])


@schemathesis.serializer(*CLIP_TYPES)
def as_it_is(_: Any, value: Any) -> Any:
    return value if isinstance(value, bytes) else str(value).encode()


@pytest.fixture(scope="module")
def app(tiny_pictured_recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> Any:
    archive = open_archive(write_served(tmp_path_factory.mktemp("described"), tiny_pictured_recipe))
    return create_app(archive, hosts=["testserver"])  # as Schemathesis calls what it asks without a network


@pytest.fixture(scope="module")
def described(app: Any) -> Any:
    return schemathesis.openapi.from_asgi("/api/openapi.json", app)


def test_every_operation_is_requested(described: Any) -> None:
    operations = [found.ok() for found in described.get_all_operations()]
    assert sorted((one.method.upper(), one.path) for one in operations) == sorted(OPERATIONS)


WITHOUT_PARAMETERS = {(("GET", path), "negative") for path in ("/api/archive", "/api/languages", "/api/lexicon")}
CASES = [
    (method, path, kind)
    for method, path in OPERATIONS
    for kind in ("positive", "plausible", "negative")
    if ((method, path), kind) not in WITHOUT_PARAMETERS  # that could be wrong
]


@pytest.mark.parametrize(("method", "path", "kind"), CASES, ids=lambda part: part.strip("/"))
def test_responses_are_as_described(described: Any, method: str, path: str, kind: str) -> None:
    mode = GenerationMode.NEGATIVE if kind == "negative" else GenerationMode.POSITIVE
    made_up = described[path][method].as_strategy(generation_mode=mode)
    archive = described.app.state.server.archive
    known = PLAUSIBLE
    if path == "/api/lexicon":
        known = PLAUSIBLE | {"query": "example:1:1:1.00", "word": "dog"}
    if path.startswith("/api/judgements/"):
        known = {"number": judge(archive, "dog", found_at(1, 1, 1.0, 2.0), "yes")}
    statuses = set()

    @settings(
        max_examples=8,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=made_up)
    def request_case(case: Any) -> None:
        if kind == "plausible":
            make_plausible(case, known)
        answer = case.call()
        statuses.add(answer.status_code)
        assert answer.status_code < 500, answer.text
        # Which words and recordings there are is not in the description: they are refused with a sentence.
        case.validate_response(answer, excluded_checks=[positive_data_acceptance])
        assert set(HEADERS) <= {name.title() for name in answer.headers}

    request_case()
    assert kind != "plausible" or 200 in statuses


def make_plausible(case: Any, known: dict[str, Any]) -> None:
    """Let a request be about what is there."""
    for part in (case.path_parameters, case.query, case.body):
        if isinstance(part, dict):
            part |= {name: value for name, value in known.items() if name in part}
