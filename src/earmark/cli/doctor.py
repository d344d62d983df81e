"""What works on this machine, a line each, and what to do where something does not."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from earmark.core.errors import EarmarkError

NEEDED_DISK_GIB = 2.0
# What importing, training, searching and the pages load, each where it is first used.
LIBRARIES = (
    "accelerate",
    "jinja2",
    "PIL.Image",
    "pydantic",
    "pympi.Praat",
    "rich.progress",
    "safetensors.torch",
    "soundfile",
    "soxr",
    "torch.utils.tensorboard.writer",
)
AUDIO_FORMATS = {"wav": "PCM_16", "flac": "PCM_16", "ogg": "VORBIS", "mp3": "MPEG_LAYER_III"}
CONTAINERS = {"m4a": ("ipod", "aac"), "mp4": ("mp4", "aac"), "webm": ("webm", "libopus")}
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "firefox", "microsoft-edge")


def check() -> bool:
    """Print a line for each thing that is checked; return whether all that is needed works."""
    works = [_line(test, "PROBLEM") for test in (_python, _libraries, _audio, _device, _disk, _writing)]
    for test in (_browser, _speaker, _features, _pretrained):  # one can do without these
        _line(test, "note")
    return all(works)


def _line(test: Callable[[], str], failing: str) -> bool:
    try:
        print(f"ok       {test()}")
    except EarmarkError as problem:
        print(f"{failing:8} {problem}")
        return False
    return True


def _python() -> str:
    import torch

    return f"Python {sys.version.split()[0]}, torch {torch.__version__}"


def _libraries() -> str:
    for name in LIBRARIES:
        try:
            importlib.import_module(name)
        except ImportError as error:
            raise EarmarkError(f"Libraries: {name} can't be loaded ({error}); install Earmark anew.") from error
    return f"libraries: all {len(LIBRARIES)} can be loaded"


def _audio() -> str:
    import av
    import soundfile

    from earmark.media.audio import read_span

    writers = dict.fromkeys(AUDIO_FORMATS, _write_plain) | dict.fromkeys(CONTAINERS, _write_container)
    broken = []
    with tempfile.TemporaryDirectory() as folder:
        for ending, write in writers.items():
            try:
                write(f"{folder}/sound.{ending}", ending)
                read_span(f"{folder}/sound.{ending}", 0.0, 1.0)
            except (soundfile.LibsndfileError, av.error.FFmpegError, ValueError, EarmarkError):
                broken.append(ending)
    if broken:
        raise EarmarkError(f"Audio: {', '.join(broken)} can't be read; upgrade with 'pip install -U soundfile av'.")
    return f"audio: {', '.join(writers)} can be read"


def _write_plain(path: str, ending: str) -> None:
    import numpy as np
    import soundfile

    soundfile.write(path, np.zeros(16_000, dtype=np.float32), 16_000, subtype=AUDIO_FORMATS[ending])


def _write_container(path: str, ending: str) -> None:
    import av
    import numpy as np

    form, codec = CONTAINERS[ending]
    with av.open(path, "w", format=form) as container:
        track: Any = container.add_stream(codec, rate=16_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 16_000), dtype=np.float32), format="fltp", layout="mono")
        frame.sample_rate = 16_000
        container.mux([*track.encode(frame), *track.encode(None)])


def _device() -> str:
    import os

    import torch

    if torch.cuda.is_available():
        return f"device: {torch.cuda.get_device_name()}"
    return f"device: CPU, {os.cpu_count()} cores (no GPU is needed)"


def _disk() -> str:
    free = shutil.disk_usage(Path.cwd()).free / 2**30
    if free < NEEDED_DISK_GIB:
        raise EarmarkError(f"Disk: {free:.1f} GiB free here; make room for at least {NEEDED_DISK_GIB:.0f} GiB.")
    return f"disk: {free:.0f} GiB free here"


def _writing() -> str:
    try:
        with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".earmark-") as folder:
            name = Path(folder) / "ọmọ – 水.txt"
            name.write_text("ọmọ", encoding="utf-8")
            name.read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        raise EarmarkError(f"Writing here fails ({error}); work in a folder of your own.") from error
    return "writing: this folder takes files with names in any script"


def _browser() -> str:
    found = next((name for name in BROWSERS if shutil.which(name)), None)
    if found is None and sys.platform.startswith("linux"):
        raise EarmarkError(
            "Pages: no browser was found on the path; copy a page to any machine with one and open it there."
        )
    return f"pages: {found or 'the system browser'} can open them"


def _speaker() -> str:
    if importlib.util.find_spec("espeakng_loader") is None:
        raise EarmarkError("Demo: the speaking program is missing; install it with 'pip install earmark[demo]'.")
    return "demo: the speaking program is there"


def _features() -> str:
    from earmark.features.efficientnet_lite import VARIANTS
    from earmark.features.kinds import moonshine, speech_embedding

    files = {f"moonshine {size}": file for size, file in moonshine.FILES.items()}
    files |= {"speech-embedding": speech_embedding.EMBEDDING} | {name: one.file for name, one in VARIANTS.items()}
    runs = importlib.util.find_spec("onnxruntime") is not None
    there = [name for name, file in files.items() if file.installed() and (runs or name in VARIANTS)]
    if len(there) < len(files) - 1:  # moonshine base is not built for every system
        missing = ", ".join(name for name in files if name not in there)
        raise EarmarkError(
            f"Features: the pretrained networks {missing} are missing; install them with "
            "'pip install earmark[features]', or use features of the kind mfcc."
        )
    return f"features: the pretrained networks {', '.join(there)} are there"


def _pretrained() -> str:
    try:
        version = importlib.metadata.version("transformers")
    except importlib.metadata.PackageNotFoundError:
        raise EarmarkError(
            "Pretrained networks: the library transformers is missing; where you want to see or hear by them, "
            "install it with 'pip install earmark[pretrained]'."
        ) from None
    return f"pretrained networks: transformers {version} is there"
