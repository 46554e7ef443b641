"""The command lines of `timeaudio train`, `evaluate`, `calibrate`, `ablate` and `data`.

They need only the base package, so `--help` and the messages about wrong options need no extra.
"""
