"""A project of a language: one folder of pictures, words, speakers, consents, takes, a corpus, a model and an archive."""
