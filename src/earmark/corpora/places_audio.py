"""The Places Audio Caption Corpus: 400,000 spoken captions of photos of places.

Origin: Harwath, Torralba and Glass; the photos are from Places205 (Zhou et al.). Nothing is downloaded;
``docs/corpora.md`` says how the files must lie.
Size: about 400,000 utterances, one a photo; the transcripts are those of a speech recogniser.
Licence: as its distribution states; that of the photos, too.
Citation: D. Harwath, A. Torralba and J. Glass, "Unsupervised learning of spoken language with visual context", NIPS
2016; D. Harwath et al., "Jointly discovering visual objects and spoken words from raw sensory input", ECCV 2018.

``train.json`` is train; a hash of each picture's name parts ``val.json`` into dev and test, half and half. The
folders that the two files name are those of their makers: where they are not there, media are searched in the source.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Annotated

from earmark.core.corpus import Corpus
from earmark.corpora._assemble import Entry, assemble, refuse_file
from earmark.corpora._import_log import ImportLog
from earmark.corpora._listings import hashed_split, keyword_list, listed_caption, read_listed, text_in
from earmark.corpora._source import Keywords, MediaFolders, Out, Photos, Source, picture_folders

NAME = "Places Audio Captions"
PARTS_END = {"train": {"train": 1.0}, "val": {"dev": 0.5, "test": 1.0}}


def prepare(
    source: Annotated[Path, "The folder that holds metadata (or train.json) and wavs."],
    out: Out,
    *,
    keywords: Keywords = "67",
    images: Photos = None,
) -> Corpus:
    """Prepare the corpus; what is damaged or missing is left out and reported.

    Raises
    ------
    EarmarkError
        If a list of captions is missing or is no JSON, or no utterance is left.
    """
    refuse_file(out)
    listed = keyword_list(keywords)
    folder = Source(source, "metadata")
    ledger = ImportLog()
    lists = {part: folder.require("it lists the recordings and their photos", f"{part}.json") for part in PARTS_END}
    entries: list[Entry] = []
    for part, path in lists.items():
        about, captions = read_listed(path, "data")
        # A path that is joined to another one takes its place if it begins at the root.
        wavs = MediaFolders(folder.folder, folder.folder / text_in(about, "audio_base_path"))
        here = (folder.folder, folder.folder / "images", folder.folder / text_in(about, "image_base_path"))
        pictures = picture_folders(images, *here)
        for row, caption in enumerate(captions, start=1):
            ledger.read("utterances")
            wav, image = text_in(caption, "wav"), text_in(caption, "image")
            if not wav or not image:
                ledger.skip(
                    "utterances", "no recording or no picture is named", f"{path.name} item {row}", f"{caption}"
                )
                continue
            name = text_in(caption, "uttid") or PurePosixPath(wav).stem
            split = hashed_split(image, PARTS_END[part])
            entries.append(listed_caption(row, name, wavs.find(wav), pictures.find(image), caption, split))
    return assemble(Corpus(out, NAME, "en", "", listed), entries, {}, ledger)
