"""Access control: API keys from a file that is reloaded when it changes, with limits for each caller."""
