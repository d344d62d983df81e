"""Pretrained networks: found, checked and loaded with `transformers`; and the device they run on.

A network is a folder. Only ``hub:NAME`` may download one, into the cache of the Hugging Face hub, and only where the
caller allows it. Code that comes with a network is never run.
"""

from __future__ import annotations

import functools
import hashlib
import importlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from earmark.core.errors import EarmarkError
from earmark.core.files import sha256_of

HUB = "hub:"
# What describes a network, beside its weights; in a folder on the hub are copies in other formats that we don't need.
DESCRIPTIONS = ["*.json", "*.txt", "*.model"]
WEIGHTS = ("*.safetensors", "*.bin")


@dataclass(frozen=True)
class PretrainedNetwork:
    """A pretrained network on disk.

    Attributes
    ----------
    spec : str
        How it was named, made so that it holds from any folder.
    folder : Path
    sha256 : str
        Of its weights and description.
    """

    spec: str
    folder: Path
    sha256: str


def find(spec: str, download: bool = False) -> PretrainedNetwork:
    """The network that `spec` names; parameters and errors are those of :func:`local_folder`."""
    folder = local_folder(spec, download)
    lasting = spec if spec.startswith(HUB) else str(folder.absolute())
    return PretrainedNetwork(lasting, folder, fingerprint(folder))


def find_same(spec: str, sha256: str | None, otherwise: str, download: bool = False) -> PretrainedNetwork:
    """The network that `spec` names, of which it is made sure that it is the very one.

    Parameters
    ----------
    spec : str
    sha256 : str or None
        What it must have; None where any will do.
    otherwise : str
        The sentence for another network in its place.
    download : bool
        As for :func:`local_folder`.

    Raises
    ------
    EarmarkError
        If it is another one; or as :func:`local_folder`.
    """
    found = find(spec, download)
    if sha256 not in (None, found.sha256):
        raise EarmarkError(otherwise)
    return found


def local_folder(spec: str, download: bool) -> Path:
    """The folder of the network that `spec` names: itself a folder, or ``hub:NAME``.

    Parameters
    ----------
    spec : str
    download : bool
        Whether a network of the hub may be fetched; otherwise it must have been before.

    Raises
    ------
    EarmarkError
        If there is no such folder, or the network can't be had from the hub.
    """
    if spec.startswith(HUB):
        return _from_hub(spec.removeprefix(HUB), download)
    folder = Path(spec).expanduser()
    if not folder.is_dir():
        raise EarmarkError(
            f"There is no folder {spec} with a pretrained network: check its name, "
            f"or write {HUB}NAME for one that may be downloaded from the Hugging Face hub."
        )
    if not (folder / "config.json").is_file():
        raise EarmarkError(f"{spec} holds no pretrained network: it has no config.json.")
    return folder


def load(kind: str, folder: Path, **options: Any) -> Any:
    """Load one of transformers' Auto classes (`kind`, as ``AutoModel``) from a folder, never from the net.

    Raises
    ------
    EarmarkError
        If transformers is missing, or what is in the folder is damaged or of a kind it can't load.
    """
    automatic = getattr(_transformers(), kind)
    try:
        return automatic.from_pretrained(folder, local_files_only=True, trust_remote_code=False, **options)
    except Exception as error:  # what a damaged or foreign folder makes transformers stumble over is anything
        what = " ".join(str(error).split())[:200]
        raise EarmarkError(
            f"The network in {folder} can't be loaded ({kind}: {what}): give the folder of an undamaged network that "
            "transformers knows by itself."
        ) from error


def load_frozen(folder: Path, spare: str) -> tuple[Any, bool]:
    """The network in a folder, in single precision, ready for use and not to be trained; and whether it is whole.

    Parameters
    ----------
    folder : Path
    spare : str
        How the names of weights begin that may be missing, because one can do without what they are for.

    Raises
    ------
    EarmarkError
        If it can't be loaded, or other weights are missing or don't fit.
    """
    network, loading = load("AutoModel", folder, dtype=torch.float32, output_loading_info=True)
    missing = {name for name in loading["missing_keys"] if not name.startswith(spare)}
    if missing or loading["mismatched_keys"]:
        name = next(iter(missing), "") or str(next(iter(loading["mismatched_keys"]))[0])
        raise EarmarkError(f"The weights in {folder} don't fit its config.json (see {name}): give an undamaged folder.")
    return network.eval().requires_grad_(False).to(device()), not loading["missing_keys"]


def fingerprint(path: Path) -> str:
    """SHA-256 of a file of weights, or of all at the top of a network's folder that says what the network computes."""
    if path.is_file():
        status = path.stat()
        return _digest(path, status.st_size, status.st_mtime_ns)
    parts = sorted({part for pattern in (*DESCRIPTIONS, *WEIGHTS) for part in path.glob(pattern) if part.is_file()})
    lines = "".join(f"{fingerprint(part)}  {part.name}\n" for part in parts)
    return hashlib.sha256(lines.encode()).hexdigest()


@functools.cache
def _digest(path: Path, size: int, changed_ns: int) -> str:
    """SHA-256 of a file, computed once while its size and its time of change stay the same."""
    return sha256_of(path)


def _from_hub(name: str, download: bool) -> Path:
    _transformers()
    from huggingface_hub import snapshot_download

    def fetch(weights: str) -> Path:
        return Path(
            snapshot_download(
                name, allow_patterns=[*DESCRIPTIONS, weights], ignore_patterns=["*/*"], local_files_only=not download
            )
        )

    try:
        folder = next((found for found in map(fetch, WEIGHTS) if any(map(found.glob, WEIGHTS))), None)
    except Exception as error:  # the network, the hub's answers, the disk of the cache
        what = "be downloaded" if download else "be found among those downloaded before"
        raise EarmarkError(f"{HUB}{name} can't {what} ({type(error).__name__}): {_advice(name, download)}.") from error
    if folder is None or not (folder / "config.json").is_file():
        raise EarmarkError(f"{HUB}{name} has no weights or no config.json: choose another network.")
    return folder


def _advice(name: str, download: bool) -> str:
    if download:
        return "check its name and the connection, or copy it to a folder and give that"
    return f"download it with 'hf download {name}'"


def _transformers() -> Any:
    """Import transformers, with telemetry and progress bars off."""
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    try:
        transformers: Any = importlib.import_module("transformers")
    except ImportError as error:
        raise EarmarkError(
            f"Pretrained networks need the library transformers ({error}): install it with "
            "'pip install earmark[pretrained]'."
        ) from None
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    return transformers


def device(name: str | None = None) -> torch.device:
    """The device of that name; without one, the graphics card where there is one, else the processor.

    Raises
    ------
    EarmarkError
        If there is no such device here.
    """
    if name is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        chosen = torch.device(name)
        torch.empty(0, device=chosen)
    except (RuntimeError, AssertionError, NotImplementedError):
        raise EarmarkError(f"There is no device {name!r} here: choose cpu, or cuda:N where torch sees a GPU.") from None
    return chosen
