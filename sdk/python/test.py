"""`python3 test.py`: the tests of the kit, of the plugin of the conformance cases, and of the plugins that ship in Python."""

import json
import subprocess
import sys
from pathlib import Path

from mortise_sdk.tool.cli import main

here = Path(__file__).resolve().parent
root = here.parents[1]


def is_ours(folder: Path) -> bool:
    manifest = folder / "plugin.json"
    return manifest.exists() and json.loads(manifest.read_text("utf-8")).get("language") == "python"


kit = [sys.executable, "-m", "unittest", "discover", "-s", "tests", "-t", "."]
codes = [subprocess.run(kit, cwd=here).returncode]
folders = [root / "sdk" / "conformance" / "python", *sorted((root / "plugins").iterdir())]
codes += [main(["test", str(folder)]) for folder in folders if is_ours(folder)]
sys.exit(max(codes))
