"""Makes the component of a plugin: the interpreter with the plugin already imported, and a world that lists what
`plugin.json` names and nothing else. What the interpreter would ask of WASI is replaced by stubs, so that nothing is left.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from .manifest import KIT, WIT, Manifest, PluginError, interfaces_of, read_manifest
from .types import write_types

ENTRY = '''"""Connects the plugin with the host; made by the build."""

from mortise_sdk.wasm import interfaces
from plugin import plugin

globals().update(interfaces(plugin))
'''

#: What lies in a plugin's folder and is no part of it.
NOT_PART = ("build", "target", "tests", "cases", ".*", "__pycache__", "*.md", "venv", "node_modules")


def check(folder: Path) -> Manifest:
    """Types of the manifest, and whether every name of it has a function."""
    manifest = read_manifest(folder)
    write_types(folder, manifest)
    if not (folder / "plugin.py").exists():
        raise PluginError(f"{folder / 'plugin.py'} is missing: it gives each export its function")
    script = "from plugin import plugin; plugin.complete()"
    checked = subprocess.run([sys.executable, "-c", script], cwd=folder, env=environment(folder), capture_output=True)
    if checked.returncode != 0:
        raise PluginError(f"the plugin cannot be imported:\n{checked.stderr.decode().rstrip()}")
    return manifest


def build(folder: Path, target: Path | None = None) -> tuple[Path, int, float]:
    """The component of a plugin's folder; where it is, its size, and the seconds that it took."""
    started = time.monotonic()
    manifest = check(folder)
    target = target or folder / "build" / "plugin.wasm"
    work = folder / "build" / "work"
    shutil.rmtree(work, ignore_errors=True)
    app = work / "app"
    shutil.copytree(folder, app, ignore=shutil.ignore_patterns(*NOT_PART))
    kit = shutil.ignore_patterns("tool", "testing.py", "cases.py", "wit", "__pycache__")
    shutil.copytree(KIT / "mortise_sdk", app / "mortise_sdk", ignore=kit)
    (app / "mortise_entry.py").write_text(ENTRY, "utf-8")
    wit = _write_wit(work, manifest)
    target.parent.mkdir(parents=True, exist_ok=True)
    command = [_program(), "--quiet", "-d", wit, "-w", "plugin", "componentize", "--stub-wasi"]
    command += ["-p", app, "-o", target.resolve(), "mortise_entry"]
    made = subprocess.run([str(part) for part in command], capture_output=True, cwd=work)
    if made.returncode != 0:
        said = (made.stdout + made.stderr).decode().strip()
        raise PluginError(f"no component could be made of {folder}:\n{said}")
    return target, target.stat().st_size, time.monotonic() - started


def environment(folder: Path) -> dict[str, str]:
    """Where Python finds the plugin and the kit."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), str(KIT)]), "PYTHONDONTWRITEBYTECODE": "1"}


def _program() -> str:
    """componentize-py: beside this interpreter, in the kit's own environment, or on the path."""
    places = [Path(sys.executable).parent, KIT / ".venv" / "bin", KIT / ".venv" / "Scripts"]
    found = next((found for place in places if (found := shutil.which("componentize-py", path=str(place)))), None)
    found = found or shutil.which("componentize-py")
    if found is None:
        raise PluginError("componentize-py is not installed: pip install mortise-sdk, or python3 prepare.py in the kit")
    return found


def _write_wit(work: Path, manifest: Manifest) -> Path:
    """The world of the plugin, with the packages that it is made of."""
    wit = work / "wit"
    for file in sorted(WIT.glob("*/*.wit")):
        if file.stem == file.parent.name:
            (wit / "deps" / file.stem).mkdir(parents=True)
            shutil.copy(file, wit / "deps" / file.stem / file.name)
    imports, exports = interfaces_of(manifest)
    lines = [f"  import {name};\n" for name in imports] + [f"  export {name};\n" for name in exports]
    world = f"package mortise-plugin:component;\n\nworld plugin {{\n{''.join(lines)}}}\n"
    (wit / "world.wit").write_text(world, "utf-8")
    return wit
