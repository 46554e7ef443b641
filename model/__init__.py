"""The model: it turns a waveform and a question into events with times.

    waveform -> segments of 30 s -> frames of 20 ms (two encoders, fused) -> windows of 17 frames
    -> time encoding -> one token per window (Q-Former) -> merging above 30 s -> projection
    -> spliced into a prompt -> text with time markers, constrained by a grammar -> events

`pipeline.Pipeline` is the only entry point. Nothing here depends on a transport.
"""
