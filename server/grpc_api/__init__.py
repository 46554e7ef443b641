"""The gRPC front end: the routes of `server.rest` as methods, over the same service.

server           the listener: methods, health, reflection
health           whether the server is ready
methods          the five methods
decode_request   validates request messages with the forms of `server.api`
encode_response  converts answers and their pieces to messages
errors           converts errors to a status with google.rpc details
chunks           receives a file in chunks
call_log         the log line of a call
dialogue         a stream's messages in both directions, with limited waits
live             live audio in overlapping windows
windows          merges the events of overlapping windows
pcm              converts incoming samples to mono at 16 kHz
"""
