"""The engine that runs the model: its interface, its queue, and the supervisors of the worker processes.

protocol       the engine interface
worker_engine  the engine in production: sends requests to workers, and retries once if a worker dies
places         the queue shared by all workers
supervisor         supervises one worker: starts, watches and replaces it
watchdog       decides when a worker must be replaced
process        a worker's process and socket
quarantine       requests that crash workers
admission      bounds on the requests and audio in the server
convert        messages of the worker contract
"""
