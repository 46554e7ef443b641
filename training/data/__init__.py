"""Compose scenes with known times from labelled recordings, and make questions and answers about them."""
