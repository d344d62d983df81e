"""The one exception a user is meant to read."""


class EarmarkError(Exception):
    """Something the user can mend, said in one sentence: what is wrong, where, and what to do about it."""
