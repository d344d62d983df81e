"""An archive for Python programs and notebooks: opened, indexed, searched, judged and exported by its methods."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from earmark.archive import archive as archives
from earmark.archive import creation
from earmark.archive.collection import collect
from earmark.archive.contents import info
from earmark.archive.executors import make_executor
from earmark.archive.export import exporter
from earmark.archive.indexer import Report
from earmark.archive.indexer import index as index_recordings
from earmark.archive.judged_corpus import write_judged_corpus
from earmark.archive.judgements import judge
from earmark.archive.results import ArchiveHit, Filters, Verdict
from earmark.archive.search import ArchiveQuery, SearchOptions, judgement_key
from earmark.archive.search import search as search_archive
from earmark.core.corpus import Corpus
from earmark.recipe import feature_settings


class SearchableArchive:
    """An open archive of indexed recordings, as :func:`open_archive` and :func:`make_archive` return it.

    Parameters
    ----------
    archive : earmark.archive.archive.Archive

    Attributes
    ----------
    archive : earmark.archive.archive.Archive
        The archive itself, with its database.
    """

    def __init__(self, archive: archives.Archive) -> None:
        self.archive = archive

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections to the database."""
        self.archive.close()

    @property
    def folder(self) -> Path:
        """Where the archive lies."""
        return self.archive.folder

    @property
    def keywords(self) -> tuple[str, ...]:
        """The keywords of its model; none where it was indexed with features alone."""
        return self.archive.vocabulary.words

    def info(self) -> dict[str, Any]:
        """What the archive holds and has written: see :func:`earmark.archive.contents.info`."""
        return info(self.archive)

    def index(self, *folders: Path | str, metadata: Path | str | None = None, skip_silence: bool = False) -> Report:
        """Index the new recordings in folders, or those that the archive has; a run that was stopped is resumed.

        Parameters
        ----------
        *folders : path
        metadata : path, optional
            CSV with the column audio and any of speaker, date, language, licence and consent.
        skip_silence : bool
            Leave out windows without a sound.

        Returns
        -------
        Report
            With a sentence in ``problems`` for each recording that could not be indexed.

        Raises
        ------
        EarmarkError
            If a folder is missing, or the table is not in order.
        """
        table = None if metadata is None else Path(metadata)
        paths = [Path(folder) for folder in folders]
        return index_recordings(self.archive, paths, make_executor("local"), table, skip_silence)

    def search(
        self,
        query: ArchiveQuery,
        top: int = 50,
        min_score: float | None = None,
        folder: str = "",
        speaker: str = "",
        date: str = "",
        language: str = "",
    ) -> list[ArchiveHit]:
        """The best hits of a query with their verdicts, the highest score first.

        Parameters
        ----------
        query : str, ImageQuery, SpokenQuery or Position
            A keyword, images of one thing, clips of a word, or the position of a spoken example in the archive.
        top : int
        min_score : float, optional
        folder, speaker, date, language : str
            Only recordings with these; an empty one does not matter.

        Raises
        ------
        EarmarkError
            If nothing is indexed, the word is unknown, or the archive's model does not accept this kind of query.
        """
        options = SearchOptions(top, min_score, filters=Filters(folder, speaker, date, language))
        return search_archive(self.archive, query, options)

    def judge(self, query: ArchiveQuery, hit: ArchiveHit, verdict: Verdict) -> None:
        """Store whether a hit of a query is right: "yes", "no" or "related"; the next search is re-ranked by it.

        Raises
        ------
        EarmarkError
            If there is no such verdict.
        """
        judge(self.archive, judgement_key(self.archive, query), hit, verdict)

    def write_judged_corpus(self, folder: Path | str) -> Corpus:
        """Write the judged hits of the model's keywords as a corpus, for :func:`earmark.teach`.

        Raises
        ------
        EarmarkError
            If too few were judged.
        """
        return write_judged_corpus(self.archive, Path(folder))

    def export(
        self, form: str, out: Path | str, queries: Sequence[str] = (), top: int = 50, accepted_only: bool = False
    ) -> list[Path]:
        """Write hits in a format of :func:`earmark.list_export_formats`; returns the files.

        Parameters
        ----------
        form : str
        out : path
            Folder for the files.
        queries : sequence of str
            Whose hits; by default of all queries that were judged.
        top : int
            Candidates of each word that nobody has judged, at most.
        accepted_only : bool
            Leave out candidates and what was judged to be wrong.

        Raises
        ------
        EarmarkError
            If there is no such format, or nothing to export.
        """
        written: Iterable[Path] = exporter(form).write(collect(self.archive, queries, top, accepted_only), Path(out))
        return list(written)


def open_archive(folder: Path | str) -> SearchableArchive:
    """Open an archive that is there.

    Raises
    ------
    EarmarkError
        If the folder is no archive, or its database can't be reached.
    """
    return SearchableArchive(archives.open_archive(folder))


def make_archive(
    folder: Path | str, model: Path | str | None = None, features: str | None = None, database: str | None = None
) -> SearchableArchive:
    """Open an archive, or make one; an archive of features gets the model, and that of a model the features.

    Parameters
    ----------
    folder : path
    model : path, optional
        Folder of the trained model that indexes its recordings.
    features : str, optional
        Instead of a model: a kind of features, such as "mfcc" or "moonshine"; spoken queries alone are then found.
    database : str, optional
        Address of a PostgreSQL database for the tables, instead of a file.

    Raises
    ------
    ValueError
        If both a model and features are given, or neither.
    EarmarkError
        If the model can't be used, or the folder is something else.
    """
    if (model is None) == (features is None):
        raise ValueError("give either a model or features")
    if features is not None:
        return SearchableArchive(creation.make_features_archive(folder, feature_settings(features), database))
    assert model is not None
    return SearchableArchive(creation.make_archive(folder, model, database))
