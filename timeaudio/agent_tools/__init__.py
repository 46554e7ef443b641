"""Tools for programs that speak the Model Context Protocol: hear, find, summarize and ask about recordings.

    command     `timeaudio mcp`
    tools       the four tools, by the official SDK
    strict      refuses arguments that a tool does not have
    backend     answers calls: a server, or the model in this process
    recording   the recording that a call names: a path, an address, or bytes in base64
    folders     keeps paths inside the allowed folders
    download    fetches recordings from the allowed addresses

Importing `command` loads neither the SDK nor a model.
"""
