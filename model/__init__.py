"""From a waveform to events, and back to seconds.

    waveform -> segments of 30 s -> frames of 20 ms (two encoders, fused) -> windows of 17 frames
    -> time encoding -> one token per window (Q-Former) -> merging above 30 s -> projection
    -> spliced into a prompt -> text with time markers, held to a grammar -> events

It knows nothing of transports. `pipeline.Pipeline` is the one entry.
"""
