"""`python -m mortise_sdk build`: the same as the program `mortise-sdk`."""

import sys

from .tool.cli import main

sys.exit(main())
