"""Analyse archives: a manifest in, one row per recording out, resumable. See `timeaudio batch --help`."""
