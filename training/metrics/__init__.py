"""Score answers: events, groundings, captions, text, counts and calibration, with bootstrap intervals.

Functions take typed rows and return fractions from 0 to 1. They need only NumPy and SciPy, except `text`.
"""
