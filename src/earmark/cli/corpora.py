"""Preparing a corpus."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperGroup

if TYPE_CHECKING:
    from earmark.corpus import Corpus

SPLIT_USES = {  # what an empty split prevents
    "train": "no model can be trained on this corpus",
    "dev": "training can't choose its best epoch, so it does not begin",
    "test": "'earmark evaluate' needs --split dev",
}


class _Corpora(TyperGroup):
    """The importers found in ``earmark/corpora``, as commands; each is imported when it is asked for."""

    def list_commands(self, ctx: Any) -> list[str]:
        from earmark import corpora

        return [name.replace("_", "-") for name in corpora.names()]

    def get_command(self, ctx: Any, name: str) -> Any:
        from earmark import corpora

        module_name = name.replace("-", "_")
        if module_name not in corpora.names():
            return None
        module = corpora.importer(module_name)
        single = typer.Typer(add_completion=False, rich_markup_mode=None)
        single.command(name, help=(module.__doc__ or "").split("\n\n")[0])(_importing(module.prepare))
        return typer.main.get_command(single)


def _importing(prepare: Callable[..., Corpus]) -> Callable[..., None]:
    @functools.wraps(prepare)
    def verb(*args: Any, **options: Any) -> None:
        corpus = prepare(*args, **options)
        for split, use in SPLIT_USES.items():
            utterances = corpus.utterances(split) if split in corpus.splits() else []
            minutes = sum(utterance.duration_s for utterance in utterances) / 60
            without = "" if utterances else f"  (without them, {use})"
            print(f"{split:>6}  {len(utterances):6} utterances  {minutes:8.1f} minutes{without}")
        print(f"The corpus is in {corpus.folder}.")

    return verb


verbs = typer.Typer()
verbs.add_typer(typer.Typer(cls=_Corpora, help="Prepare a corpus.", no_args_is_help=True), name="corpus")
