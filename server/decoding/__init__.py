"""Audio files to samples, in processes that may be killed."""
