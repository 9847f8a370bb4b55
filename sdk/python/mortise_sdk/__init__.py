"""Writes plugins for Mortise in Python.

A plugin is a folder with a `plugin.json`, from which `mortise-sdk types` makes `plugin_gen.py`, and a `plugin.py` that gives
each export its function; it becomes a component for the server and runs on any Python in tests.

    from mortise_sdk import Change, Context, Violation
    from plugin_gen import Company, plugin

    @plugin.validator("vat-number")
    def vat_number(cx: Context, change: Change[Company]) -> list[Violation]: ...

Never reads a clock or rolls dice: what a plugin knows comes with the call (`Context`) or from the host.
"""

from .context import Call, Context, Http, Log, Page, Records, Response, Storage
from .plugin import (
    Candidate,
    Column,
    Document,
    Done,
    ManifestError,
    Plugin,
    Proceed,
    Progress,
    Reject,
    Score,
    Set,
    SleepUntil,
    Table,
    Violation,
    WaitFor,
)
from .record import Change, Entry, Fields, Get, Record
from .value import (
    Fault,
    Field,
    IntoValue,
    Other,
    Reference,
    Value,
    date,
    decimal,
    json,
    other,
    reference,
    timestamp,
)

__all__ = [
    "Call",
    "Candidate",
    "Change",
    "Column",
    "Context",
    "Document",
    "Done",
    "Entry",
    "Fault",
    "Field",
    "Fields",
    "Get",
    "Http",
    "IntoValue",
    "Log",
    "ManifestError",
    "Other",
    "Page",
    "Plugin",
    "Proceed",
    "Progress",
    "Record",
    "Records",
    "Reference",
    "Reject",
    "Response",
    "Score",
    "Set",
    "SleepUntil",
    "Storage",
    "Table",
    "Value",
    "Violation",
    "WaitFor",
    "date",
    "decimal",
    "json",
    "other",
    "reference",
    "timestamp",
]
