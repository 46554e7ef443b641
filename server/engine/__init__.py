"""Who runs the model: the interface, the queue before it, and the supervisors of the worker processes.

protocol       what an engine is
worker_engine  the one that serves: requests to workers, once more where a worker died
places         the line before all workers
keeper         one worker: started, watched, replaced
watchdog       when it is given up
process        its process and its socket
suspects       requests that workers die of
admission      who may enter at all
convert        messages of the workers' contract
"""
