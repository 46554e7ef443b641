"""From recordings with a known kind to scenes with known times, and from scenes to questions and answers."""
