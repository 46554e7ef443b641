"""`python -m training`: the same as `timeaudio train`."""

import sys

from training.recipe import main

sys.exit(main())
