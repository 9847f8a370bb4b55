"""`python3 build.py <plugin folder> [component]`: makes a component of a plugin in Python."""

import sys

from mortise_sdk.tool.cli import main

sys.exit(main(["build", *sys.argv[1:]]))
