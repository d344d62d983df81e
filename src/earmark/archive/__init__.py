"""An archive: recordings that are indexed once and can be searched again and again."""
