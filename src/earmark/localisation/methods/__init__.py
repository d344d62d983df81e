"""Localisation methods: one a file, found by its file name.

Every file has

- a docstring with the method's source;
- ``check_model(model) -> str | None``: the reason why the method can't be used with a model, or None;
- ``localise(model, encoded, queries) -> LocalisationScores``;
- ``COST_GROWS_WITH_QUERIES = True`` if its time grows with the number of queries;
- ``NEEDS_FEATURES = True`` if it uses the features, and not only the frames, of encoded speech.

A new method is one new file here and nothing else. Names that begin with an underscore are passed over.
"""
