"""From a segment's samples to frames: 50 per second, from a speech encoder and from a sound encoder."""
