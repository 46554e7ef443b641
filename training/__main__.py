"""Run `timeaudio train` as `python -m training`."""

import sys

from training.stage_command import main

sys.exit(main())
