"""From an uploaded recording to JSON: the HTTP server around the model.

    rest/       routes: a multipart form in, JSON or problem+json out
    service     admission, audio decoding, the engine and the deadline, for any transport
    decoding/   audio files to samples, in processes that may be killed
    engine/     the interface to the model, the queue before it, the supervisor of the worker process
    worker      the process that owns the model (`python -m server.worker`)
    errors      THE table: error -> slug, title, HTTP status, gRPC code

The front end never imports torch: the model lives in the worker alone.
"""
