from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from earmark.core.files import replacing, write_text

KILLED_HALFWAY = """
import sys, time
from earmark.core.files import replacing
with replacing(sys.argv[1]) as partial, open(partial, "w") as file:
    file.write("half of the new")
    file.flush()
    print("halfway", flush=True)
    time.sleep(60)
"""


def test_a_file_takes_its_place_when_the_block_ends(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "notes.txt"
    with replacing(path) as partial:
        partial.write_text("new")
        assert partial.parent == path.parent  # on one file system, or the last step would not be one step
        assert partial.suffix == ".txt"
        assert not path.exists()
    assert path.read_text() == "new"
    assert os.listdir(path.parent) == ["notes.txt"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, OSError])
def test_the_old_file_stays_when_the_block_fails(tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("old")

    def write_half() -> None:
        with replacing(path) as partial:
            partial.write_text("half of the new")
            raise error

    with pytest.raises(error):
        write_half()
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["notes.txt"]


def test_the_old_file_stays_when_the_process_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("old")
    with subprocess.Popen(
        [sys.executable, "-c", KILLED_HALFWAY, str(path)], stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "halfway\n"
        writer.send_signal(signal.SIGKILL)
    assert path.read_text() == "old"
    write_text(path, "new")
    assert path.read_text() == "new"


def test_readers_never_see_half_a_file(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    texts = [letter * 1_000_000 for letter in "ab"]
    write_text(path, texts[0])
    writer = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys; from earmark.core.files import write_text\n"
            "for i in range(60): write_text(sys.argv[1], 'ba'[i % 2] * 1_000_000)",
            str(path),
        ]
    )
    contents = set()
    deadline = time.monotonic() + 60
    while writer.poll() is None and time.monotonic() < deadline:
        contents.add(path.read_text())
    assert writer.wait() == 0
    assert contents <= set(texts)


def test_text_is_utf_8_with_plain_line_ends(tmp_path: Path) -> None:
    write_text(tmp_path / "ọmọ.txt", "ọmọ\n犬\n")
    assert (tmp_path / "ọmọ.txt").read_bytes() == "ọmọ\n犬\n".encode()
