"""The REST routes: multipart forms in, JSON and problem+json out."""
