"""Earmark finds where a word is spoken in recordings that nobody has transcribed."""
