"""The pages' strings: every language has all of them, in the forms that it needs, and the pages have no others."""

from __future__ import annotations

import ast
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from earmark.web.catalogues import FOLDER, page_languages

STATIC = FOLDER.parent
MODULES = sorted(STATIC.rglob("*.js"))
PAGES = sorted(STATIC.rglob("*.html"))
CATALOGUES: dict[str, dict[str, Any]] = {
    path.stem: json.loads(path.read_text("utf-8")) for path in sorted(FOLDER.glob("*.json"))
}
# Plural forms of cardinal numbers by the Unicode CLDR, without the "many" of French, Spanish and Portuguese, which is
# for millions.
PLURALS = {
    "ar": {"zero", "one", "two", "few", "many", "other"},
    "id": {"other"},
    "zh": {"other"},
    **{code: {"one", "other"} for code in ("en", "es", "fr", "pt", "sw")},
}
# Keys that a module puts together: t(`step.${name}`).
COMPOSED = re.compile(r"\bt\(`([\w.]*\.)\$\{")
USED = re.compile(r"""\bt\("([^"]+)\"""")
CHOSEN = re.compile(r"""\bt\((?=[^"`)]*\?)([^;{]*?)\)""")  # t(whole ? "one.key" : "another.key")
NAMED = re.compile(r"""\bdata-i18n(?:-\w+)?="([^"]+)\"""")  # of a page
COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)


def placeholders(value: str | dict[str, str]) -> set[str]:
    texts = [value] if isinstance(value, str) else value.values()
    return {name for text in texts for name in re.findall(r"\{(\w+)\}", text)}


def source(path: Path) -> str:
    """A module without its comments."""
    return COMMENT.sub("", path.read_text("utf-8"))


def test_the_languages_are_the_files() -> None:
    assert {language.code for language in page_languages()} == set(CATALOGUES) == set(PLURALS)
    assert [language.code for language in page_languages() if language.direction == "rtl"] == ["ar"]


@pytest.mark.parametrize("code", CATALOGUES)
def test_every_language_has_every_string(code: str) -> None:
    strings, english = CATALOGUES[code], CATALOGUES["en"]
    assert set(english) - set(strings) == set(), "not translated"
    assert set(strings) - set(english) == set(), "not in English"
    assert list(strings) == sorted(strings)
    for key, value in strings.items():
        assert type(value) is type(english[key]), key
        assert placeholders(value) == placeholders(english[key]), key
        if isinstance(value, dict):
            assert set(value) == PLURALS[code], key
        assert all(text.strip() for text in ([value] if isinstance(value, str) else value.values())), key


@pytest.mark.parametrize("code", [code for code in CATALOGUES if code != "en"])
def test_a_translation_is_no_copy(code: str) -> None:
    """Words that two languages share are short; a whole English sentence in another catalogue is a forgotten one."""
    for key, english in CATALOGUES["en"].items():
        if isinstance(english, str) and len(english.split()) > 2:
            assert CATALOGUES[code][key] != english, key


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_modules_use_strings_that_there_are(path: Path) -> None:
    text = source(path)
    chosen = [key for choice in CHOSEN.findall(text) for key in re.findall('"([^"]+)"', choice)]
    assert {key for key in (*USED.findall(text), *chosen) if key not in CATALOGUES["en"]} == set()
    for beginning in COMPOSED.findall(text):
        assert any(key.startswith(beginning) for key in CATALOGUES["en"]), beginning


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_pages_name_strings_that_there_are(path: Path) -> None:
    assert set(NAMED.findall(path.read_text("utf-8"))) - set(CATALOGUES["en"]) == set()


def test_every_string_is_used() -> None:
    text = "\n".join([*map(source, MODULES), *(path.read_text("utf-8") for path in PAGES)])
    beginnings = tuple(COMPOSED.findall(text))
    unused = {
        key
        for key in CATALOGUES["en"]
        if f'"{key}"' not in text and not key.startswith((*beginnings, "language.")) and f"`{key}`" not in text
    }
    assert unused == set()


# A literal that people read: letters with a space between them, beginning like a sentence.
SENTENCE = re.compile(r"""(["'`])([A-Z][a-z]+(?:[ ,][^"'`$]*)?)\1""")
NO_TEXT = re.compile(r"^(Accept|Content-Type|X-[\w-]+|[A-Z]\w*)$")


def literals(text: str) -> list[str]:
    return [found for _, found in SENTENCE.findall(text) if not NO_TEXT.match(found)]


def test_a_literal_is_recognised() -> None:
    assert literals('make("p", {}, "All is well.")') == ["All is well."]
    assert literals('event.key === "ArrowLeft" || t("step.start")') == []


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_modules_hold_no_text_of_their_own(path: Path) -> None:
    assert literals(source(path)) == []


class TextOfPage(HTMLParser):
    """What a page shows before its catalogue is read."""

    def __init__(self) -> None:
        super().__init__()
        self.shown: list[str] = []
        self.hidden = 0

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.hidden += tag in ("title", "kbd")
        self.shown += [
            value or "" for name, value in attributes if name in ("aria-label", "title", "placeholder", "alt")
        ]

    def handle_endtag(self, tag: str) -> None:
        self.hidden -= tag in ("title", "kbd")

    def handle_data(self, data: str) -> None:
        if not self.hidden:
            self.shown.append(data)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_pages_hold_no_text_of_their_own(path: Path) -> None:
    page = TextOfPage()
    page.feed(path.read_text("utf-8"))
    assert {text.strip() for text in page.shown} <= {"", "Earmark"}


def codes_of_errors(program: str) -> set[str]:
    """Codes that the calls of a module give to errors."""
    calls = [node for node in ast.walk(ast.parse(program)) if isinstance(node, ast.Call)]
    given = [keyword.value for call in calls for keyword in call.keywords if keyword.arg == "code"]
    given += [call.args[2] for call in calls if ast.unparse(call.func) in ("RefusedError", "body_of") and call.args[2:]]
    return {node.value for node in given if isinstance(node, ast.Constant) and node.value}


def test_codes_of_errors_are_found() -> None:
    assert codes_of_errors('EarmarkError("No.", code="no")\nRefusedError(404, "Gone.", "gone")') == {"no", "gone"}


def test_errors_and_their_translations_belong_together() -> None:
    programs = [path.read_text("utf-8") for path in FOLDER.parents[2].rglob("*.py")]
    translated = {key.removeprefix("error.") for key in CATALOGUES["en"] if key.startswith("error.")}
    assert set().union(*map(codes_of_errors, programs)) - translated == set(), "not translated"
    everything = "\n".join(programs)
    assert {code for code in translated if f'"{code}"' not in everything} == set(), "never raised"
