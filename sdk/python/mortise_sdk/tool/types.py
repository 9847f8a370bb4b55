"""`plugin_gen.py` of `plugin.json`: a class for each kind of record with the fields of all its `input` lists, and the plugin
with the names that need a function.
"""

from __future__ import annotations

import json
import keyword
import re
from pathlib import Path

from .manifest import Manifest, PluginError, permissions_of

OF_RECORD = {"validator", "before-save", "after-commit", "scorer", "assigner", "renderer"}
KINDS = {"text", "integer", "decimal", "float", "boolean", "date", "timestamp", "many", "json"}


def camel(name: str) -> str:
    return "".join(word[:1].upper() + word[1:] for word in re.split(r"[_.-]", name))


def accessor(field: str) -> str:
    name = re.sub(r"[-.]", "_", field)
    return f"{name}_" if keyword.iskeyword(name) else name


def write_types(folder: Path, manifest: Manifest) -> Path:
    """Writes the file where it is not as it should be."""
    path = folder / "plugin_gen.py"
    text = types_of(manifest)
    if not path.exists() or path.read_text("utf-8") != text:
        path.write_text(text, "utf-8")
    return path


def types_of(manifest: Manifest) -> str:
    """The text of the file."""
    records = _records(manifest)
    names = ["Plugin", *(["Get", "Record"] if records else [])]
    classes = "".join(_class(entity, fields) for entity, fields in records.items())
    lines = "".join(f"        {json.dumps(entity)}: {camel(entity)},\n" for entity in records)
    listed = "{\n" + lines + "    }" if lines else "{}"
    return f'''"""Made of `plugin.json` by `mortise-sdk types`: what it names, for people, editors and the kit. Made again by every build; do
not edit.
"""

from mortise_sdk import {", ".join(sorted(names))}

{classes}
#: Its methods are the decorators: one for each extension point.
plugin = Plugin(
    {json.dumps(manifest.get("id", "") + " " + manifest.get("version", ""))},
    exports={_exports(manifest)},
    records={listed},
    permissions={json.dumps(permissions_of(manifest))},
)
'''


def _records(manifest: Manifest) -> dict[str, list[str]]:
    records: dict[str, set[str]] = {}
    for export in manifest["exports"]:
        if export["point"] in OF_RECORD and "entity" not in export:
            raise PluginError(f"plugin.json: the {export['point']} {export['name']} names no `entity`")
        if "entity" in export:
            records.setdefault(export["entity"], set()).update(export.get("input", []))
    return {entity: sorted(fields) for entity, fields in sorted(records.items())}


def _class(entity: str, fields: list[str]) -> str:
    members = "".join(
        f'''
    #: The name of the field `{field}`.
    {accessor(field).upper()} = {json.dumps(field)}

    @property
    def {accessor(field)}(self) -> Get:
        """The field `{field}`."""
        return self[{json.dumps(field)}]
'''
        for field in fields
    )
    return f'''
class {camel(entity)}(Record):
    """A record of the kind `{entity}`, with the fields that `plugin.json` asks for."""

    __slots__ = ()
    _entity = {json.dumps(entity)}
{members}
'''


def _exports(manifest: Manifest) -> str:
    points: dict[str, dict[str, str]] = {}
    for export in manifest["exports"]:
        point, name = export["point"], export["name"]
        about: dict[str, object] = {}
        if point == "function":
            kinds = [parameter["type"] for parameter in export.get("parameters", [])]
            for kind in [*kinds, export.get("returns")]:
                if kind not in KINDS:
                    raise PluginError(f"plugin.json: the function {name} has the unknown type {kind}")
            about = {"parameters": kinds, "returns": export["returns"]}
        elif "entity" in export:
            about = {"entity": export["entity"]}
        points.setdefault(point, {})[name] = json.dumps(about)
    lines = "".join(
        f"        {json.dumps(point)}: {{\n"
        + "".join(f"            {json.dumps(name)}: {about},\n" for name, about in names.items())
        + "        },\n"
        for point, names in points.items()
    )
    return "{\n" + lines + "    }"
