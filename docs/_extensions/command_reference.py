"""The directive ``command-reference``: every command of the command line with its options, from the program itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer
from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective


class CommandReference(SphinxDirective):
    """Sections of all commands, in the order of the help."""

    def run(self) -> list[nodes.Node]:
        from earmark.cli import app

        program = typer.main.get_command(app)
        holder = nodes.Element()
        self.state.nested_parse(StringList(list(self._commands("earmark", program))), 0, holder, match_titles=1)
        return holder.children

    def _commands(self, path: str, command: Any) -> Iterator[str]:
        context = typer.Context(command)  # corpora are commands that are found when they are listed
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            if hasattr(child, "list_commands"):
                yield from self._commands(f"{path} {name}", child)
            elif not child.hidden:
                yield from _section(f"{path} {name}", child)


def _section(path: str, command: Any) -> Iterator[str]:
    """Markdown of one command."""
    yield from (f"## {path}", "", command.help or "", "")
    arguments = [one for one in command.params if one.param_type_name == "argument"]
    options = [one for one in command.params if one.param_type_name == "option" and not one.hidden]
    usage = " ".join(_metavar(one) for one in arguments)
    yield from ("```sh", f"{path} {usage} [options]".replace("  ", " "), "```", "")
    for one in [*arguments, *options]:
        label = _metavar(one) if one in arguments else ", ".join([*one.opts, *one.secondary_opts])
        default = "" if one.default in (None, (), [], False) or one.required or callable(one.default) else one.default
        default = f" (default: `{default}`)" if default != "" else ""
        yield f"- `{label}`: {(getattr(one, 'help', None) or '').rstrip('.')}{default}."
    yield ""


def _metavar(argument: Any) -> str:
    name = (argument.metavar or argument.name).upper()
    name += "..." if argument.nargs == -1 else ""
    return name if argument.required else f"[{name}]"


def setup(app: Any) -> dict[str, bool]:
    app.add_directive("command-reference", CommandReference)
    return {"parallel_read_safe": True}
