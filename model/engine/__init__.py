"""Many requests through one model: batched encoders, then one static cache of slots that requests join and leave.

A *sequence* is one answer being written. It owns one *slot*: a row of the static cache of keys and values, prompt
first. A *step* computes one token for every live sequence (one per beam). Nothing is allocated while decoding.

cache      the slots' keys and values, as a cache of the library's
slots      which sequence lives in which slot
prefill    prompts into slots, several at once; what several questions share is computed once
decode     one step of the live sequences
graphs     the same step as CUDA graphs
search     greedy and sampled paths
beams      beam search
masks      what each sequence's grammar forbids, for all rows at once
engine     `SlotEngine`: sequences in, completions out
encoding   segments of different recordings through the encoders together
session    whole requests, from a waveform to answers
"""
