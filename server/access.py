"""`python -m server.access NAME`: the former name of `python -m server.auth NAME`."""

from server.auth.__main__ import main

if __name__ == "__main__":
    main()
