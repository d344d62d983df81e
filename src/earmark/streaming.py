"""Long recordings, read a stretch at a time, with their channels apart."""

from __future__ import annotations
