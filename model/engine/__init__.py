"""Continuous batching: batched encoders, then a static key-value cache whose slots sequences join and leave.

A *sequence* is one answer being generated. It owns one *slot*: a row of the static cache of keys and values, prompt
first. A *step* computes one token for every live sequence (one per beam). Decoding allocates no cache memory.

cache      keys and values of all slots, behind the library's cache interface
slots      assignment of sequences to slots
prefill    batched prompt computation; a prefix that several questions share is computed once
decode     one step of the live sequences
drafts     guesses the next tokens of a greedy answer
drafting   a step that checks the guesses
graphs     the same step as CUDA graphs
search     greedy and sampled paths
beams      beam search
masks      tokens that each sequence's grammar forbids, for all rows at once
engine     `SlotEngine`: takes sequences, returns completions
encoding   encodes segments of different recordings in one batch
session    complete requests, from a waveform to answers
"""
