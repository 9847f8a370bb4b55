"""The parts of `plugin.json` that the kit depends on, and what they stand for in the interface. Not a check of the manifest:
that is `mortise plugin check`'s.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

#: The folder that `mortise_sdk` lies in.
KIT = Path(__file__).resolve().parents[2]

#: Where the WIT packages are: in the package that was installed, or beside the kit in the repository.
WIT = next(
    (folder for folder in (KIT / "mortise_sdk" / "wit", KIT.parent / "wit") if (folder / "words.json").exists()),
    KIT.parent / "wit",
)

Manifest = dict[str, Any]


class PluginError(Exception):
    """A slip in a plugin's folder; everything else is a slip of the kit."""


def words() -> dict[str, dict[str, str]]:
    """The words of the manifest with their interfaces."""
    return json.loads((WIT / "words.json").read_text("utf-8"))


def read_manifest(folder: Path) -> Manifest:
    """Reads the manifest of a folder."""
    path = folder / "plugin.json"
    try:
        manifest = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise PluginError(f"{path} is missing: every plugin has a manifest") from None
    except ValueError as error:
        raise PluginError(f"{path}: {error}") from None
    if not isinstance(manifest.get("exports"), list):
        raise PluginError(f"{path}: `exports` is missing")
    points = words()["points"]
    for export in manifest["exports"]:
        point = export.get("point")
        if point not in points:
            raise PluginError(f"{path}: there is no point {point}; there are {', '.join(points)}")
        if not isinstance(export.get("name"), str):
            raise PluginError(f"{path}: a {point} without a `name`")
    if manifest.get("language") != "python":
        raise PluginError(f'{path}: `language` has to be "python", so that the server allows for an interpreter')
    return manifest


def permissions_of(manifest: Manifest) -> list[str]:
    """The permissions that a manifest asks for: `records.read`, `http` …"""
    return [word for word, asked in manifest.get("permissions", {}).items() if asked]


def interfaces_of(manifest: Manifest) -> tuple[list[str], list[str]]:
    """The interfaces of a plugin: what it may import, and what it exports."""
    known = words()
    asked = {"log", "budget", *permissions_of(manifest)}
    imports = [interface for word, interface in known["capabilities"].items() if word in asked]
    points = {export["point"] for export in manifest["exports"]}
    return imports, [interface for point, interface in known["points"].items() if point in points]
