"""`python -m timeaudio`: the command line, for when its script is not on the path."""

import sys

from timeaudio.cli import main

if __name__ == "__main__":
    sys.exit(main())
