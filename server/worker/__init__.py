"""The process that owns the model: `python -m server.worker --socket PATH [--checkpoint DIR] [--device cpu]`.

job      one request: its message as the session takes it, and updates as messages
loop     the model's own thread, which steps all requests together
service  the gRPC side: requests in, updates out, never waiting for the model
spans    the steps of a request, for traces
"""
