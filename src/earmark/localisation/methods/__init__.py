"""Localisation methods: one a file, found by its file name.

Every file has

- a docstring with the method's source;
- ``refuses(model) -> str | None``: the reason why the method can't be used with a model, or None;
- ``localise(model, features, lengths, queries) -> LocalisationScores``;
- ``COSTLY = True`` if its time grows with the number of queries, so that it should be asked for no more than is needed.

A new method is one new file here and nothing else. Names that begin with an underscore are passed over.
"""
