"""Keywords: how two spellings are compared, and the ordered list a model knows."""

from __future__ import annotations

import codecs
import difflib
import functools
import re
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path

from earmark.core.errors import EarmarkError, UnknownWordError

# Inside a word these are part of it; around a word they are quotes, or the hyphen of a broken line.
APOSTROPHES = "'\u2018\u2019\uff07`\u00b4"
INNER = APOSTROPHES + "-\u2010\u2011\u00b7\u05f3\u05f4"  # hyphens, Catalan's middle dot, geresh and gershayim
# Not earlier, or set over the vowel of the word that is asked or cried (Armenian): a word is the same without them.
# Nor are the stroke that lengthens an Arabic word, the choice of a glyph, and a joiner of graphemes part of it.
IGNORED = "\u00ad\u200e\u200f\u061c\u2060\ufeff\u055b\u055c\u055e\u0640\u034f\u180e" + "".join(
    chr(code)
    for first, last in ((0x202A, 0x202E), (0x2066, 0x2069), (0xFE00, 0xFE0F), (0x180B, 0x180D))
    for code in range(first, last + 1)
)
# Zero-width spaces part words in a text; around a word they are nothing. Full-width forms are those of Latin script.
_INVISIBLE = dict.fromkeys(map(ord, IGNORED)) | {0x200B: " "} | {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}


def normalise(word: str) -> str:
    """The form in which words are compared: Unicode NFC, case folded, single spaces, without what is invisible.

    >>> normalise("Ọmọ ") == normalise("O\\u0323mo\\u0323")
    True
    """
    visible = unicodedata.normalize("NFC", word.translate(_INVISIBLE))
    folded = unicodedata.normalize("NFD", visible.casefold()).replace("i\u0307", "i")  # of the Turkish capital İ
    return unicodedata.normalize("NFC", " ".join(unicodedata.normalize("NFC", folded).split()))


# Ways to encode one sign.
_ONE_SIGN = dict.fromkeys(map(ord, "\u2018\u2019\uff07"), "'") | dict.fromkeys(map(ord, "\u2010\u2011"), "-")
NO_LETTERS = "\u09f7"  # a Bengali numerator, which is typed in place of the danda
JOINERS = "\u200c\u200d"
# Scripts that are written without spaces between words.
UNSPACED = (
    *((0x3005, 0x3007), (0x3040, 0x30FA), (0x30FC, 0x30FF), (0x31F0, 0x31FF), (0xFF66, 0xFF9F)),  # kana
    *((0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x3FFFF)),  # Chinese characters
    *((0x0E00, 0x0E3E), (0x0E40, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17D3), (0x17D7, 0x17D7)),  # Thai, Lao, ...
)
# Signs that Unicode counts as symbols although they write tones: letters in transcripts of tone languages.
TONE_SIGNS = ((0x02C2, 0x02FF), (0xA700, 0xA721), (0xA789, 0xA78A))


class _Kinds(dict[int, str]):
    """What a character is in a text, by its code: worked out once, when it is first met.

    ``w`` letter or digit that is no ``n``, ``n`` decimal digit, ``m`` mark or joiner, ``u`` letter of a script without
    spaces, ``i`` inner sign, ``d`` sign between digits, and a space for all that ends a word.
    """

    def __missing__(self, code: int) -> str:
        self[code] = kind = self._kind(chr(code), code)
        return kind

    @staticmethod
    def _kind(character: str, code: int) -> str:
        category = unicodedata.category(character)
        if character in INNER:
            return "i"
        if character in ".,":
            return "d"
        if character in NO_LETTERS:
            return " "
        if category[0] == "M" or character in JOINERS:
            return "m"
        if category == "Nd":
            return "n"
        if category[0] in "LN" and any(first <= code <= last for first, last in UNSPACED):
            return "u"
        if category[0] in "LN" or category in ("Co", "Cn"):
            return "w"
        return "w" if any(first <= code <= last for first, last in TONE_SIGNS) else " "


_KINDS = _Kinds()
_WORD = r"m*[wn][wnm]*(?:i[wnm]+|(?<=n)d(?=n)[wnm]+)*"
_PLAIN = re.compile(rf"{_WORD}|u[um]*")
_EDGED = re.compile(rf"i?{_WORD}i?|u[um]*")


def plain_words(text: str, keep_edges: bool = False) -> list[str]:
    """The normalised words of a text in any script, without punctuation.

    A word is a run of letters, digits and their marks. Apostrophes, hyphens and the like are part of it where they
    stand inside, as are points and commas between digits; all other punctuation and symbols end it. In scripts that
    are written without spaces, what stands between two signs of punctuation is one word.

    Parameters
    ----------
    text : str
    keep_edges : bool
        Keep one apostrophe or hyphen at each end of a word, too: some orthographies write a glottal stop there.

    >>> plain_words("‘Dog’, don't! कुत्ता। 犬。")
    ['dog', "don't", 'कुत्ता', '犬']
    """
    text = normalise(text).translate(_ONE_SIGN)
    kinds = text.translate(_KINDS)
    return [text[found.start() : found.end()] for found in (_EDGED if keep_edges else _PLAIN).finditer(kinds)]


class Transcript:
    """The words of a transcript, in which keywords are searched.

    Parameters
    ----------
    text : str
    segmented : bool
        Whether spaces part the words even of scripts that are written without them, as in an alignment.
    """

    def __init__(self, text: str, segmented: bool = False) -> None:
        self._text = text
        self._segmented = segmented

    @functools.cached_property
    def _plain(self) -> str:
        return f" {' '.join(plain_words(self._text))} "

    @functools.cached_property
    def _edged(self) -> str:
        return f" {' '.join(plain_words(self._text, keep_edges=True))} "

    def says(self, keyword: KeywordForm) -> bool:
        """Whether a keyword, one word or several in a row, is among its words.

        In running text of a script without spaces, that is wherever its letters stand in a row.
        """
        text = self._edged if keyword.keeps_edges else self._plain
        if self._segmented or not keyword.unspaced:
            return bool(keyword.words) and f" {' '.join(keyword.words)} " in text
        return keyword.is_in_running(text)


class KeywordForm:
    """A keyword as it is searched in transcripts.

    Attributes
    ----------
    words : list of str
        Its words, as :func:`plain_words` gives them.
    keeps_edges : bool
        Whether it begins or ends with an apostrophe or a hyphen, which then must be said as well.
    unspaced : bool
        Whether it begins or ends in a script without spaces.
    """

    def __init__(self, keyword: str) -> None:
        self.words = plain_words(keyword, keep_edges=True)
        self.keeps_edges = self.words != plain_words(keyword)
        ends = "".join(word[0] + word[-1] for word in (*self.words[:1], *self.words[-1:]))
        self.unspaced = "u" in ends.translate(_KINDS)

    def is_in_running(self, text: str) -> bool:
        """Whether its letters stand in a row in plain words with spaces around them.

        An end in a script with spaces needs a space beside it.
        """
        form = " ".join(self.words)
        kinds = (form[0] + form[-1]).translate(_KINDS)
        form = ("" if kinds[0] == "u" else " ") + form
        last_is_spaced = not any(kind == "u" for kind in self.words[-1].translate(_KINDS))
        form += " " if last_is_spaced else ""
        place = text.find(form)
        while place >= 0:
            # A mark that follows belongs to the last letter, which then is another one.
            if last_is_spaced or text[place + len(form)].translate(_KINDS) != "m":
                return True
            place = text.find(form, place + 1)
        return False


# Letters and signs that are written for one another, or left out.
_ALIKE = {ord(sign): None for sign in (*INNER, *JOINERS)} | {
    code: None for first, last in (*TONE_SIGNS, (0x02B9, 0x02C1), (0xA78B, 0xA78C)) for code in range(first, last + 1)
}


class _Letters(dict[int, str]):
    """The Latin letter that one with a hook, a stroke or the like is made from, by its code: b of ɓ, i of ı."""

    def __missing__(self, code: int) -> str:
        made = MADE_FROM.match(unicodedata.name(chr(code), ""))
        self[code] = letter = made[1].lower() if made else chr(code)
        return letter


MADE_FROM = re.compile(r"LATIN SMALL LETTER (?:DOTLESS |OPEN |REVERSED |TURNED )?([A-Z])(?: WITH .*)?$")
_LETTERS = _Letters()


def without_marks(word: str) -> str:
    """`word` without tone marks, other accents, hooks, strokes and apostrophes, for finding words that look alike."""
    decomposed = unicodedata.normalize("NFKD", normalise(word))
    plain = "".join(c for c in decomposed if not unicodedata.combining(c)).translate(_ALIKE).translate(_LETTERS)
    return plain or normalise(word)


class Vocabulary:
    """An ordered list of keywords, looked up by normalised spelling.

    Parameters
    ----------
    words : iterable of str
        Distinct keywords; they are kept as written and compared normalised.

    Raises
    ------
    EarmarkError
        If there is no word, an empty word, or the same word twice.
    """

    def __init__(self, words: Iterable[str]) -> None:
        self.words: tuple[str, ...] = tuple(unicodedata.normalize("NFC", word.strip()) for word in words)
        self._index = {normalise(word): i for i, word in enumerate(self.words)}
        if not self.words:
            raise EarmarkError("The keyword list is empty: give at least one keyword.")
        if "" in self._index:
            raise EarmarkError("The keyword list holds an empty word: remove it.")
        if len(self._index) < len(self.words):
            raise EarmarkError(f"The keyword {_first_repeated(self.words)!r} is listed twice: keep it once.")

    @classmethod
    def empty(cls) -> Vocabulary:
        """The vocabulary of a model that knows no keywords."""
        none = cls.__new__(cls)
        none.words, none._index = (), {}
        return none

    def __len__(self) -> int:
        return len(self.words)

    def __iter__(self) -> Iterator[str]:
        return iter(self.words)

    def __contains__(self, word: object) -> bool:
        return isinstance(word, str) and normalise(word) in self._index

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Vocabulary) and self.words == other.words

    def __hash__(self) -> int:
        return hash(self.words)

    def index(self, word: str) -> int:
        """Position of `word`.

        Raises
        ------
        UnknownWordError
            If the word is not in the vocabulary; with the keywords that are spelt most like it.
        """
        try:
            return self._index[normalise(word)]
        except KeyError:
            if not self.words:
                raise UnknownWordError(
                    "This model knows no keywords: search with a clip of the word (earmark search --clip).", []
                ) from None
            nearest = self.nearest(word)
            raise UnknownWordError(
                f"The word {word!r} is not among the {len(self)} keywords of this model: the nearest are "
                f"{', '.join(nearest)}.",
                nearest,
            ) from None

    def nearest(self, word: str, count: int = 5) -> list[str]:
        """The `count` keywords spelt most like `word`, first those that differ in marks alone."""
        plain = without_marks(word)

        def likeness(keyword: str) -> float:
            return difflib.SequenceMatcher(None, plain, without_marks(keyword)).ratio()

        return sorted(self.words, key=likeness, reverse=True)[:count]


def _first_repeated(words: Iterable[str]) -> str | None:
    earlier = set()
    for word in words:
        if normalise(word) in earlier:
            return word
        earlier.add(normalise(word))
    return None


def read_keywords(path: Path | str) -> Vocabulary:
    """Read a keyword list: text, one keyword a line; blank lines and lines from ``#`` on are passed over.

    A spreadsheet's file of one column will do: quotes around a keyword and delimiters behind it are left out. A keyword
    that holds a delimiter itself has to have quotes.

    Raises
    ------
    EarmarkError
        If the file is missing, is no text in UTF-8 or UTF-16, has several words in a line, or its list is empty or
        repeats a word.
    """
    lines = (line.strip().rstrip(",;\t").rstrip() for line in read_list(path).splitlines())
    try:
        return Vocabulary(_unquoted(line) for line in lines if line and not line.startswith("#"))
    except EarmarkError as error:
        raise EarmarkError(f"{path}: {error}") from None


DELIMITERS = ",;\t|"  # of cells


def keyword_line(word: str) -> str:
    """A keyword as a line of such a list."""
    has_quotes = word.startswith('"') or any(delimiter in word for delimiter in DELIMITERS)
    return '"{}"\n'.format(word.replace('"', '""')) if has_quotes else f"{word}\n"


def _unquoted(cell: str) -> str:
    quoted = len(cell) > 1 and cell[0] == cell[-1] == '"'
    if not quoted and any(delimiter in cell for delimiter in DELIMITERS):
        raise EarmarkError(f"The line {cell!r} holds several cells: write one keyword a line, or put quotes around it.")
    return cell[1:-1].replace('""', '"') if quoted else cell


WORKBOOKS = (b"PK\3\4", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")  # xlsx and ods; xls
BYTE_ORDER_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def read_text(path: Path | str) -> str:
    """Read a text file: UTF-8 with or without a byte order mark, or UTF-16 with one, as Excel writes it.

    Raises
    ------
    EarmarkError
        If the file is missing, is a folder, or is neither.
    """
    try:
        content = Path(path).read_bytes()
        if content.startswith(WORKBOOKS):
            raise EarmarkError(
                f"{path} is a file of a spreadsheet or word processor, not text: save it as CSV (UTF-8)."
            )
        return content.decode("utf-16" if content.startswith(BYTE_ORDER_MARKS) else "utf-8-sig")
    except FileNotFoundError:
        raise EarmarkError(f"There is no file {path}: check its name.") from None
    except IsADirectoryError:
        raise EarmarkError(f"{path} is a folder: name a file.") from None
    except UnicodeDecodeError as error:
        raise EarmarkError(f"{path} is not UTF-8 text (byte {error.start}): save it as UTF-8.") from None


def read_list(path: Path | str) -> str:
    """Read a text file that a person made, as :func:`read_text`.

    Raises
    ------
    EarmarkError
        Also if it holds a zero, as UTF-16 does that lacks its byte order mark.
    """
    text = read_text(path)
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise EarmarkError(f"{path} is not UTF-8 text (line {line} holds a zero): save it as UTF-8.")
    return text
