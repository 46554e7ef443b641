"""The REST routes: multipart, JSON or raw audio in; JSON, problem+json or event streams out."""
