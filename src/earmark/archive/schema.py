"""SQL schema of an archive, the same in SQLite and in PostgreSQL."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Row,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from earmark.localisation.windows import Timeline

NEW, DONE, BROKEN, MISSING = "new", "done", "broken", "missing"  # status of a recording
SEARCHED = (NEW, DONE)  # recordings that are searched

metadata = MetaData()
_Id = BigInteger().with_variant(Integer, "sqlite")  # SQLite autoincrements only INTEGER keys

settings = Table(
    "settings",
    metadata,
    Column("key", String(100), primary_key=True),
    Column("value", Text, nullable=False),
)

recordings = Table(
    "recordings",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("sha256", String(64), nullable=False, unique=True),  # of the file: one that was moved is the same recording
    Column("path", Text, nullable=False),  # absolute, as spelt on disk
    Column("folder", Text, nullable=False),  # the folder that was indexed, absolute
    Column("size", BigInteger, nullable=False),  # bytes
    Column("mtime_ns", BigInteger, nullable=False),
    Column("duration_s", Float, nullable=False),
    Column("start_s", Float, nullable=False, default=0.0),  # where its sound begins: later than 0 in some films
    Column("sample_rate", Integer, nullable=False),
    Column("channels", Integer, nullable=False),
    Column("status", String(10), nullable=False),  # new, done, broken or missing
    Column("problem", Text, nullable=False, default=""),  # why it is broken
    Column("speaker", Text, nullable=False, default=""),
    Column("date", Text, nullable=False, default=""),  # as its owner wrote it; ISO 8601 sorts
    Column("language", Text, nullable=False, default=""),
    Column("licence", Text, nullable=False, default=""),
    Column("consent", Text, nullable=False, default=""),
)
Index("recordings_by_path", recordings.c.path)

# One row for each chunk that was indexed by the model, or by features alone where there is no model; a chunk is indexed
# as a whole or not at all.
chunks = Table(
    "chunks",
    metadata,
    Column("recording", ForeignKey("recordings.id", ondelete="CASCADE"), primary_key=True),
    Column("channel", Integer, primary_key=True),  # 1, 2, ...
    Column("number", Integer, primary_key=True),  # 0, 1, ...
    Column("windows", Integer, nullable=False),  # that were indexed; skipped silence is not counted
    Column("peaks", LargeBinary, nullable=False),  # see earmark.archive.waveform_overview
)

# One row for each chunk of which features are stored beside the model's frames; see earmark.archive.encoding.
feature_chunks = Table(
    "feature_chunks",
    metadata,
    Column("recording", ForeignKey("recordings.id", ondelete="CASCADE"), primary_key=True),
    Column("channel", Integer, primary_key=True),
    Column("number", Integer, primary_key=True),
)

keywords = Table(
    "keywords",
    metadata,
    Column("id", Integer, primary_key=True),  # index in the model's vocabulary
    Column("word", Text, nullable=False, unique=True),
)

# The archive's word list: words of the users' language, and the keywords that each stands for.
words = Table(
    "words",
    metadata,
    Column("word", Text, primary_key=True),  # normalised
    Column("keyword", ForeignKey("keywords.id"), primary_key=True),
    Column("written", Text, nullable=False),  # as the list spells it
)

postings = Table(
    "postings",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("keyword", ForeignKey("keywords.id"), nullable=False),
    Column("score", Float, nullable=False),
    Column("recording", ForeignKey("recordings.id", ondelete="CASCADE"), nullable=False),
    Column("channel", Integer, nullable=False),
    Column("chunk", Integer, nullable=False),
    Column("time_s", Float, nullable=False),
    Column("start_s", Float, nullable=False),
    Column("end_s", Float, nullable=False),
)
Index("postings_by_score", postings.c.keyword, postings.c.score.desc())
Index("postings_by_chunk", postings.c.recording, postings.c.channel, postings.c.chunk)

# Relevance judgements. They stay when a recording is indexed again.
judgements = Table(
    "judgements",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("query", Text, nullable=False),  # see earmark.archive.judgements.query_key
    Column("recording", ForeignKey("recordings.id", ondelete="CASCADE"), nullable=False),
    Column("channel", Integer, nullable=False),
    Column("time_s", Float, nullable=False),  # of the hit that was judged
    Column("start_s", Float, nullable=False),  # as the person set them
    Column("end_s", Float, nullable=False),
    Column("score", Float, nullable=False),  # of the hit that was judged
    Column("verdict", String(10), nullable=False),  # yes, no or related
    Column("judged_at", String(32), nullable=False),  # ISO 8601, UTC
    UniqueConstraint("query", "recording", "channel", "time_s"),
)

# Every judgement and every undo, by whom: it only grows, so that logs of several people can be merged.
judgement_log = Table(
    "judgement_log",
    metadata,
    Column("name", String(32), primary_key=True),  # of the content
    Column("at", String(40), nullable=False),  # ISO 8601, UTC
    Column("judge", Text, nullable=False),
    Column("query", Text, nullable=False),
    Column("sha256", String(64), nullable=False),  # of the recording, which need not be in the archive
    Column("channel", Integer, nullable=False),
    Column("time_s", Float, nullable=False),
    Column("start_s", Float, nullable=False),
    Column("end_s", Float, nullable=False),
    Column("score", Float, nullable=False),
    Column("verdict", String(10), nullable=False),  # yes, no, related or undone
)

# Files of vectors for approximate nearest-neighbour search, and the chunks in each; see earmark.archive.shards.
shards = Table(
    "shards",
    metadata,
    Column("name", String(80), primary_key=True),  # of the file in ARCHIVE/vectors
    Column("vectors", Integer, nullable=False),
    Column("chunks", Integer, nullable=False),
)
shard_chunks = Table(
    "shard_chunks",
    metadata,
    Column("shard", ForeignKey("shards.name", ondelete="CASCADE"), primary_key=True),
    Column("recording", ForeignKey("recordings.id", ondelete="CASCADE"), primary_key=True),
    Column("channel", Integer, primary_key=True),
    Column("number", Integer, primary_key=True),
)

# The lexicon: named spoken queries. A hit that was accepted under a word's key is an example of it, too.
lexicon_words = Table(
    "lexicon_words",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("key", Text, nullable=False, unique=True),  # of its judgements: see earmark.archive.judgements.query_key
    Column("written", Text, nullable=False),
    Column("notes", Text, nullable=False, default=""),
    Column("searched", Text, nullable=False, default=""),  # what its stored hits depend on, as a hash; "" for none
)
lexicon_spellings = Table(
    "lexicon_spellings",
    metadata,
    Column("word", ForeignKey("lexicon_words.id", ondelete="CASCADE"), primary_key=True),
    Column("key", Text, primary_key=True),
    Column("written", Text, nullable=False),
)
lexicon_files = Table(
    "lexicon_files",
    metadata,
    Column("word", ForeignKey("lexicon_words.id", ondelete="CASCADE"), primary_key=True),
    Column("role", String(10), primary_key=True),  # clip, not (a clip of what is not meant) or picture
    Column("file", String(100), primary_key=True),  # in ARCHIVE/lexicon, named by its content
    Column("origin", Text, nullable=False),  # the name of the file that was given
)
lexicon_hits = Table(
    "lexicon_hits",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("word", ForeignKey("lexicon_words.id", ondelete="CASCADE"), nullable=False),
    Column("recording", ForeignKey("recordings.id", ondelete="CASCADE"), nullable=False),
    Column("channel", Integer, nullable=False),
    Column("time_s", Float, nullable=False),
    Column("start_s", Float, nullable=False),
    Column("end_s", Float, nullable=False),
    Column("score", Float, nullable=False),
)
Index("lexicon_hits_by_word", lexicon_hits.c.word, lexicon_hits.c.score.desc())


def timeline_of(recording: Row[Any]) -> Timeline:
    """Where the chunks and windows of a row of the table of recordings lie."""
    return Timeline(recording.duration_s, recording.start_s)
