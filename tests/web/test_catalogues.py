"""The studio's strings: every language has all of them, in the forms that it needs, and the modules have no others."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from earmark.web.catalogues import FOLDER, page_languages

STUDIO = FOLDER.parent
MODULES = sorted(STUDIO.rglob("*.js"))
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
    assert {key for key in USED.findall(text) if key not in CATALOGUES["en"]} == set()
    for beginning in COMPOSED.findall(text):
        assert any(key.startswith(beginning) for key in CATALOGUES["en"]), beginning


def test_every_string_is_used() -> None:
    text = "\n".join(map(source, MODULES))
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
