"""A plugin: one function for each export of `plugin.json`, behind doors of the forms that the host calls. A name in the
manifest without a function, or the reverse, is an error when the plugin is imported by the build or by its tests.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date as _Date
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar

from . import value as values
from .context import Call, Context, Host
from .record import Change, Entry, Fields, Record
from .value import NAMES, Fault, Field, IntoValue, Unreadable, Value, into_fields, into_value, read_as


@dataclass(slots=True)
class Violation:
    """Something that is wrong with a record."""

    #: The field; None when it is the record as a whole.
    field: str | None
    code: str
    #: For people, in the language of the call.
    message: str


@dataclass(slots=True)
class Proceed:
    """The save goes on."""


@dataclass(slots=True)
class Set:
    """The save goes on with these fields changed."""

    fields: Mapping[str, IntoValue]


@dataclass(slots=True)
class Reject:
    """The record is not saved."""

    why: Fault


@dataclass(slots=True)
class Done:
    """An action is finished, with these results."""

    fields: Mapping[str, IntoValue] = field(default_factory=dict)


@dataclass(slots=True)
class SleepUntil:
    """Call the action again at this time."""

    moment: str


@dataclass(slots=True)
class WaitFor:
    """Call the action again when this event comes in."""

    event: str


@dataclass(slots=True)
class Score:
    """A number for a record, with its reasons: text for people, and what it adds."""

    value: float
    reasons: Sequence[tuple[str, float]] = ()


@dataclass(slots=True)
class Candidate:
    """Somebody who may get a record."""

    id: str
    fields: Fields


@dataclass(slots=True)
class Column:
    """A column of a table; `kind` is `text`, `integer`, `decimal`, `date`, `timestamp` or `percent`."""

    name: str
    label: str
    kind: str


@dataclass(slots=True)
class Table:
    """The figures of a tile; the cells are anything that JSON can say."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[Any]]


@dataclass(slots=True)
class Document:
    """A document."""

    name: str
    media_type: str
    content: str | bytes


@dataclass(slots=True)
class Progress:
    """How far a job has come: without a cursor it is finished."""

    processed: int
    cursor: str | bytes | None = None
    note: str | None = None


OF_RECORD = frozenset(("validator", "before-save", "after-commit", "scorer", "assigner", "renderer"))
#: How many arguments the function of a point takes; functions for expressions take what the manifest says.
ARGUMENTS = {
    "validator": 2,
    "before-save": 2,
    "after-commit": 2,
    "action": 3,
    "scorer": 2,
    "assigner": 3,
    "provider": 2,
    "renderer": 3,
    "job": 3,
    "connector": 3,
}

F = TypeVar("F", bound=Callable[..., Any])


class ManifestError(Exception):
    """The plugin does not do what its manifest says."""


class Plugin:
    """A plugin under construction. `plugin_gen.py` makes the one of a folder; its methods are the decorators.

    `exports` is what the manifest names, by point and name; `records` the class of the record of an entity.
    """

    def __init__(
        self,
        id: str,
        exports: Mapping[str, Mapping[str, Mapping[str, Any]]],
        records: Mapping[str, type[Record]],
        permissions: Sequence[str],
    ) -> None:
        self.id = id
        self.exports = exports
        self.records = records
        self.permissions = permissions
        self.functions: dict[tuple[str, str], Callable[..., Any]] = {}

    def validator(self, name: str) -> Callable[[F], F]:
        """`(cx, change) -> list[Violation]`: checks a record before it is saved."""
        return self._take("validator", name)

    def before_save(self, name: str) -> Callable[[F], F]:
        """`(cx, change) -> Proceed | Set | Reject`: looks at a record before it is saved, and may change it."""
        return self._take("before-save", name)

    def after_commit(self, name: str) -> Callable[[F], F]:
        """`(cx, change) -> None`: told about a change afterwards."""
        return self._take("after-commit", name)

    def action(self, name: str) -> Callable[[F], F]:
        """`(cx, input, resumed) -> Done | SleepUntil | WaitFor`: a step of a rule or a workflow."""
        return self._take("action", name)

    def function(self, name: str) -> Callable[[F], F]:
        """`(a, b, …) -> answer`: a function for expressions, with the arguments that the manifest declares."""
        return self._take("function", name)

    def scorer(self, name: str) -> Callable[[F], F]:
        """`(cx, record) -> Score`: gives a record a number."""
        return self._take("scorer", name)

    def assigner(self, name: str) -> Callable[[F], F]:
        """`(cx, record, candidates) -> str | None`: chooses a person."""
        return self._take("assigner", name)

    def provider(self, name: str) -> Callable[[F], F]:
        """`(cx, params) -> Table`: brings the figures of a tile."""
        return self._take("provider", name)

    def renderer(self, name: str) -> Callable[[F], F]:
        """`(cx, record, params) -> Document`: makes a document."""
        return self._take("renderer", name)

    def job(self, name: str) -> Callable[[F], F]:
        """`(cx, cursor, params) -> Progress`: one step of work by the clock."""
        return self._take("job", name)

    def connector(self, name: str) -> Callable[[F], F]:
        """`(cx, input, probe) -> dict`: a door to another system; with `probe`, nothing may change there."""
        return self._take("connector", name)

    def complete(self) -> None:
        """An error when a name of the manifest has no function."""
        for point, names in self.exports.items():
            for name in names:
                if (point, name) not in self.functions:
                    raise ManifestError(f"plugin.json names the {point} `{name}`, and no function has it")

    def _take(self, point: str, name: str) -> Callable[[F], F]:
        known = self.exports.get(point, {})
        if name not in known:
            names = ", ".join(f"`{name}`" for name in known) or "none"
            raise ManifestError(f"plugin.json has no {point} named `{name}`; it has {names}")

        def take(own: F) -> F:
            wanted = len(known[name]["parameters"]) if point == "function" else ARGUMENTS[point]
            try:
                inspect.signature(own).bind(*range(wanted))
            except TypeError:
                raise ManifestError(f"the {point} `{name}` has to take {wanted} arguments") from None
            self.functions[point, name] = own
            return own

        return take


_READ = {
    "text": "text",
    "integer": "integer",
    "decimal": "text",
    "float": "number",
    "boolean": "boolean",
    "date": "text",
    "timestamp": "text",
    "many": "many",
    "json": "json",
}


class Doors:
    """The exports of a plugin as the host calls them, in types of the kit."""

    def __init__(self, plugin: Plugin, host: Host) -> None:
        plugin.complete()
        self._plugin = plugin
        self._host = host

    def validate(self, name: str, call: Call, before: Entry | None, after: Entry) -> list[Violation]:
        op = "create" if before is None else "update"
        change = self._change("validator", name, op, before, after)
        return list(self._own("validator", name)(self._cx(call), change))

    def before_save(
        self, name: str, call: Call, op: str, before: Entry | None, after: Entry | None
    ) -> Proceed | Set | Reject:
        return self._own("before-save", name)(self._cx(call), self._change("before-save", name, op, before, after))

    def after_commit(self, name: str, call: Call, op: str, before: Entry | None, after: Entry | None) -> None:
        self._own("after-commit", name)(self._cx(call), self._change("after-commit", name, op, before, after))

    def run(
        self, name: str, call: Call, input: list[Field], resumed: list[Field] | None
    ) -> Done | SleepUntil | WaitFor:
        arrived = None if resumed is None else Fields(resumed)
        return self._own("action", name)(self._cx(call), Fields(input), arrived)

    def call_many(self, name: str, rows: list[list[Value]]) -> list[Value]:
        own = self._own("function", name)
        declared = self._plugin.exports["function"][name]
        parameters, returns = declared["parameters"], declared["returns"]
        return [_answer(own(*_arguments(row, parameters)), returns, name) for row in rows]

    def score(self, name: str, call: Call, subjects: list[Entry]) -> list[tuple[str, Score]]:
        own, cx = self._own("scorer", name), self._cx(call)
        return [(entry.id or "", own(cx, self._record("scorer", name, entry))) for entry in subjects]

    def assign(self, name: str, call: Call, subject: Entry, candidates: list[Candidate]) -> str | None:
        return self._own("assigner", name)(self._cx(call), self._record("assigner", name, subject), candidates)

    def load(self, name: str, call: Call, params: list[Field]) -> Table:
        return self._own("provider", name)(self._cx(call), Fields(params))

    def render(self, name: str, call: Call, subject: Entry, params: list[Field]) -> Document:
        record = self._record("renderer", name, subject)
        return self._own("renderer", name)(self._cx(call), record, Fields(params))

    def step(self, name: str, call: Call, cursor: bytes | None, params: list[Field]) -> Progress:
        return self._own("job", name)(self._cx(call), cursor, Fields(params))

    def connect(self, name: str, call: Call, input: list[Field], probe: bool) -> list[Field]:
        return into_fields(self._own("connector", name)(self._cx(call), Fields(input), probe))

    def _own(self, point: str, name: str) -> Callable[..., Any]:
        # The host checks names before it calls; a test may not.
        try:
            return self._plugin.functions[point, name]
        except KeyError:
            raise Fault("unknown_export", f"this plugin has no {point} named {name}") from None

    def _cx(self, call: Call) -> Context:
        return Context(call, self._host)

    def _record(self, point: str, name: str, entry: Entry) -> Record:
        return self._plugin.records[self._plugin.exports[point][name]["entity"]](entry)

    def _change(
        self, point: str, name: str, op: str, before: Entry | None, after: Entry | None
    ) -> Change[Record]:
        old = None if before is None else self._record(point, name, before)
        new = None if after is None else self._record(point, name, after)
        return Change(op, old, new)


def _arguments(row: list[Value], parameters: Sequence[str]) -> list[Any]:
    """The arguments of one row. Numbers, yes or no and JSON are None where there is no value."""
    arguments = []
    for number, declared in enumerate(parameters, 1):
        if number > len(row):
            raise Fault("argument", f"argument {number} is missing")
        given, kind = row[number - 1], _READ[declared]
        try:
            arguments.append(read_as(given, kind))
        except Unreadable:
            if given.kind != "null":
                raise Fault("argument", f"argument {number} is not {NAMES[kind]}") from None
            arguments.append(None)
    if len(row) > len(parameters):
        raise Fault("argument", "there are too many arguments")
    return arguments


_ANSWERS: dict[str, tuple[tuple[type, ...], Callable[[Any], Value]]] = {
    "text": ((str,), into_value),
    "integer": ((int,), into_value),
    "decimal": ((str, Decimal), values.decimal),
    "float": ((float, int), lambda number: Value("float", float(number))),
    "boolean": ((bool,), into_value),
    "date": ((str, _Date), values.date),
    "timestamp": ((str, datetime), values.timestamp),
    "many": ((list, tuple), into_value),
}


def _answer(answer: Any, returns: str, name: str) -> Value:
    """An answer, as the manifest declares it."""
    if answer is None:
        return values.NULL
    if returns == "json":
        return values.json(answer)
    types, convert = _ANSWERS[returns]
    if not isinstance(answer, types) or (isinstance(answer, bool) and returns != "boolean"):
        given = type(answer).__name__
        raise TypeError(f"the function {name} answered with {given} where plugin.json says {returns}")
    return convert(answer)
