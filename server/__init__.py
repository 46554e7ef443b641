"""The HTTP and gRPC server around the model: an uploaded recording in, JSON out.

    rest/       routes: a multipart form in, JSON or problem+json out
    service     the API that every transport calls: readiness, admission, `analyze` and `stream`
    analyst     runs one request: decoding, the engine, the deadline
    passes      analyses a long recording in several passes of the model
    decoding/   decodes audio files to samples, in processes that can be killed
    engine/     the interface to the model, the request queue, the supervisors of the worker processes
    worker      a process that owns a model (`python -m server.worker`)
    errors      the one table that maps each error to slug, title, HTTP status, gRPC code

The front end never imports torch: only the workers hold models.
"""
