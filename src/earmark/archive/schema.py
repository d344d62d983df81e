"""The tables of an archive. SQLite and PostgreSQL have the same."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData()
_Id = BigInteger().with_variant(Integer, "sqlite")  # SQLite counts up by itself in an INTEGER alone

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
    Column("sha256", String(64), nullable=False, unique=True),  # of the content: a file that moved is the same one
    Column("path", Text, nullable=False),  # absolute, spelt as on disk
    Column("folder", Text, nullable=False),  # the folder that was indexed, absolute
    Column("size", BigInteger, nullable=False),  # bytes
    Column("mtime_ns", BigInteger, nullable=False),
    Column("duration_s", Float, nullable=False),
    Column("sample_rate", Integer, nullable=False),
    Column("channels", Integer, nullable=False),
    Column("status", String(10), nullable=False),  # new, done, broken or missing: see Status
    Column("problem", Text, nullable=False, default=""),  # why it is broken
    Column("speaker", Text, nullable=False, default=""),
    Column("date", Text, nullable=False, default=""),  # as the owner writes it; ISO 8601 sorts
    Column("language", Text, nullable=False, default=""),
    Column("licence", Text, nullable=False, default=""),
    Column("consent", Text, nullable=False, default=""),
)
Index("recordings_by_path", recordings.c.path)

# A row is a piece that has been heard: all of it is there, or nothing.
pieces = Table(
    "pieces",
    metadata,
    Column("recording", ForeignKey("recordings.id", ondelete="CASCADE"), primary_key=True),
    Column("channel", Integer, primary_key=True),  # 1, 2, ...
    Column("number", Integer, primary_key=True),  # 0, 1, ...
    Column("windows", Integer, nullable=False),  # that were heard; silence that was skipped is not counted
    Column("peaks", LargeBinary, nullable=False),  # see earmark.archive.peaks
)

keywords = Table(
    "keywords",
    metadata,
    Column("id", Integer, primary_key=True),  # its place in the model's vocabulary
    Column("word", Text, nullable=False, unique=True),
)

# Words of the users' language, and the keywords that each may mean.
words = Table(
    "words",
    metadata,
    Column("word", Text, primary_key=True),  # normalised
    Column("keyword", ForeignKey("keywords.id"), primary_key=True),
    Column("written", Text, nullable=False),  # as its owner writes it
)

postings = Table(
    "postings",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("keyword", ForeignKey("keywords.id"), nullable=False),
    Column("score", Float, nullable=False),
    Column("recording", ForeignKey("recordings.id", ondelete="CASCADE"), nullable=False),
    Column("channel", Integer, nullable=False),
    Column("piece", Integer, nullable=False),
    Column("time_s", Float, nullable=False),
    Column("start_s", Float, nullable=False),
    Column("end_s", Float, nullable=False),
)
Index("postings_by_score", postings.c.keyword, postings.c.score.desc())
Index("postings_by_piece", postings.c.recording, postings.c.channel, postings.c.piece)

# What people said of hits. It stays when a recording is heard again, with another model or none.
judgements = Table(
    "judgements",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("query", Text, nullable=False),  # see earmark.archive.review.query_key
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

# Files of vectors that image queries are looked up in first; see earmark.archive.vectors.
shards = Table(
    "shards",
    metadata,
    Column("name", String(80), primary_key=True),  # of the file in ARCHIVE/vectors
    Column("vectors", Integer, nullable=False),
    Column("pieces", Integer, nullable=False),
)
shard_pieces = Table(
    "shard_pieces",
    metadata,
    Column("shard", ForeignKey("shards.name", ondelete="CASCADE"), primary_key=True),
    Column("recording", ForeignKey("recordings.id", ondelete="CASCADE"), primary_key=True),
    Column("channel", Integer, primary_key=True),
    Column("number", Integer, primary_key=True),
)
