"""Convert published data sets' official files into rows of a manifest.

Readers leave out and count rows whose recording is missing, because videos disappear.
"""
