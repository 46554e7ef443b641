"""Time as text and as integers: markers, intervals, events, the grammar of an answer and its parser.

Standard library only. Every time in here is an integer number of tenths of a second.
"""
