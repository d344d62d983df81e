"""Reading recipes, those of Earmark and anybody's, and saying what is wrong with one."""

from __future__ import annotations

import difflib
import reprlib
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from earmark.core import registry
from earmark.core.errors import EarmarkError
from earmark.core.vocabulary import read_text
from earmark.core.yaml_text import to_yaml
from earmark.recipe import schema
from earmark.recipe.schema import FeatureSettings, Recipe, Strict


def shipped_recipes() -> Path:
    """Folder of the recipes that come with Earmark."""
    package = Path(__file__).parents[1]
    installed = package / "recipes"
    return installed if installed.is_dir() else package.parents[1] / "recipes"


def list_recipes() -> list[str]:
    """Names of the recipes that come with Earmark, which describe models and their training."""
    folder = shipped_recipes()
    return sorted(path.relative_to(folder).with_suffix("").as_posix() for path in folder.rglob("*.yaml"))


def read_recipe(path: Path | str, changes: list[str] | None = None) -> Recipe:
    """Read a recipe and check it.

    Parameters
    ----------
    path : path
        A YAML file, or the name of a recipe that comes with Earmark (``earmark``, ``olaleye2022/psc``).
    changes : list of str
        Values to set instead of the file's, each ``key=value`` with dots between levels
        (``training.epochs=5``).

    Raises
    ------
    EarmarkError
        If there is no such recipe; or naming the key that is misspelled, missing or has a value that can't be.
    """
    path = Path(path)
    shipped = shipped_recipes() / f"{path}.yaml"
    if not path.is_file() and shipped.is_file():
        path = shipped
    if not path.is_file():
        raise EarmarkError(
            f"There is no recipe {path}: give a file, or one that comes with Earmark ({', '.join(list_recipes())})."
        )
    values = _read_mapping(path)
    for change in changes or []:
        _set(values, change)
    try:
        return Recipe.model_validate(values)
    except ValidationError as error:
        raise EarmarkError(f"{path}: {_first_problem(error)}") from None


def feature_settings(text: str) -> FeatureSettings:
    """Settings of features as a command names them: a kind, or ``kind:size`` for a kind that has sizes.

    Raises
    ------
    EarmarkError
        If there is no such kind, or it has no such size.
    """
    kind, colon, size = text.partition(":")
    if kind not in registry.kinds(registry.FEATURES):
        raise EarmarkError(
            f"There are no features of the kind {kind!r}: choose from {', '.join(registry.kinds(registry.FEATURES))}."
        )
    values = {"size": size} if colon else {}
    try:
        settings: FeatureSettings = registry.module_of(registry.FEATURES, kind).Settings(**values)
        return settings
    except ValidationError as error:
        raise EarmarkError(f"Features {text!r} can't be had: {_first_problem(error)}") from None


def write_recipe(recipe: Recipe) -> str:
    """The recipe as YAML with every value written out."""
    return to_yaml(recipe.model_dump())


def _read_mapping(path: Path) -> dict[str, Any]:
    try:
        values = yaml.safe_load(read_text(path))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" (line {mark.line + 1})" if mark else ""
        raise EarmarkError(f"{path} is not valid YAML{where}: mend that line.") from None
    except ValueError as error:  # such as a 13th month in what looks like a date
        raise EarmarkError(f"{path} holds a value that YAML can't read ({error}): put it in quotes.") from None
    if not isinstance(values, dict):
        raise EarmarkError(f"{path} is not a recipe: it must hold keys with values, like recipes/earmark.yaml.")
    return values


def _set(values: dict[str, Any], change: str) -> None:
    key, equals, text = change.partition("=")
    if not equals:
        raise EarmarkError(f"--set takes key=value, not {change!r}.")
    *parents, last = key.strip().split(".")
    for parent in parents:
        values = values.setdefault(parent, {})
        if not isinstance(values, dict):
            raise EarmarkError(f"--set {change}: {parent!r} has no keys below it.")
    try:
        value = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError):
        raise EarmarkError(f"--set {change}: {text!r} is no value that YAML knows; put it in quotes.") from None
    if last == "kind" and values.get(last, value) != value:
        values.clear()  # the other keys are those of the old kind
    values[last] = value


def _first_problem(error: ValidationError) -> str:
    """What is wrong with a recipe, in words. A misspelled key comes first: it often makes another one missing."""
    problems = error.errors(include_url=False)
    problem = next((p for p in problems if p["type"] in UNKNOWN_KEY), problems[0])
    key, given, kind = _key(problem), problem["input"], problem["type"]
    if kind in UNKNOWN_KEY:
        name = str(problem["loc"][-1])  # which may be one that belongs elsewhere
        near = [] if name in known_keys() else difflib.get_close_matches(name, sorted(known_keys()), 1)
        return f"there is no key {key!r}" + (f"; did you mean {near[0]!r}?" if near else ": remove it.")
    if kind in ("missing", "union_tag_not_found"):
        return f"the key {key!r} is missing: add it."
    if kind == "value_error":
        return (f"in {key!r} " if key else "") + f"{problem['msg'].removeprefix('Value error, ')}."
    if kind == "union_tag_invalid":
        return f"the key {key!r} can't be {problem['ctx']['tag']!r}: it should be {problem['ctx']['expected_tags']}."
    if kind in ("model_type", "model_attributes_type"):
        return f"the key {key!r} can't be {given!r}: it should hold keys with values."
    # A key that may hold one of several kinds of value has a complaint for each.
    wanted = [p["msg"].partition(" should ")[2] for p in problems if _key(p) == key]
    return f"the key {key!r} can't be {reprlib.repr(given)}: it should {', or '.join(wanted)}."


def _key(problem: ErrorDetails) -> str:
    """The key that a problem is about, with dots between levels. Names of alternatives are left out.

    Empty where parts of the recipe, each right in itself, don't fit one another.
    """
    if not problem["loc"]:
        return ""
    *parents, last = problem["loc"]
    place = [part for part in parents if isinstance(part, int) or part in known_keys()]
    if isinstance(last, int) or last in known_keys() or problem["type"] in UNKNOWN_KEY:
        place.append(last)
    if problem["type"].startswith("union_tag"):
        place.append("kind")
    return ".".join(str(part) for part in place)


UNKNOWN_KEY = ("extra_forbidden", "invalid_key")  # pydantic's names for a key it doesn't know, or that is no text


@cache
def known_keys() -> frozenset[str]:
    """Every key that some part of a recipe can have."""
    parts = [part for part in vars(schema).values() if isinstance(part, type) and issubclass(part, Strict)]
    packages = (registry.FEATURES, registry.SPEECH_ENCODERS, registry.IMAGE_ENCODERS)
    parts += [registry.module_of(package, kind).Settings for package in packages for kind in registry.kinds(package)]
    return frozenset(name for part in parts for name in part.model_fields)


registry.on_register(known_keys.cache_clear)
