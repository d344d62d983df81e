"""What differs on Windows, imitated where the tests run: encodings, paths with drives, files that are in use."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterator
from pathlib import Path, PureWindowsPath
from typing import Any

import pytest

from earmark.archive.export import elan
from earmark.archive.export._files import file_names, safe
from earmark.core import files
from earmark.core.files import append_durably, replacing, write_durably
from earmark.corpora import table
from earmark.media.annotations.eaf_media import Medium
from earmark.web import recording_files

ROOT = Path(__file__).parents[1]
FILES = [path for folder in ("src", "benchmarks", "docs", "examples") for path in sorted((ROOT / folder).rglob("*.py"))]
POSIX_MODULES = {"fcntl", "grp", "posix", "pty", "pwd", "resource", "syslog", "termios", "tty"}
POSIX_NAMES = {
    *("O_DIRECTORY", "fork", "getpgid", "getuid", "geteuid", "getloadavg", "killpg", "mkfifo", "sched_getaffinity"),
    *("setsid", "statvfs", "uname", "SIGALRM", "SIGHUP", "SIGKILL", "SIGUSR1", "alarm", "preexec_fn"),
}
WITHOUT_MODE = {"gzip", "bz2", "lzma"}  # whose default is binary
NOT_OF_TEXT = {"av", "Image", "wave", "webbrowser", "zipfile", "tarfile", "zipped", "archive"}


def unnamed_encodings(source: str) -> list[int]:
    """Lines that open text without naming its encoding, which on Windows is that of the country."""
    return [node.lineno for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call) and _is_unnamed(node)]


def _is_unnamed(call: ast.Call) -> bool:
    owner, name = "", ""
    if isinstance(call.func, ast.Name):
        name = call.func.id
    elif isinstance(call.func, ast.Attribute):
        owner, name = ast.unparse(call.func.value), call.func.attr
    options = {keyword.arg: keyword.value for keyword in call.keywords}
    if "encoding" in options or None in options or owner in NOT_OF_TEXT or (owner, name) == ("os", "open"):
        return False
    if name in ("run", "Popen", "check_output", "check_call") and owner == "subprocess":
        return "text" in options or "universal_newlines" in options
    if name == "read_text":
        return owner != "" and not call.args
    if name == "write_text":  # one argument: the method; the project's own function takes a path and a text
        return owner != "" and len(call.args) == 1
    if name in ("open", "fdopen", "NamedTemporaryFile", "TemporaryFile"):
        is_function = not owner or owner in ("io", "os", "tempfile", *WITHOUT_MODE)
        place = 0 if not is_function or name.endswith("TemporaryFile") else 1
        mode = options.get("mode", call.args[place] if len(call.args) > place else None)
        default = "rb" if owner in WITHOUT_MODE or name.endswith("TemporaryFile") else "r"
        return "b" not in (ast.unparse(mode) if mode else default)
    return False


def test_text_is_opened_with_its_encoding() -> None:
    found = {path: unnamed_encodings(path.read_text(encoding="utf-8")) for path in FILES}
    assert {path: lines for path, lines in found.items() if lines} == {}


def test_text_without_an_encoding_is_found() -> None:
    wrong = (
        "open(p)",
        "open(p, 'w')",
        "p.open()",
        "p.open('a')",
        "p.read_text()",
        "p.write_text(t)",
        "gzip.open(p, 'rt')",
        "subprocess.run(c, text=True)",
        "os.fdopen(d, mode='w')",
        "tempfile.NamedTemporaryFile('w')",
    )
    right = (
        "open(p, 'rb')",
        "open(p, encoding='utf-8')",
        "p.open('wb')",
        "p.read_text(encoding='utf-8')",
        "write_text(p, t)",
        "gzip.open(p)",
        "subprocess.run(c)",
        "Image.open(p)",
        "tempfile.NamedTemporaryFile()",
        "subprocess.run(c, text=True, encoding='utf-8')",
    )
    assert [line for line in wrong if not unnamed_encodings(line)] == []
    assert [line for line in right if unnamed_encodings(line)] == []


def posix_only(source: str) -> Iterator[str]:
    """Modules and names of POSIX alone in functions (or a file's top) that do not look whether they are there."""
    tree = ast.parse(source)
    inside: dict[ast.AST, str] = {}
    for scope in ast.walk(tree):
        if isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef):
            inside |= dict.fromkeys(ast.walk(scope), ast.unparse(scope))
    for node in ast.walk(tree):
        names: set[str] = set()
        if isinstance(node, ast.Import):
            names = {alias.name for alias in node.names} & POSIX_MODULES
        elif isinstance(node, ast.ImportFrom):
            names = {node.module or ""} & POSIX_MODULES
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in ("os", "signal"):
            names = {node.attr} & POSIX_NAMES
        elif isinstance(node, ast.keyword):
            names = {node.arg or ""} & POSIX_NAMES
        if names and not re.search(r"hasattr|os\.name|sys\.platform", inside.get(node, "")):
            yield from names


def test_what_posix_alone_has_is_guarded() -> None:
    """In the package; some benchmarks measure what Windows has no call for."""
    source = [path for path in FILES if path.is_relative_to(ROOT / "src")]
    found = {path: list(posix_only(path.read_text(encoding="utf-8"))) for path in source}
    assert {path: names for path, names in found.items() if names} == {}


def test_what_posix_alone_has_is_found() -> None:
    assert list(posix_only("import fcntl")) == ["fcntl"]
    assert list(posix_only("def f():\n    return os.fork()")) == ["fork"]
    assert list(posix_only("def f():\n    return os.fork() if hasattr(os, 'fork') else 0")) == []


class TestFilesInUse:
    """Windows refuses to replace a file that a program has open."""

    @pytest.fixture
    def refusals(self, monkeypatch: pytest.MonkeyPatch) -> list[int]:
        """How often replacing is still refused; the waits are none."""
        left, replace = [0], os.replace

        def refuse(source: Any, target: Any) -> None:
            if left[0] > 0:
                left[0] -= 1
                raise PermissionError(13, "The process cannot access the file because it is being used", str(target))
            replace(source, target)

        monkeypatch.setattr(files, "ON_WINDOWS", True)
        monkeypatch.setattr(files.os, "replace", refuse)
        monkeypatch.setattr(files.time, "sleep", lambda seconds: None)
        return left

    def test_a_file_that_is_free_again_is_replaced(self, refusals: list[int], tmp_path: Path) -> None:
        refusals[0] = 3
        with replacing(f"{tmp_path}/notes.txt") as partial, open(partial, "w", encoding="utf-8") as file:
            file.write("new")
        assert (tmp_path / "notes.txt").read_text(encoding="utf-8") == "new"
        assert os.listdir(tmp_path) == ["notes.txt"]

    def test_one_that_stays_in_use_is_an_error_and_stays(self, refusals: list[int], tmp_path: Path) -> None:
        (tmp_path / "notes.txt").write_text("old", encoding="utf-8")
        refusals[0] = 1000
        with pytest.raises(PermissionError), replacing(f"{tmp_path}/notes.txt") as partial:
            partial.touch()
        assert (tmp_path / "notes.txt").read_text(encoding="utf-8") == "old"
        assert os.listdir(tmp_path) == ["notes.txt"]

    def test_elsewhere_a_refusal_is_final(self, refusals: list[int], tmp_path: Path, monkeypatch: Any) -> None:
        monkeypatch.setattr(files, "ON_WINDOWS", False)
        refusals[0] = 1
        with pytest.raises(PermissionError), replacing(tmp_path / "notes.txt") as partial:
            partial.touch()


def test_folders_that_cannot_be_flushed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "O_DIRECTORY", raising=False)
    write_durably(tmp_path / "a.json", b"{}")
    append_durably(tmp_path / "a.log", "ọmọ")
    assert (tmp_path / "a.log").read_bytes() == "ọmọ\n".encode()


def test_addresses_of_elan_have_the_drive() -> None:
    assert elan._url(PureWindowsPath("C:\\Field work\\ọmọ.wav")) == "file:///C:/Field work/ọmọ.wav"  # type: ignore[arg-type]
    assert elan._url(PureWindowsPath("\\\\server\\share\\a.wav")) == "file://server/share/a.wav"  # type: ignore[arg-type]


def test_media_are_recognised_by_the_names_in_windows_paths() -> None:
    assert Medium(("C:/Field work/Tape 1.WAV",)).is_called("tape 1.wav")


def test_labels_of_folders_leave_out_the_drive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording_files, "PurePath", PureWindowsPath)
    one, other = "C:\\field\\tapes", "D:\\field\\tapes"
    assert recording_files.folder_labels([one, "C:\\home"]) == {one: "tapes", "C:\\home": "home"}
    assert recording_files.folder_labels([one, "\\\\nas\\share\\tapes2"])[one] == "tapes"
    assert recording_files.folder_labels([one, other]) == {one: "field/tapes", other: "field/tapes"}
    assert recording_files.file_name("C:\\field\\a.wav") == "a.wav"
    labels = {one: "tapes"}
    assert recording_files.display_folder("C:\\field\\tapes\\2019\\a.wav", one, labels) == "tapes/2019"


def test_media_on_another_drive_have_a_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Any, start: Any) -> str:
        raise ValueError("path is on mount 'D:', start on mount 'C:'")

    monkeypatch.setattr(table.os.path, "relpath", refuse)
    assert table._key(Path("D:/pictures/a.jpg"), tmp_path) == "D:/pictures/a.jpg"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("con", "_con"),
        ("LPT1.wav", "_LPT1.wav"),
        ("12:1:345.20", "12_1_345.20"),
        ('what? "yes" <b>|*', "what_ _yes_ _b___"),
        ("ends with a dot. ", "ends with a dot"),
        ("a/b\\c", "a_b_c"),
        ("ọmọ", "ọmọ"),
    ],
)
def test_file_names_are_taken_by_windows(text: str, name: str) -> None:
    assert safe(text) == name
    assert not PureWindowsPath(safe(text)).is_reserved()


def test_names_that_differ_by_case_alone_are_two_files() -> None:
    names = file_names([Path("one/Tape.wav"), Path("two/tape.wav")])
    assert len({name.casefold() for name in names.values()}) == 2
