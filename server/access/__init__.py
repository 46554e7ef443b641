"""Who may call: API keys from a file that is read again when it changes, and what each of them may ask for."""
