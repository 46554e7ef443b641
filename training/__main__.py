"""`python -m training`: the same as `timeaudio train`."""

import sys

from training.stage_command import main

sys.exit(main())
