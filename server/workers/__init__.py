"""The engine that runs the model: its interface, its queue, and the worker processes.

protocol       the engine interface
worker_pool    the engine in production: sends requests to workers, and retries once if a worker dies
request_queue  the queue shared by all workers
supervisor     supervises one worker: starts, watches and replaces it
watchdog       decides when a worker must be replaced
process        a worker's process and socket
quarantine     refuses requests that crash workers
codec          messages of the worker contract
"""
