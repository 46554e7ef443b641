"""From an uploaded recording to JSON: the HTTP server around the model.

    rest/       routes: a multipart form in, JSON or problem+json out
    service     what every transport calls: readiness, admission, `analyze` and `stream`
    analyst     one request: decoding, the engine, the deadline
    passes      a long recording as several passes of the model
    decoding/   audio files to samples, in processes that may be killed
    engine/     the interface to the model, the queue before it, the supervisors of the worker processes
    worker      a process that owns a model (`python -m server.worker`)
    errors      THE table: error -> slug, title, HTTP status, gRPC code

The front end never imports torch: models live in the workers alone.
"""
