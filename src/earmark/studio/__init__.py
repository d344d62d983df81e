"""A project for a language: one folder of pictures, words, speakers, consents, takes, corpus, model and archive."""
