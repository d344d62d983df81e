"""What several verbs have in common: arguments, options, and what they mean."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from earmark.cli.console import keep_notes_out_of_stdout
from earmark.core.errors import EarmarkError

if TYPE_CHECKING:
    from earmark.core.corpus import Corpus
    from earmark.core.vocabulary import Vocabulary

CorpusFolder = Annotated[Path, typer.Argument(help="A folder that 'earmark corpus' made.")]
CorpusOption = Annotated[Path, typer.Option("--corpus", help="A folder that 'earmark corpus' made.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.", callback=keep_notes_out_of_stdout)]
CostsOption = Annotated[
    str,
    typer.Option(
        "--costs",
        help="Of term-weighted values: nist, quesst2014, san2021, or cost of a miss, cost of a false alarm and prior, "
        "such as 1,0.1,0.0001.",
    ),
]
PortOption = Annotated[int, typer.Option("--port", min=0, max=65_535, help="0 for any that is free.")]
HostOption = Annotated[
    str, typer.Option("--host", help="Address to listen at. Beyond this machine, a token is needed.")
]
TokenOption = Annotated[
    str | None, typer.Option("--token", envvar="EARMARK_TOKEN", help="Whoever opens the page has to have it.")
]
OpenOption = Annotated[bool, typer.Option("--open/--no-open", help="Open the page in the browser.")]
MOST_HITS = 1_000_000  # of a query, which a database can count and memory can hold
Run = Annotated[Path, typer.Argument(help="A folder that 'earmark train' made.")]


def given(**options: Any) -> dict[str, Any]:
    """The options that were given."""
    return {name: value for name, value in options.items() if value is not None}


def keywords_of(corpus: Corpus, listed: Path | None) -> Vocabulary:
    """The keywords of a list, or else the corpus's own."""
    from earmark.core.vocabulary import Vocabulary, read_keywords

    if listed is not None:
        return read_keywords(listed)
    if not corpus.keywords:
        raise EarmarkError(f"The corpus {corpus.folder} has no keyword list of its own: give one with --keywords.")
    return Vocabulary(corpus.keywords)


def announcement(what: str, open_page: bool) -> Callable[[str], None]:
    """A function that prints at which address something is served, and opens it in the browser if it should."""
    import threading
    import webbrowser

    def started(address: str) -> None:
        print(f"{what} is at {address} (Ctrl-C stops it).", flush=True)
        if open_page:
            threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()

    return started
