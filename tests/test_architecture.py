"""The agreed architecture, as docs/architecture.md draws it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import earmark

PACKAGE = Path(earmark.__file__).parent
PAGE = Path(__file__).parents[1] / "docs" / "architecture.md"
TESTS = Path(__file__).parent
AT_THE_TOP = {"__init__", "__main__"}  # the only modules beside the packages


def layers() -> dict[str, int]:
    """Layer of each package, from the page."""
    found = re.search(r"```layers\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert found, f"{PAGE} has no layers"
    rows = [line.split() for line in found[1].splitlines()]
    return {package: int(number) for number, *packages in rows for package in packages}


LAYERS = layers()
FILES = sorted(PACKAGE.rglob("*.py"))
TEST_FILES = sorted(path for path in TESTS.rglob("*.py") if path.name != Path(__file__).name)

# Participles and figures of speech that say neither what a thing is nor of which type; the glossary has the terms.
DIALECT = set(
    re.findall(
        r"\w+",
        """
    asked ask hear heard told tell begun kept said sought seen look looks looked sight sights mosaic cuts course
    lesson lessons doubles strung dealt settled moment moments
""",
    )
)
FILE_PROTOCOL = {"tell"}  # what Python calls the position in a file
GENERATORS = {"Generator", "Random", "default_rng"}  # whose name is rng; chance is the level that a guess reaches


def package_of(path: Path) -> str:
    """The file or package directly below the package that a file belongs to."""
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


def test_the_packages_are_those_of_the_page() -> None:
    assert {path.stem for path in PACKAGE.glob("*.py")} == AT_THE_TOP
    assert {package_of(path) for path in FILES} - AT_THE_TOP == set(LAYERS)
    assert len(LAYERS) <= 16
    assert max(LAYERS.values()) <= 8


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_imports_go_downwards(path: Path) -> None:
    package = package_of(path)
    if package in AT_THE_TOP:
        return
    for module in imported(path):
        other = module.split(".")[1]
        if other != package:
            assert other in LAYERS, f"{path} imports {module}, which is not part of a package"
            assert LAYERS[other] < LAYERS[package], f"{path} imports {module}"


def test_only_the_command_line_knows_its_libraries() -> None:
    libraries = re.compile(r"^\s*(?:import|from) (?:typer|click)\b", re.MULTILINE)
    users = {package_of(path) for path in FILES if libraries.search(path.read_text(encoding="utf-8"))}
    assert users == {"cli"}


def test_a_page_of_arrows() -> None:
    arrows = {(package_of(path), module.split(".")[1]) for path in FILES for module in imported(path)}
    between = {(one, other) for one, other in arrows if one != other and {one, other} <= set(LAYERS)}
    assert len(between) <= 100


def modules_of(path: Path) -> set[Path]:
    """The project's files that a file imports: at its top, and of its own package anywhere.

    An import inside a function or for type checkers alone hides a circle within a package, so it counts there; imports
    of other packages are held to the layers.
    """
    own = f"earmark.{package_of(path)}."
    names = {name for name in imported(path) if name.startswith(own)}
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
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


def bound_names(tree: ast.AST) -> Iterator[tuple[str, ast.expr | None]]:
    """Every name that code defines, with its annotation, or the value of a plain assignment."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name, None
        elif isinstance(node, ast.arg):
            yield node.arg, node.annotation
        elif isinstance(node, ast.AnnAssign):
            yield from ((name, node.annotation) for name in stored(node.target))
        elif isinstance(node, ast.Assign):
            yield from ((name, node.value) for target in node.targets for name in stored(target))
        elif isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield from ((name, None) for name in stored(node))
        elif isinstance(node, ast.alias) and node.asname:
            yield node.asname, None


def stored(target: ast.expr) -> list[str]:
    return [node.id for node in ast.walk(target) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)] + [
        node.attr for node in ast.walk(target) if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
    ]


def parts(name: str) -> set[str]:
    """The words of an identifier in any case: ``KeptVectors``, ``kept_vectors`` and ``KEPT`` all have "kept"."""
    return {part.lower() for part in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)}


def in_dialect(source: str) -> set[str]:
    """The names that some code defines and that hold a word of the dialect."""
    found = set()
    for name, typed in bound_names(ast.parse(source)):
        words = parts(name)
        if words & DIALECT or ("chance" in words and typed is not None and is_generator(typed)):
            found.add(name)
    return found


def is_generator(typed: ast.AST) -> bool:
    return any(re.search(rf"\b{kind}\b", ast.unparse(typed)) for kind in GENERATORS)


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("class KeptVectors: pass", {"KeptVectors"}),
        ("def hear(asked, *, told=1, **said): pass", {"hear", "asked", "told", "said"}),
        ("async def ask(): pass", {"ask"}),
        ("SEEN = 1; a.heard = 2; (b, [looks, c]) = d", {"SEEN", "heard", "looks"}),
        ("begun: int = 0", {"begun"}),
        ("for moment in x: pass", {"moment"}),
        ("from a import b as kept", {"kept"}),
        ("x = [sight for sight in y]", {"sight"}),
        ("def f(chance: np.random.Generator, chance_level: float): pass", {"chance"}),
        ("chance = np.random.default_rng(0)", {"chance"}),
        ("chance = Random(0)", {"chance"}),
        ("chance: ChanceLevels = f()", set()),
        ("task = mask = lookup = keep = foretold = asked()", set()),
    ],
)
def test_the_dialect_is_recognised(source: str, names: set[str]) -> None:
    assert in_dialect(source) == names


@pytest.mark.parametrize("path", FILES + TEST_FILES, ids=lambda path: "/".join(path.parts[-3:]))
def test_names_are_the_glossarys(path: Path) -> None:
    assert in_dialect(path.read_text(encoding="utf-8")) - FILE_PROTOCOL == set()


def test_tests_stand_where_the_packages_do() -> None:
    folders = {path.name for path in TESTS.iterdir() if path.is_dir() and any(path.glob("*.py"))}
    assert folders <= {*LAYERS, "api", "docs", "support"}
    misplaced = list((TESTS / "support").rglob("test_*.py"))
    misplaced += [path for path in TEST_FILES if path.parent.name in LAYERS and not path.name.startswith("test_")]
    assert misplaced == []
