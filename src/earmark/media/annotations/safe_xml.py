"""Reading XML that somebody else made: what declares a document type, and with it entities, is refused."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

from earmark.core.errors import EarmarkError


def parse(content: bytes, keep_comments: bool = False) -> ET.Element:
    """The root of an XML document.

    Raises
    ------
    xml.etree.ElementTree.ParseError, ValueError, LookupError
        If it is damaged, is of an unknown encoding, or declares a document type.
    """
    builder = _Builder(insert_comments=keep_comments, insert_pis=keep_comments)
    return ET.fromstring(content, ET.XMLParser(target=builder))


def read_root(path: Path, tag: str, what: str) -> ET.Element:
    """The root of an XML file.

    Parameters
    ----------
    path : Path
    tag : str
        The root that is wanted.
    what : str
        What such a file is, for the error.

    Raises
    ------
    EarmarkError
        If the file can't be read, is damaged, or has another root.
    """
    try:
        root = parse(path.read_bytes())
        if root.tag != tag:
            raise ValueError(f"it begins with <{root.tag}>, not with <{tag}>")
    except (ET.ParseError, ValueError, LookupError, OSError) as error:
        raise EarmarkError(f"{path} can't be read as {what} ({error}): copy or export it again.") from error
    return root


class _Builder(ET.TreeBuilder):
    """Refuses what none of these programs writes: what entities, of files outside or of billions of letters, are in."""

    def doctype(self, name: str, public: str | None, system: str | None) -> None:
        raise ValueError("it declares a document type, which no such file does")
