"""How good an answer is: events, grounding, the kinds in captions, and how sure such a number is.

Every function takes typed rows and returns fractions from 0 to 1. NumPy and SciPy only.
"""
