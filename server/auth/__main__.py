"""`python -m server.auth NAME`: create an API key. Its table goes to standard output, the key to standard error."""

import argparse
import re
import secrets
import sys

from server.auth.keys import NAME, digest


def main() -> None:
    """Create a key, print its table, and show the key once: it is not stored anywhere."""
    parser = argparse.ArgumentParser(
        prog="python -m server.auth",
        description="Create an API key: python -m server.auth archive >> keys.toml",
    )
    parser.add_argument("name", help="the key's owner; appears in logs and metrics")
    name = parser.parse_args().name
    if not re.fullmatch(NAME, name):
        parser.error(f"{name!r} is not a name: use up to 64 letters, digits, dots, hyphens and underscores")
    key = f"ta-{secrets.token_urlsafe(32)}"
    print(f'["{name}"]\nsha256 = ["{digest(key)}"]\n# requests_per_minute = 600\n# concurrent = 8\n')  # noqa: T201
    print(f"The key of {name}, shown only once: {key}", file=sys.stderr)  # noqa: T201


if __name__ == "__main__":
    main()
