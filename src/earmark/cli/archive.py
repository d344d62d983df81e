"""Commands for archives: index, search, info, serve and export."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from earmark.cli.console import print_json, print_table
from earmark.cli.options import MOST_HITS, AsJson, HostOption, OpenOption, PortOption, TokenOption, announcement
from earmark.core import registry
from earmark.core.errors import EarmarkError

if TYPE_CHECKING:
    from earmark.archive.archive import Archive, Position
    from earmark.archive.indexer import Report
    from earmark.archive.results import ArchiveHit
    from earmark.archive.search import SearchOptions
    from earmark.core.types import ImageQuery, SpokenQuery


verbs = typer.Typer()

FORMATS = ", ".join(registry.own_kinds(registry.EXPORT_FORMATS))
Within = Annotated[
    list[Path] | None,
    typer.Option(metavar="DOCUMENT", help="Only in what this .eaf, .TextGrid or .flextext, or a folder, annotates."),
]
Outside = Annotated[list[Path] | None, typer.Option(metavar="DOCUMENT", help="Only in what it does not annotate.")]
Tiers = Annotated[
    list[str] | None,
    typer.Option(
        "--tier", help="With --within, --outside, --clips-from: only these tiers, by name or linguistic type."
    ),
]
ArchiveFolder = Annotated[Path, typer.Argument(metavar="ARCHIVE", help="A folder that 'earmark index' made.")]


@verbs.command()
def index(
    archive: Annotated[Path, typer.Option(help="Folder for the archive; an interrupted run resumes.")],
    sources: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[RUN] FOLDER",
            help="A folder that 'earmark train' wrote (none with --features); then folders of recordings, by default "
            "those of the archive.",
            show_default=False,
        ),
    ] = None,
    features: Annotated[
        str | None,
        typer.Option(
            metavar="KIND",
            help="Without a model, or beside it: features for spoken queries: moonshine, moonshine:base, mfcc, "
            "speech-embedding.",
        ),
    ] = None,
    metadata: Annotated[
        Path | None,
        typer.Option(help="CSV with the column audio and any of speaker, date, language, licence and consent."),
    ] = None,
    words: Annotated[
        Path | None,
        typer.Option(help="Words of your own language, two columns: a word, and the model's keyword that it means."),
    ] = None,
    licence: Annotated[str | None, typer.Option(help="Licence of the collection; it goes into every export.")] = None,
    consent: Annotated[str | None, typer.Option(help="What the speakers agreed to; it goes into every export.")] = None,
    skip_silence: Annotated[
        bool, typer.Option("--skip-silence", help="Skip stretches that are nearly silent.")
    ] = False,
    forget: Annotated[
        bool, typer.Option("--forget", help="Delete everything stored for recordings that are no longer there.")
    ] = False,
    within: Within = None,
    outside: Outside = None,
    tier: Tiers = None,
    database: Annotated[
        str | None, typer.Option(help="Address of a PostgreSQL database for the tables, instead of a file.")
    ] = None,
    engine: Annotated[str, typer.Option(help="local, or ray: on all machines of a Ray cluster.")] = "local",
) -> None:
    """Index recordings of any length, so that they can be searched."""
    from earmark.archive.annotated_time import AnnotationLimit
    from earmark.archive.executors import make_executor
    from earmark.archive.indexer import index as index_recordings
    from earmark.archive.query_aliases import read_word_list, store_words
    from earmark.archive.results import warning_on

    executor = make_executor(engine)
    limit = AnnotationLimit(within or (), outside or (), tier or ())
    opened, folders = _opened(archive, sources or [], features, database)
    if words is not None:
        store_words(opened, read_word_list(words, opened.vocabulary))
    opened.set(**{name: text for name, text in (("licence", licence), ("consent", consent)) if text is not None})
    report = index_recordings(opened, folders, executor, metadata, skip_silence, forget, limit)
    _print_report(report, archive, opened)
    if warning := warning_on(opened):
        print(warning)
    if report.problems:
        raise typer.Exit(1)


def _opened(
    archive: Path, sources: list[Path], features: str | None, database: str | None
) -> tuple[Archive, list[Path]]:
    """The archive, and the folders to index into it; none for the recordings that it has."""
    from earmark.archive.archive import DESCRIPTION
    from earmark.archive.creation import make_archive, make_features_archive

    folders = sources if features is not None else sources[1:]
    is_new = not (archive / DESCRIPTION).is_file()
    if (features is None and not sources) or (is_new and not folders):
        raise EarmarkError(
            "Name a folder that 'earmark train' wrote and then the folders of recordings; or index without a model, "
            "with --features moonshine."
        )
    if features is not None:
        from earmark.recipe import feature_settings

        opened = make_features_archive(archive, feature_settings(features), database)
    else:
        opened = make_archive(archive, sources[0], database)
    return opened, folders


def _print_report(report: Report, archive: Path, opened: Archive) -> None:
    import sys

    sentences = {
        "new": "new",
        "changed": "changed",
        "moved": "moved",
        "copies": "copies of others",
        "gone": "no longer there (kept, but not searched; --forget deletes what is kept of them)",
        "forgotten": "forgotten",
    }
    changes = [f"{count} {sentences[what]}" for what, count in report.changes.items() if count]
    print(f"Recordings: {', '.join(changes) or 'nothing new'}.")
    if report.processed_s:
        pace = report.processed_s / report.took_s
        print(f"Indexed {report.processed_s / 3600:.2f} hours in {report.took_s:.0f} s, {pace:.0f} times real time.")
    if report.new_hits:
        listed = ", ".join(f"{word} ({count})" for word, count in sorted(report.new_hits.items()))
        print(f"New likely hits of the lexicon's words: {listed}. See 'earmark search {archive} --lexicon'.")
    query = "WORD" if opened.vocabulary.words else "--clip CLIP"
    print(f"The archive is in {archive}: search it with 'earmark search {archive} {query}'.")
    if report.problems:
        print(f"earmark: {len(report.problems)} could not be indexed:", file=sys.stderr)
        for problem in report.problems:
            print(f"  {problem}", file=sys.stderr)


@verbs.command()
def search(
    archive: ArchiveFolder,
    words: Annotated[
        list[str] | None, typer.Argument(metavar="WORD", help="Words to find.", show_default=False)
    ] = None,
    image: Annotated[
        list[Path] | None,
        typer.Option(metavar="PICTURE", help="Find what this picture shows; with several, what they have in common."),
    ] = None,
    clip: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="AUDIO",
            help="Find the word that this clip holds; several are examples of one word. A folder: each clip's name is "
            "a query (mbwa.wav, mbwa-2.wav).",
        ),
    ] = None,
    not_clip: Annotated[
        list[Path] | None, typer.Option("--not", metavar="AUDIO", help="With --clip: an example of what is not meant.")
    ] = None,
    clips_from: Annotated[
        Path | None,
        typer.Option(
            metavar="DOCUMENT",
            help="Find the words that are written in a tier of this .eaf or .TextGrid (--tier), all or those that are "
            "named: their annotations are the clips.",
        ),
    ] = None,
    lexicon: Annotated[
        bool,
        typer.Option(
            "--lexicon",
            help="Find all words of the lexicon. Hits are stored: a search that was stopped goes on.",
        ),
    ] = False,
    by_example: Annotated[
        list[str] | None, typer.Option(metavar="POSITION", help="Find what sounds like this position: 12:1:345.20.")
    ] = None,
    queries: Annotated[Path | None, typer.Option(help="File with words to find, one a line.")] = None,
    top: Annotated[int, typer.Option(min=1, max=MOST_HITS, help="Hits to show for each query.")] = 50,
    min_score: Annotated[float | None, typer.Option(min=0, max=1, help="Show hits from this score on.")] = None,
    fa_per_hour: Annotated[
        float | None, typer.Option(help="Show hits from the score on that has about so many false alarms an hour.")
    ] = None,
    folder: Annotated[str, typer.Option(help="Only recordings in this folder and below.")] = "",
    speaker: Annotated[str, typer.Option(help="Only recordings of this speaker.")] = "",
    date: Annotated[str, typer.Option(help="Only recordings whose date begins so, such as 2019-04.")] = "",
    language: Annotated[str, typer.Option(help="Only recordings in this language.")] = "",
    within: Within = None,
    outside: Outside = None,
    tier: Tiers = None,
    as_json: AsJson = False,
) -> None:
    """Search an archive for words, for what pictures show, for clips of a word, or for what is like a position."""
    from earmark.archive.annotated_time import AnnotationLimit
    from earmark.archive.archive import Position, open_archive
    from earmark.archive.results import Filters
    from earmark.archive.search import SearchOptions
    from earmark.archive.search import search as search_archive
    from earmark.archive.spoken_lists import spoken_queries

    opened = open_archive(archive)
    annotated = AnnotationLimit(within or (), outside or (), () if clips_from else tier or ()).read(opened)
    limits = SearchOptions(top, min_score, fa_per_hour, Filters(folder, speaker, date, language), *annotated)
    all_queries: list[str | ImageQuery | SpokenQuery | Position] = [
        *(() if clips_from else words or []),
        *(_listed(queries) if queries else []),
    ]
    if image:
        from earmark.core.types import ImageQuery

        all_queries.append(ImageQuery.of(*image))
    all_queries += spoken_queries(clip or (), not_clip or ())
    all_queries += [Position.read(position) for position in by_example or []]
    found = _hits_of_lexicon(opened, limits) if lexicon else []
    if clips_from:
        found += _hits_of_tier(opened, clips_from, tier or [], words or [], limits)
    if not all_queries and not lexicon and not clips_from:
        raise EarmarkError(
            "Say what to find: a word, a picture with --image, a clip with --clip, a position with --by-example, all "
            "words of the lexicon with --lexicon, or --queries."
        )
    found += [one for query in all_queries for one in search_archive(opened, query, limits)]
    if as_json:
        print_json([one.to_json() for one in found])
    else:
        _print_found(found, opened)
        for query in all_queries:
            if isinstance(query, str):
                _print_threshold(opened, query, limits)


def _print_threshold(archive: Archive, word: str, limits: SearchOptions) -> None:
    from earmark.archive.search import resolve_word
    from earmark.archive.word_threshold import word_threshold

    threshold = word_threshold(archive, resolve_word(archive, word), limits)
    if threshold is not None:
        print(f"{word}: {threshold}")


def _hits_of_tier(
    archive: Archive, document: Path, tiers: list[str], words: list[str], limits: SearchOptions
) -> list[ArchiveHit]:
    """The hits of the words of a tier."""
    import tempfile

    from earmark.archive.search import search
    from earmark.archive.tier_queries import queries_of_tier

    with tempfile.TemporaryDirectory() as folder:
        queries = queries_of_tier(document, tiers, Path(folder), words)
        return [hit for query in queries for hit in search(archive, query, limits)]


def _hits_of_lexicon(archive: Archive, limits: SearchOptions) -> list[ArchiveHit]:
    """The best hits of every word of the lexicon."""
    from earmark.archive.lexicon import lexicon
    from earmark.archive.search import SearchOptions
    from earmark.archive.search_lexicon import search_lexicon

    if limits != SearchOptions(limits.top, limits.min_score):
        raise EarmarkError("All words of the lexicon are searched for everywhere: filter one word at a time.")
    words = lexicon(archive)
    if not any(word.has_example for word in words):
        raise EarmarkError(f"The lexicon of {archive.folder} has no word with an example: see 'earmark lexicon add'.")
    found = search_lexicon(archive)
    return [hit for one in found for hit in one.hits[: limits.top] if hit.hit.score >= (limits.min_score or 0.0)]


def _listed(path: Path) -> list[str]:
    """Words of a file, one a line; of two columns, the first."""
    from earmark.archive.query_aliases import read_words

    return read_words(path)


def _print_found(found: list[ArchiveHit], archive: Archive) -> None:
    from earmark.archive.results import note_on_hits

    rows = [
        (
            *(one.hit.query, f"{one.hit.score:.3f}", f"{one.hit.start_s:.2f} s", f"{one.hit.end_s:.2f} s"),
            *(str(one.position), one.hit.recording, one.verdict or ""),
        )
        for one in found
    ]
    columns = ("query", "score", "start", "end", "position", "recording", "verdict")
    print_table(columns, rows, essential=4)
    print(f"These are candidates, not facts: listen to them. {note_on_hits(archive)}".rstrip())


@verbs.command()
def info(archive: ArchiveFolder, as_json: AsJson = False) -> None:
    """List an archive's files and count its contents."""
    from earmark.archive.archive import open_archive
    from earmark.archive.contents import info as archive_info

    found = archive_info(open_archive(archive))
    if as_json:
        print_json(found)
    else:
        _print_info(found)


def _print_info(found: dict[str, Any]) -> None:
    for name, size in found["files"].items():
        print(f"{size / 1e6:10.1f} MB  {found['folder']}/{name}")
    if found["database"]:
        print(f"The tables are in the database {found['database']}.")
    recordings = ", ".join(f"{count} {status}" for status, count in found["recordings"].items())
    print(f"{found['hours']:.1f} hours in {sum(found['recordings'].values())} recordings ({recordings or 'none'}),")
    print(f"{found['windows']} windows, {found['postings']} postings, {found['judgements']} judgements.")
    also = " and the tables in the database" if found["database"] else ""
    print(f"Deleting the folder{also} deletes everything; nothing else was written.")


@verbs.command()
def serve(
    archive: Annotated[Path, typer.Argument(metavar="ARCHIVE", help="A folder that 'earmark index' made.")],
    port: PortOption = 8765,
    host: HostOption = "127.0.0.1",
    token: TokenOption = None,
    open_page: OpenOption = False,
    judge: Annotated[str, typer.Option("--as", metavar="NAME", help="Who judges; the page can say someone else.")] = "",
) -> None:
    """Search and judge on a page of this machine. Nothing leaves it."""
    from earmark.web.server import serve as run

    run(archive, host, port, token, announcement(f"The archive {archive}", open_page), judge)
    print("Stopped. All judgements are kept.")


@verbs.command()
def export(
    archive: ArchiveFolder,
    form: Annotated[str, typer.Option("--format", metavar="NAME", help=f"{FORMATS}, or of an installed package.")],
    out: Annotated[Path, typer.Option(help="Folder for the files. New tiers go into the .eaf files that it holds.")],
    accepted_only: Annotated[
        bool, typer.Option("--accepted-only", help="Only what somebody accepted; no candidates.")
    ] = False,
    query: Annotated[
        list[str] | None,
        typer.Option(metavar="WORD", help="Take this word's hits; may be repeated. Else all words that were judged."),
    ] = None,
    top: Annotated[
        int, typer.Option(min=1, max=MOST_HITS, help="Candidates of each word that nobody has judged.")
    ] = 50,
) -> None:
    """Export judged hits and the best candidates. Existing files are backed up as .bak."""
    from earmark.archive.archive import open_archive
    from earmark.archive.collection import collect
    from earmark.archive.export import exporter

    export_format = exporter(form)
    taken = collect(open_archive(archive), query or (), top, accepted_only)
    written = export_format.write(taken, out)
    hits = [marked for recording in taken.recordings for marked in recording.hits]
    unjudged = sum(marked.verdict is None for marked in hits)
    accepted = sum(marked.verdict == "yes" for marked in hits)
    print(f"Accepted hits: {accepted}. Candidates: {unjudged}. Recordings: {len(taken.recordings)}.")
    print(f"{len(written)} files are in {out}.")
