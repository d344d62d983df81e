"""How the code is laid out: a room imports only from floors below it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import earmark

PACKAGE = Path(earmark.__file__).parent
FLOORS = [
    ["core"],
    ["media", "recipe"],
    ["corpora", "features", "reports"],
    ["models", "supervision"],
    ["localisation"],
    ["archive", "evaluation", "training"],
    ["reproduce", "web"],
    ["cli"],
    ["__main__"],
]
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
FILES = sorted(PACKAGE.rglob("*.py"))


def room_of(path: Path) -> str:
    """The file or folder directly below the package that a file belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(path: Path) -> set[str]:
    """The project's own modules that a file names in its imports, wherever they stand in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: imports are written in full"
            found |= {node.module} | {f"{node.module}.{name.name}" for name in node.names}
    return {name for name in found if name.startswith("earmark.")}


def test_every_room_has_a_floor() -> None:
    assert {room_of(path) for path in FILES} - {"__init__"} == set(FLOOR)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_imports_go_downwards(path: Path) -> None:
    room = room_of(path)
    if room == "__init__":
        return
    for module in imported(path):
        other = module.split(".")[1]
        if other in FLOOR and other != room:
            assert FLOOR[other] < FLOOR[room], f"{path} imports {module}"


def modules_of(path: Path) -> set[Path]:
    """The project's files that a file imports when it is itself imported."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = set()
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("earmark"):
            names |= {node.module} | {f"{node.module}.{name.name}" for name in node.names}
    places = {PACKAGE.parent / name.replace(".", "/") for name in names}
    files = {place.with_suffix(".py") for place in places} | {place / "__init__.py" for place in places}
    return {file for file in files if file.is_file() and file != path}


def test_there_is_no_circle_of_imports() -> None:
    done: set[Path] = set()

    def visit(path: Path, above: tuple[Path, ...]) -> None:
        assert path not in above, " -> ".join(p.relative_to(PACKAGE).as_posix() for p in (*above, path))
        if path in done:
            return
        for other in modules_of(path):
            if other.name != "__init__.py" or other.parent not in path.parents:
                visit(other, (*above, path))
        done.add(path)

    for path in FILES:
        visit(path, ())
