"""What the engine is measured by: the same modules in the library's own `generate`, one request after another.

clock      wall and processor time of a piece of work
decoding   tokens per second, prompts included
masks      the grammar's share of decoding
clips      clips per second, encoders included
full_size  a model of the paper's size, with random weights
"""
