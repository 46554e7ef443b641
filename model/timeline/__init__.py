"""Time as text and as integers: markers, intervals, events, the grammar of an answer and its parser.

Uses only the standard library. Every time is an integer number of tenths of a second.
"""
