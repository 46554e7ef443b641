"""Generates text from audio tokens and a question, with any causal language model of the transformers library."""
