"""The HTTP and gRPC server around the model: an uploaded recording in, JSON out.

    api/         requests, results and their JSON models, shared by both transports
    rest/        routes: a multipart form in, JSON or problem+json out
    grpc_api/    the same service over gRPC, and live audio
    inference/   one request from its file to its answer: admission, decoding, passes, deadline
    workers/     the engine interface, the request queue, the worker processes and their supervisors
    worker/      a process that owns a model (`python -m server.worker`)
    decoding/    audio files to samples, in processes that can be killed
    auth/        API keys, rate limits, security headers
    playground/  the page
    runtime/     the process around the application: HTTP server, signals, blocking calls
    errors       the one table that maps each error to slug, title, HTTP status, gRPC code

The front end never imports torch: only the workers hold models.
"""
