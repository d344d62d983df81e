"""Finding words, or what pictures show, in recordings as they are."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from earmark.cli.console import print_json, print_table
from earmark.cli.options import MOST_HITS, AsJson, Run
from earmark.core.errors import EarmarkError

if TYPE_CHECKING:
    from earmark.core.types import Hit

COMMAS = re.compile("[,\u060c\u3001\uff0c]")  # of Latin, Arabic and Chinese scripts

verbs = typer.Typer()


@verbs.command()
def find(
    run: Run,
    arguments: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="KEYWORD|FILE",
            help="The word to find, several with commas between them; then audio files of any length. "
            "With --image, audio files alone.",
            show_default=False,
        ),
    ] = None,
    image: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="PICTURE",
            help="Find what this picture shows; given several times, what the pictures have in common.",
        ),
    ] = None,
    top: Annotated[int, typer.Option(min=1, max=MOST_HITS, help="Hits to show for each query.")] = 20,
    as_json: AsJson = False,
    page: Annotated[Path | None, typer.Option(help="Write a page with players, too.")] = None,
) -> None:
    """Find where keywords, or what pictures show, may be spoken, the likeliest first."""
    from earmark.core.types import ImageQuery, Query
    from earmark.localisation.spotter import load_model

    words, recordings = ([], arguments or []) if image else ((arguments or [])[:1], (arguments or [])[1:])
    if not (words or image):
        raise EarmarkError("Say what to find: a keyword, or a picture with --image; then give audio files.")
    if not recordings:
        after = f" after the keyword {words[0]!r}" if words else " beside the pictures"
        raise EarmarkError(f"There is no recording to search: give audio files{after}.")
    queries: list[Query] = [word.strip() for listed in words for word in COMMAS.split(listed) if word.strip()]
    if image:
        queries.append(ImageQuery.of(*image))
    readable = _readable(image or [], recordings)
    spotter = load_model(run)
    candidates = spotter.candidates(queries, readable, top)
    if page is not None:
        _write_found(page, spotter, queries, candidates)
    if as_json:
        print_json([candidate.hit.to_json() for candidate in candidates])
    else:
        _print_hits([candidate.hit for candidate in candidates])
        if page is not None:
            print(f"The page is {page}.")
    if len(readable) < len(recordings):
        raise typer.Exit(1)


def _readable(pictures: list[Path], recordings: list[str]) -> list[str]:
    """The recordings that can be read, before a model is; the others are named, and so are all unusable pictures."""
    from earmark.media.audio import audio_info
    from earmark.media.images import read_image

    problems = _problems(read_image, pictures)
    unreadable = _problems(audio_info, recordings)
    if problems or len(unreadable) == len(set(recordings)):
        raise EarmarkError("\n".join([*problems.values(), *unreadable.values()]))
    for problem in unreadable.values():
        print(f"earmark: {problem}", file=sys.stderr)
    return [recording for recording in recordings if recording not in unreadable]


def _problems(check: Callable[[Any], object], paths: Sequence[Path | str]) -> dict[Path | str, str]:
    """What is wrong with files, by path."""
    problems: dict[Path | str, str] = {}
    for path in paths:
        try:
            check(path)
        except EarmarkError as problem:
            problems[path] = str(problem)
    return problems


def _write_found(page: Path, spotter: Any, queries: list[Any], candidates: list[Any]) -> None:
    from earmark.core.types import ImageQuery, name_of
    from earmark.evaluation.examples import make_example, matchmap_data
    from earmark.reports.hits import write_hits_page

    images = {query.name: query for query in queries if isinstance(query, ImageQuery)}
    examples = [
        make_example(
            found, data=matchmap_data(spotter, images[found.hit.query], found) if found.hit.query in images else None
        )
        for found in candidates
    ]
    write_hits_page(page, ", ".join(map(name_of, queries)), examples, [], list(images.values()))


def _print_hits(hits: list[Hit]) -> None:
    rows = [
        (hit.query, f"{hit.score:.3f}", f"{hit.start_s:.2f} s", f"{hit.end_s:.2f} s", hit.recording) for hit in hits
    ]
    print_table(("query", "score", "start", "end", "recording"), rows, essential=4)
    print("These are candidates, not facts: listen to them.")
