"""Benchmarks of the engine against the library's own `generate` on the same modules, one request after another.

clock      wall time and CPU time of a function call
decoding   tokens per second, prompts included
masks      the grammar's share of decoding
clips      clips per second, encoders included
full_size  a model of the paper's size, with random weights
suite      all benchmarks for a device
"""
