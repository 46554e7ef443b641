"""Readers of published data sets: each turns a source's official files into rows of a manifest.

They read annotations and name recordings; a row whose recording is not there is left out and counted, as videos vanish.
"""
