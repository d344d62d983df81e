"""The project folder: what is in it, and the settings in its ``project.yaml``.

Everything is plain files, so that the command line, Python and other programs read them as well:

================ ===================================================================================
``project.yaml``  name, languages, licence, words; the form of the folder
``pictures/``    pictures by the hash of their content, ``pictures.csv``, ``tags.csv``, thumbnails
``speakers/``    speakers and their consents
``takes/``       what speakers recorded about the pictures
``recordings/``  ``folders.csv``: where the recordings to be searched are
``corpus/``      made of takes and tags: what a model learns from
``model/``       the model and how well it does
``archive/``     the indexed recordings, judgements
``exports/``     what was taken home
``jobs/``        state and log of what runs in the background
================ ===================================================================================

Paths in these files are relative to the folder, so that it can be moved to another machine. Only recordings may lie
elsewhere, where their owner has them.

Several windows and several programs may work on one folder: whoever changes a file holds the folder's lock, reads
the file anew, and replaces it in one step.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import yaml
from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, field_validator

from earmark.core.errors import EarmarkError
from earmark.core.files import write_durably
from earmark.core.vocabulary import normalise, plain_words, read_text
from earmark.core.yaml_text import to_yaml

FORM = 1
SETTINGS = "project.yaml"
LOCK = "project.lock"
LOCK_TIMEOUT_S = 20.0
MAX_WORDS = 1000

Line = Annotated[str, StringConstraints(strip_whitespace=True, max_length=500, pattern=r"^[^\x00-\x1f]*$")]


class Settings(BaseModel):
    """What ``project.yaml`` holds. Keys that this version does not know are left as they are.

    Attributes
    ----------
    form : int
        Version of the folder's form.
    name : str
    languages : list of str
        That are spoken, the first of them in most recordings.
    licence, consent : str
        Of the collection; they go into the archive and all exports.
    words : list of str
        To be found, as the speakers say them.
    recipe : str
        Of the model, as for ``earmark train``; "" for the default.
    training : list of str
        Changes to the recipe, such as ``training.epochs=40``; none for what suits the number of takes.
    """

    model_config = ConfigDict(extra="allow")

    form: int = FORM
    name: Line = ""
    languages: list[Line] = Field(default_factory=list, max_length=100)
    licence: Line = ""
    consent: Line = ""
    words: list[Line] = Field(default_factory=list, max_length=MAX_WORDS)
    recipe: Line = ""
    training: list[Line] = Field(default_factory=list, max_length=100)

    @field_validator("words")
    @classmethod
    def _usable_words(cls, words: list[str]) -> list[str]:
        found: dict[str, str] = {}
        for word in words:
            word = unicodedata.normalize("NFC", " ".join(word.split()))
            if not plain_words(word) or word.isnumeric():
                raise ValueError(f"{word!r} is no word")
            if set(word) & set(";,:?"):  # what separates words in the table of tags
                raise ValueError(f"{word!r} has a sign that is not part of words: leave out ; , : and ?")
            found.setdefault(normalise(word), word)
        return list(found.values())


class Project:
    """A project folder.

    Parameters
    ----------
    folder : Path
        That :func:`open_project` has checked or made.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __repr__(self) -> str:
        return f"Project({str(self.folder)!r})"

    @property
    def pictures(self) -> Path:
        """Folder of the pictures, their table and their tags."""
        return self.folder / "pictures"

    @property
    def speakers(self) -> Path:
        """Folder of the speakers and their consents."""
        return self.folder / "speakers"

    @property
    def takes(self) -> Path:
        """Folder of what was recorded about the pictures."""
        return self.folder / "takes"

    @property
    def recordings(self) -> Path:
        """Folder with the list of folders to be searched; recordings may lie in it, too."""
        return self.folder / "recordings"

    @property
    def corpus(self) -> Path:
        """Folder of what a model learns from."""
        return self.folder / "corpus"

    @property
    def model(self) -> Path:
        """Folder of the model."""
        return self.folder / "model"

    @property
    def archive(self) -> Path:
        """Folder of the indexed recordings."""
        return self.folder / "archive"

    @property
    def exports(self) -> Path:
        """Folder of what was taken home."""
        return self.folder / "exports"

    @property
    def jobs(self) -> Path:
        """Folder with the states and logs of background jobs."""
        return self.folder / "jobs"

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the lock of the folder: for changes of its small files, a few milliseconds each.

        Raises
        ------
        EarmarkError
            If another program holds it for long.
        """
        held = FileLock(self.folder / LOCK)  # a new one each time, so that threads exclude each other, too
        try:
            held.acquire(timeout=LOCK_TIMEOUT_S)
        except Timeout:
            raise EarmarkError(
                f"Another program is writing to {self.folder} and does not end: close it, then try again."
            ) from None
        try:
            yield
        finally:
            held.release()

    def settings(self) -> Settings:
        """The settings, read anew.

        Raises
        ------
        EarmarkError
            If the file is missing or damaged, or of a newer form than this version reads.
        """
        return _read_settings(self.folder / SETTINGS)

    def update(self, change: Callable[[Settings], dict[str, Any]]) -> Settings:
        """Change some settings, whatever other windows change meanwhile.

        Parameters
        ----------
        change : callable
            Is given the settings as they are now, and returns the new values by name.

        Raises
        ------
        EarmarkError
            If a value can't be used; then nothing is changed.
        """
        with self.lock():
            now = self.settings()
            changed = _validated({**now.model_dump(), **change(now)}, "These settings")
            if changed != now:
                _write_settings(self.folder / SETTINGS, changed)
            return changed


def open_project(folder: Path | str) -> Project:
    """Open a project folder; where there is none, or an empty one, make it.

    Raises
    ------
    EarmarkError
        If the folder holds something else, or a project of a newer form.
    """
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise EarmarkError(f"{folder} is a file: name a folder for the project.")
    project = Project(folder)
    if not (folder / SETTINGS).is_file():
        if folder.is_dir() and any(path.name != LOCK for path in folder.iterdir()):
            raise EarmarkError(f"{folder} holds other files and no {SETTINGS}: name a new folder for the project.")
        folder.mkdir(parents=True, exist_ok=True)
        with project.lock():
            if not (folder / SETTINGS).is_file():
                _write_settings(folder / SETTINGS, Settings(name=folder.resolve().name[:500]))
    settings = project.settings()
    if settings.form < FORM:
        project.update(lambda _: {"form": FORM})  # what a former form lacks has a default
    return project


def _read_settings(path: Path) -> Settings:
    try:
        content = yaml.safe_load(read_text(path))
    except yaml.YAMLError as error:
        where = getattr(error, "problem_mark", None)
        line = f" in line {where.line + 1}" if where else ""
        raise EarmarkError(f"{path} is damaged{line}: correct it, or copy it from a backup.") from None
    if not isinstance(content, dict):
        raise EarmarkError(f"{path} is damaged: it needs lines such as 'name: My project'.")
    form = content.setdefault("form", 0)
    if isinstance(form, int) and form > FORM:
        raise EarmarkError(f"{path} was written by a newer version of Earmark: update Earmark to open it.")
    return _validated(content, str(path))


def _validated(content: dict[str, Any], where: str) -> Settings:
    try:
        return Settings.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        what = str(first["msg"]).removeprefix("Value error, ")
        code = "noWord" if name.startswith("words") else ""
        raise EarmarkError(f"{where} can't be used ({name}: {what}): correct it.", code=code) from None


def _write_settings(path: Path, settings: Settings) -> None:
    text = to_yaml(settings.model_dump())
    write_durably(path, text.encode())
