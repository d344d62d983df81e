"""Commands for the lexicon of an archive: add, list, remove, export and import."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from earmark.cli.console import print_json, print_table
from earmark.cli.options import AsJson

if TYPE_CHECKING:
    from earmark.archive.lexicon import LexiconWord

verbs = typer.Typer()
lexicon = typer.Typer(
    help="Words of an archive with their spoken examples, searched all at once.", no_args_is_help=True
)
verbs.add_typer(lexicon, name="lexicon")

ArchiveFolder = Annotated[Path, typer.Argument(metavar="ARCHIVE", help="A folder that 'earmark index' made.")]
Word = Annotated[str, typer.Argument(metavar="WORD", help="The word, or one of its spellings.")]


@lexicon.command()
def add(
    archive: ArchiveFolder,
    word: Word,
    clip: Annotated[list[Path] | None, typer.Option(metavar="AUDIO", help="A clip of the word; in any voice.")] = None,
    not_clip: Annotated[
        list[Path] | None, typer.Option("--not", metavar="AUDIO", help="A clip of what is not meant.")
    ] = None,
    spelling: Annotated[list[str] | None, typer.Option(help="Another spelling.")] = None,
    picture: Annotated[list[Path] | None, typer.Option(metavar="PICTURE", help="A picture of it.")] = None,
    notes: Annotated[str | None, typer.Option(help="Notes, in place of the earlier ones.")] = None,
    judged_as: Annotated[
        str | None,
        typer.Option(
            metavar="QUERY", help="Hits that were judged under this query, such as clip:1f9c..., become the word's own."
        ),
    ] = None,
) -> None:
    """Add a word, or add examples and spellings to one. Hits that you accept are examples, too."""
    from earmark.archive.archive import open_archive
    from earmark.archive.lexicon import add_word

    parts = (clip or (), not_clip or (), spelling or (), picture or ())
    print(_in_words(add_word(open_archive(archive), word, *parts, notes, judged_as)))


@lexicon.command("list")
def list_words(archive: ArchiveFolder, as_json: AsJson = False) -> None:
    """List the words of the lexicon."""
    from earmark.archive.archive import open_archive
    from earmark.archive.lexicon import lexicon as read_lexicon

    words = read_lexicon(open_archive(archive))
    if as_json:
        print_json([_to_json(word) for word in words])
        return
    rows = [
        (word.word, str(len(word.clips)), str(len(word.accepted)), ", ".join(word.spellings), word.notes.split("\n")[0])
        for word in words
    ]
    print_table(("word", "clips", "accepted hits", "spellings", "notes"), rows, essential=3)


@lexicon.command()
def remove(
    archive: ArchiveFolder,
    word: Word,
    file: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only this clip or picture, as it was called.")
    ] = None,
) -> None:
    """Remove a word with its clips and pictures. Judgements of its hits stay."""
    from earmark.archive.archive import open_archive
    from earmark.archive.lexicon import get_word, remove_file, remove_word

    opened = open_archive(archive)
    if file is None:
        remove_word(opened, word)
        print(f"{word} is no longer in the lexicon.")
    else:
        remove_file(opened, word, file)
        print(_in_words(get_word(opened, word)))


@lexicon.command()
def export(
    archive: ArchiveFolder, out: Annotated[Path, typer.Argument(metavar="FILE", help="New file, such as words.zip.")]
) -> None:
    """Write the lexicon with all clips and pictures into one file, to share it."""
    from earmark.archive.archive import open_archive
    from earmark.archive.lexicon_file import export_lexicon

    count = export_lexicon(open_archive(archive), out)
    print(f"{count} words are in {out}, with the voices of their speakers: share it with people they would agree to.")


@lexicon.command("import")
def import_words(
    archive: ArchiveFolder,
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="As 'lexicon export' wrote it; or an .eaf or a .TextGrid, with --tier."),
    ],
    tier: Annotated[
        list[str] | None,
        typer.Option(help="Tier of the document, by name or linguistic type: its words come with their annotations."),
    ] = None,
) -> None:
    """Add the words of a shared lexicon, or of a tier of annotations. Nothing that is there is replaced."""
    from earmark.archive.archive import open_archive
    from earmark.archive.lexicon_file import import_lexicon, import_tier

    opened = open_archive(archive)
    is_document = file.suffix.lower() in (".eaf", ".textgrid")
    imported = import_tier(opened, file, tier or []) if is_document else import_lexicon(opened, file)
    print(f"Words: {imported.words}, of which {imported.new} are new.")


def _in_words(word: LexiconWord) -> str:
    others = f" ({', '.join(word.spellings)})" if word.spellings else ""
    counts = f"clips {len(word.clips)}, of what is not meant {len(word.not_clips)}, accepted hits {len(word.accepted)}"
    return f"{word.word}{others}: {counts}, pictures {len(word.pictures)}."


def _to_json(word: LexiconWord) -> dict[str, object]:
    return {
        "word": word.word,
        "spellings": list(word.spellings),
        "notes": word.notes,
        "clips": [one.origin for one in word.clips],
        "not_clips": [one.origin for one in word.not_clips],
        "pictures": [one.origin for one in word.pictures],
        "accepted": [str(one.position) for one in word.accepted],
    }
