"""The process around the application: HTTP server, signals, blocking calls."""
