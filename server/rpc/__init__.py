"""The gRPC front: the routes of `server.rest` as methods, over the same service.

front      the listener: methods, health, reflection
methods    the five methods
asked      messages as checked inquiries, by the forms that REST has
told       answers and their pieces as messages
errors     every error as a status with google.rpc details
chunks     a file that arrives in chunks
live       sound that arrives while it is heard
windows    from what overlapping windows hear to what is told
samples    from what callers send to mono samples at 16 kHz
"""
