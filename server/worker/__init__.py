"""The process that owns the model: `python -m server.worker --socket PATH [--checkpoint DIR] [--device cpu]`.

job      one request, from samples to answers, in the model's own thread
service  the gRPC side: requests in, updates out, never waiting for the model
"""
