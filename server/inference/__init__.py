"""Runs one request from its file to its answer: admission, decoding, passes, deadline."""
