"""The process that owns the model: `python -m server.worker --socket PATH [--checkpoint DIR] [--device cpu]`.

job      one request: converts its message for the session, and updates to messages
loop     the model thread, which steps all requests together
service  the gRPC side: requests in, updates out; never waits for the model
spans    the steps of a request as trace spans
"""
