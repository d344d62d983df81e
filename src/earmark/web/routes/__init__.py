"""Routes of the API, one file a subject: those of an archive, and those of a project (``studio_*``)."""
