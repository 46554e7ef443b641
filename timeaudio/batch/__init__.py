"""Archives: a manifest in, one row per recording out, whatever is killed on the way. See `timeaudio batch --help`."""
