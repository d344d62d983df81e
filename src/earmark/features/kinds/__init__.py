"""Feature kinds: one a file, found by its file name (``log_mel.py`` is ``kind: log-mel`` in a recipe).

Every file has

- a docstring with the definition and its source;
- ``Settings``, a :class:`earmark.recipe.FeatureSettings` whose ``kind`` is the file's name;
- ``build(settings) -> FeatureExtractor``;
- for networks, ``resolve(settings, download)``, see :func:`earmark.features.resolve`.

A new kind is one new file here and nothing else. Names that begin with an underscore are passed over.
"""
