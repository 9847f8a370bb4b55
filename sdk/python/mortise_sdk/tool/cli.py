"""`mortise-sdk types | check | build | test`: what `mortise plugin` calls for plugins in Python."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from .build import build, check, environment
from .manifest import PluginError, read_manifest
from .types import write_types

USAGE = """usage: mortise-sdk types [folder]            writes plugin_gen.py of plugin.json
       mortise-sdk check [folder]            the same, and imports the plugin
       mortise-sdk build [folder] [target]   makes the component: build/plugin.wasm
       mortise-sdk test  [folder]            runs tests/test_*.py"""


def main(arguments: list[str] | None = None) -> int:
    """The exit code."""
    command, *given = (sys.argv[1:] if arguments is None else arguments) or [""]
    folder = Path(given[0] if given else ".").resolve()
    try:
        return run(command, folder, given[1:])
    except PluginError as error:
        print(error, file=sys.stderr)
        return 1


def run(command: str, folder: Path, rest: list[str]) -> int:
    if command == "types":
        print(write_types(folder, read_manifest(folder)))
    elif command == "check":
        check(folder)
    elif command == "build":
        target, size, seconds = build(folder, Path(rest[0]).resolve() if rest else None)
        print(f"{target}: {size} bytes in {seconds:.1f} s")
    elif command == "test":
        check(folder)
        tests = [sys.executable, "-m", "unittest", "discover", "-s", "tests", "-t", "."]
        return subprocess.run(tests, cwd=folder, env=environment(folder)).returncode
    else:
        print(USAGE, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
