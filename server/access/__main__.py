"""`python -m server.access NAME`: makes an API key. Its table goes to standard output, the key to standard error."""

import argparse
import secrets
import sys

from server.access.keys import digest


def main() -> None:
    """Make a key, print its table, and tell the key once: nothing keeps it."""
    parser = argparse.ArgumentParser(
        prog="python -m server.access",
        description="Make an API key: python -m server.access archive >> keys.toml",
    )
    parser.add_argument("name", help="whose key it is; appears in logs and metrics")
    name = parser.parse_args().name
    key = f"ta-{secrets.token_urlsafe(32)}"
    print(f'[{name}]\nsha256 = ["{digest(key)}"]\n# requests_per_minute = 600\n# concurrent = 8\n')  # noqa: T201
    print(f"The key of {name}, told only now: {key}", file=sys.stderr)  # noqa: T201


if __name__ == "__main__":
    main()
