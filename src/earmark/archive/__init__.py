"""An archive: recordings that were heard once and can be searched again and again."""
