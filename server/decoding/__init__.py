"""Decode audio files to samples, in processes that can be killed."""
