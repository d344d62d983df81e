"""Judgements of several people: files of them, merging, and where people disagree."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from earmark.cli.console import print_json, print_table
from earmark.cli.options import AsJson

if TYPE_CHECKING:
    from earmark.archive.judgement_log import Event

verbs = typer.Typer()
group = typer.Typer(help="Judgements of several people: files, merging, disagreements.", no_args_is_help=True)
verbs.add_typer(group, name="judgements")
ArchiveFolder = Annotated[Path, typer.Argument(metavar="ARCHIVE", help="A folder that 'earmark index' made.")]


@group.command("export")
def export_judgements(
    archive: ArchiveFolder, out: Annotated[Path, typer.Option(help="File for the judgements, one a line (.jsonl).")]
) -> None:
    """Write all judgements, and what was undone, into a file that others can merge."""
    from earmark.archive.archive import open_archive
    from earmark.archive.judgement_log import write_log

    count = write_log(open_archive(archive), out)
    print(f"{count} judgements and undoings are in {out}: merge them elsewhere with 'earmark judgements merge'.")


@group.command("merge")
def merge_judgements(
    archive: ArchiveFolder,
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="Files of 'earmark judgements export'.")],
) -> None:
    """Add the judgements of others. Nothing is lost, in whatever order and however often files are merged."""
    from earmark.archive.archive import open_archive
    from earmark.archive.judgement_log import disagreements, events_of, merge, read_log

    opened = open_archive(archive)
    events = [event for path in files for event in read_log(path)]
    added, elsewhere = merge(opened, events)
    print(f"{added} of {len(events)} judgements and undoings were new.")
    if elsewhere:
        print(f"{elsewhere} judgements are of recordings that are not in this archive: they count once these are.")
    if apart := len(disagreements(events_of(opened))):
        print(f"People disagree in {apart} places: 'earmark judgements list {archive} --disagreements' shows them.")


@group.command("list")
def list_judgements(
    archive: ArchiveFolder,
    disagreements: Annotated[
        bool, typer.Option("--disagreements", help="Only where the verdicts of people differ.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List who judged what, and where people disagree."""
    from earmark.archive.archive import open_archive
    from earmark.archive.judgement_log import disagreements as find_disagreements
    from earmark.archive.judgement_log import events_of, latest
    from earmark.archive.recordings import paths_by_hash

    opened = open_archive(archive)
    events = events_of(opened)
    apart = find_disagreements(events)
    shown = [event for place in apart for event in place] if disagreements else latest(events)
    paths = paths_by_hash(opened)
    rows = [_row(event, paths.get(event.sha256, event.sha256)) for event in shown]
    if as_json:
        print_json(rows)
        return
    print_table(tuple(rows[0]) if rows else ("query",), [tuple(map(str, row.values())) for row in rows], essential=4)
    print(f"{len(rows)} verdicts; people disagree in {len(apart)} places. The latest verdict on a place counts.")


@group.command("thresholds")
def list_thresholds(archive: ArchiveFolder, as_json: AsJson = False) -> None:
    """List thresholds and false alarms of judged words, and how reliable probabilities by judgements are."""
    from dataclasses import asdict

    from earmark.archive.archive import open_archive
    from earmark.archive.search import SearchOptions, resolve_word
    from earmark.archive.word_threshold import judged_words, reliability_of, word_threshold

    opened = open_archive(archive)
    words = judged_words(opened)
    found = {word: word_threshold(opened, resolve_word(opened, word), SearchOptions()) for word in words}
    bins = reliability_of(opened, words)
    if as_json:
        print_json(
            {
                "thresholds": {word: None if one is None else asdict(one) for word, one in found.items()},
                "reliability": [asdict(one) for one in bins],
            }
        )
        return
    for word, one in found.items():
        print(f"{word}: {one or 'too little is judged to say (ten hits, of them some right and some wrong).'}")
    rows = [
        (str(one.count), f"{one.probability:.2f}", f"{one.share:.2f}", f"{one.low:.2f} to {one.high:.2f}")
        for one in bins
    ]
    if rows:
        print("Probabilities of judged hits, each without its own judgement, beside the share that is right:")
        print_table(("hits", "probability", "right", "interval"), rows, essential=4)
    if not found:
        print("No hit of a keyword is judged yet: judge some with 'earmark serve'.")


def _row(event: Event, recording: str) -> dict[str, Any]:
    return {
        **{"query": event.query, "judge": event.judge, "verdict": event.verdict},
        **{"start_s": round(event.start_s, 2), "end_s": round(event.end_s, 2), "channel": event.channel},
        **{"recording": recording, "at": event.at},
    }
