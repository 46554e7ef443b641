"""The speech encoder and the sound encoders: from a segment's samples to 50 frames per second."""
