"""The command line: one verb a function, one file a group of verbs.

Each file here offers `verbs`, a `typer.Typer`. A new file is named in `GROUPS`, which is the order of the help.
Heavy imports are inside the verb, so that help comes at once.
"""

from __future__ import annotations

import errno
import os
import sys
from typing import Any

import typer
from typer.core import TyperGroup

from earmark.cli import archive, data, evaluate, find, judgements, lexicon, studio, system, teach, train
from earmark.cli.console import show_messages
from earmark.core.errors import EarmarkError

GROUPS = (data, train, evaluate, find, archive, lexicon, judgements, teach, studio, system)
LITTLE = 1 << 20  # bytes: with less a disk counts as full
STOPPED = 130  # what a shell expects of a program that Ctrl-C ended
FULL = "The disk is full{}: make room and run the same command again; what was finished is kept."
FORBIDDEN = "Writing or reading is not allowed{}: choose another folder, or mend its permissions."
IN_THE_WAY = "A file stands where a folder is needed, or a folder where a file is{}: choose another name."
REFUSED = "{} can't be used ({}): check its name and its disk, or choose another."
DISK_PROBLEMS = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT), FULL),
    **dict.fromkeys((errno.EACCES, errno.EROFS, errno.EPERM), FORBIDDEN),
    **dict.fromkeys((errno.EEXIST, errno.ENOTDIR, errno.EISDIR), IN_THE_WAY),
}
GONE = "The folder that this was started in is gone: change to another one."


class _Verbs(TyperGroup):
    """All verbs. Typer would end a Ctrl-C without a word."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            again = " with --resume" if ctx.invoked_subcommand in ("train", "teach") else ""
            _fail(f"Stopped. Whole steps are kept: run the same command again{again}.", STOPPED)


app = typer.Typer(
    cls=_Verbs,
    help="Find where a word is spoken in recordings that nobody has transcribed.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for group in GROUPS:
    app.add_typer(group.verbs)


def main() -> None:
    """Run the command line; every problem that the user can mend is one sentence on standard error."""
    # Threads that wait for one another spin for a moment only: beside another busy program, they would take the time
    # that the awaited one needs (benchmarks/spinning.py). OpenMP reads this when torch is first imported.
    os.environ.setdefault("GOMP_SPINCOUNT", "5000")
    try:
        _require_working_folder()
        with show_messages():
            app()
    except EarmarkError as error:
        _fail(str(error))
    except BrokenPipeError:  # whoever read the output has left, as head does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        sentence = DISK_PROBLEMS.get(error.errno or 0)
        if sentence is not None:
            place = error.filename or (_full_temporary_folder() if sentence is FULL else "")
            _fail(sentence.format(f" ({place})" if place else ""))
        if not error.filename:
            raise
        _fail(REFUSED.format(error.filename, error.strerror))


def _require_working_folder() -> None:
    try:
        os.getcwd()
    except FileNotFoundError:
        raise EarmarkError(GONE) from None


def _full_temporary_folder() -> str:
    """The folder of temporary files, which TMPDIR names, if it is what is full; else an empty text."""
    import shutil
    import tempfile

    try:
        folder = tempfile.gettempdir()
    except FileNotFoundError:  # no folder takes even a small file
        return "that of temporary files: TMPDIR names another"
    return f"that of temporary files, {folder}: TMPDIR names another" if shutil.disk_usage(folder).free < LITTLE else ""


def _fail(sentence: str, status: int = 1) -> None:
    print(f"earmark: {sentence}", file=sys.stderr)
    sys.exit(status)
