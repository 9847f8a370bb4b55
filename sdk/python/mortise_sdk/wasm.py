"""The exports of a component, as componentize-py wants them: one class for each interface. Only the entry that the build
writes uses this, inside the component. A slip of the plugin, other than a fault, goes to the run log and then ends the call.
"""

from __future__ import annotations

import importlib
import json as _json
import traceback
from collections.abc import Callable
from types import ModuleType
from typing import Any

from componentize_py_types import Err  # type: ignore[import-not-found]
from wit_world.imports import calls, values  # type: ignore[import-not-found]

from .context import Call, Condition, Query, Request, Response, not_asked
from .plugin import Candidate, Doors, Done, Plugin, Proceed, Set, SleepUntil
from .record import Entry, Fields
from .value import Fault, Field, Other, Reference, Value, into_fields

#: Longest note about a slip: a traceback of some ten lines.
NOTE_CHARS_MAX = 2000


def _module(name: str) -> ModuleType | None:
    """A module of the bindings; none when the interface is not in the world."""
    try:
        return importlib.import_module(f"wit_world.{name}")
    except ImportError:
        return None


_log, _budget = _module("imports.log"), _module("imports.budget")
_read, _write = _module("imports.read"), _module("imports.write")
_client, _kv = _module("imports.client"), _module("imports.kv")

_CLASSES = {
    kind: getattr(values, f"Value_{kind.capitalize()}")
    for kind in "boolean integer float decimal text date timestamp bytes many json".split()
}
_KINDS = {cls: kind for kind, cls in _CLASSES.items()}


def _to_value(value: Value) -> Any:
    if (cls := _CLASSES.get(value.kind)) is not None:
        return cls(value.val)
    if value.kind == "reference":
        return values.Value_Reference(values.Reference(value.val.entity, value.val.id))
    if value.kind == "other":
        return values.Value_Other(values.Other(value.val.kind, value.val.text))
    return values.Value_Null()


def _of_value(wire: Any) -> Value:
    if (kind := _KINDS.get(type(wire))) is not None:
        return Value(kind, wire.value)
    if isinstance(wire, values.Value_Reference):
        return Value("reference", Reference(wire.value.entity, wire.value.id))
    if isinstance(wire, values.Value_Other):
        return Value("other", Other(wire.value.kind, wire.value.text))
    return Value("null")


def _to_fields(fields: list[Field]) -> list[Any]:
    return [values.Field(field.name, _to_value(field.value)) for field in fields]


def _of_fields(wire: list[Any]) -> list[Field]:
    return [Field(field.name, _of_value(field.value)) for field in wire]


def _of_entry(wire: Any) -> Entry:
    return Entry(wire.entity, wire.id, _of_fields(wire.fields))


def _maybe(wire: Any) -> Entry | None:
    return None if wire is None else _of_entry(wire)


def _of_call(wire: Any) -> Call:
    config = _of_fields(wire.config)
    return Call(
        wire.tenant,
        wire.actor,
        wire.locale,
        wire.time_zone,
        wire.now,
        wire.idempotency_key,
        wire.attempt,
        wire.depth,
        config,
    )


def _to_fault(fault: Fault) -> Any:
    if fault.after_ms is not None:
        retry = calls.Retry_AfterMs(fault.after_ms)
    else:
        retry = calls.Retry_Backoff() if fault.backoff else calls.Retry_Never()
    return calls.Fault(fault.code, fault.message, retry)


def _ask(question: Callable[..., Any], *given: Any) -> Any:
    """Asks the host; its fault becomes one that a plugin can catch."""
    try:
        return question(*given)
    except Err as error:
        wire = error.value
        after = wire.retry.value if isinstance(wire.retry, calls.Retry_AfterMs) else None
        backoff = isinstance(wire.retry, calls.Retry_Backoff)
        raise Fault(wire.code, wire.message, backoff=backoff, after_ms=after) from None


class _Host:
    """The host behind the imports of the component."""

    def log(self, level: str, message: str) -> None:
        (_log or not_asked("log")).write(level, message)

    def remaining(self) -> list[tuple[str, int]]:
        return [(counter.name, counter.left) for counter in (_budget or not_asked("budget")).remaining()]

    def get(self, entity: str, id: str, fields: list[str]) -> Entry | None:
        return _maybe(_ask((_read or not_asked("records.read")).get, entity, id, fields))

    def find(self, entity: str, query: Query) -> tuple[list[Entry], str | None]:
        read = _read or not_asked("records.read")
        conditions = self._conditions(query.conditions)
        wire = read.Query(conditions, query.order, query.fields, query.limit, query.cursor)
        page = _ask(read.find, entity, wire)
        return [_of_entry(entry) for entry in page.entries], page.next

    def count(self, entity: str, conditions: list[Condition]) -> int:
        return _ask((_read or not_asked("records.read")).count, entity, self._conditions(conditions))

    def _conditions(self, conditions: list[Condition]) -> list[Any]:
        read = _read or not_asked("records.read")
        return [read.Condition(one.field, one.op, _to_value(one.value)) for one in conditions]

    def create(self, entity: str, fields: list[Field]) -> str:
        return _ask((_write or not_asked("records.write")).create, entity, _to_fields(fields))

    def update(self, entity: str, id: str, fields: list[Field]) -> None:
        _ask((_write or not_asked("records.write")).update, entity, id, _to_fields(fields))

    def delete(self, entity: str, id: str) -> None:
        _ask((_write or not_asked("records.write")).delete, entity, id)

    def send(self, request: Request) -> Response:
        client = _client or not_asked("http")
        headers = [client.Header(name, value) for name, value in request.headers]
        wire = client.Request(
            request.method, request.url, headers, request.body, request.credential, request.timeout_ms
        )
        said = _ask(client.send, wire)
        return Response(said.status, [(header.name, header.value) for header in said.headers], said.body)

    def storage_get(self, key: str) -> bytes | None:
        return _ask((_kv or not_asked("storage")).get, key)

    def storage_set(self, key: str, value: bytes) -> None:
        _ask((_kv or not_asked("storage")).set, key, value)

    def storage_delete(self, key: str) -> None:
        _ask((_kv or not_asked("storage")).delete, key)

    def storage_swap(self, key: str, expected: bytes | None, value: bytes | None) -> bool:
        return _ask((_kv or not_asked("storage")).swap, key, expected, value)

    def storage_keys(self, prefix: str, after: str | None, limit: int) -> list[str]:
        return _ask((_kv or not_asked("storage")).keys, prefix, after, limit)


def _guarded(door: Callable[..., Any], log: bool = True) -> Callable[..., Any]:
    def guarded(_: Any, *given: Any) -> Any:
        try:
            return door(*given)
        except Fault as fault:
            raise Err(_to_fault(fault)) from None
        except Exception:
            if log and _log is not None:
                _log.write("error", traceback.format_exc()[-NOTE_CHARS_MAX:])
            raise

    return guarded


def interfaces(plugin: Plugin) -> dict[str, type]:
    """The interfaces of a plugin by the names that componentize-py looks for."""
    doors = Doors(plugin, _Host())
    exports = {
        "validator": lambda: {"validate": _validate(doors)},
        "before-save": lambda: {"before_save": _before_save(doors)},
        "after-commit": lambda: {"after_commit": _after_commit(doors)},
        "action": lambda: {"run": _run(doors)},
        "function": lambda: {"call_many": _call_many(doors)},
        "scorer": lambda: {"score": _score(doors)},
        "assigner": lambda: {"assign": _assign(doors)},
        "provider": lambda: {"load": _load(doors)},
        "renderer": lambda: {"render": _render(doors)},
        "job": lambda: {"step": _step(doors)},
        "connector": lambda: {"invoke": _connect(doors, False), "probe": _connect(doors, True)},
    }
    names = {"function": "Functions"}
    made = {}
    for point in plugin.exports:
        name = names.get(point, "".join(word.capitalize() for word in point.split("-")))
        # Functions may call nothing, not even the log.
        methods = {name: _guarded(door, point != "function") for name, door in exports[point]().items()}
        made[name] = type(name, (), methods)
    return made


def _exported(name: str) -> Any:
    return importlib.import_module(f"wit_world.exports.{name}")


def _validate(doors: Doors) -> Callable[..., Any]:
    violation = _exported("validator").Violation

    def validate(rule: str, ctx: Any, before: Any, after: Any) -> list[Any]:
        said = doors.validate(rule, _of_call(ctx), _maybe(before), _of_entry(after))
        return [violation(one.field, one.code, one.message) for one in said]

    return validate


def _before_save(doors: Doors) -> Callable[..., Any]:
    types = _exported("before_save")

    def before_save(hook: str, ctx: Any, op: str, before: Any, after: Any) -> Any:
        verdict = doors.before_save(hook, _of_call(ctx), op, _maybe(before), _maybe(after))
        if isinstance(verdict, Proceed):
            return types.Verdict_Proceed()
        if isinstance(verdict, Set):
            return types.Verdict_Change(_to_fields(into_fields(verdict.fields)))
        return types.Verdict_Reject(_to_fault(verdict.why))

    return before_save


def _after_commit(doors: Doors) -> Callable[..., Any]:
    def after_commit(hook: str, ctx: Any, op: str, before: Any, after: Any) -> None:
        doors.after_commit(hook, _of_call(ctx), op, _maybe(before), _maybe(after))

    return after_commit


def _run(doors: Doors) -> Callable[..., Any]:
    types = _exported("action")

    def run(action: str, ctx: Any, input: list[Any], resumed: list[Any] | None) -> Any:
        arrived = None if resumed is None else _of_fields(resumed)
        outcome = doors.run(action, _of_call(ctx), _of_fields(input), arrived)
        if isinstance(outcome, Done):
            return types.Outcome_Done(_to_fields(into_fields(outcome.fields)))
        if isinstance(outcome, SleepUntil):
            return types.Outcome_SleepUntil(outcome.moment)
        return types.Outcome_WaitFor(outcome.event)

    return run


def _call_many(doors: Doors) -> Callable[..., Any]:
    def call_many(name: str, rows: list[list[Any]]) -> list[Any]:
        said = doors.call_many(name, [[_of_value(value) for value in row] for row in rows])
        return [_to_value(value) for value in said]

    return call_many


def _score(doors: Doors) -> Callable[..., Any]:
    types = _exported("scorer")

    def score(scorer: str, ctx: Any, subjects: list[Any]) -> list[Any]:
        said = doors.score(scorer, _of_call(ctx), [_of_entry(entry) for entry in subjects])
        return [
            types.Scored(
                id, float(one.value), [types.Reason(text, float(weight)) for text, weight in one.reasons]
            )
            for id, one in said
        ]

    return score


def _assign(doors: Doors) -> Callable[..., Any]:
    def assign(assigner: str, ctx: Any, subject: Any, candidates: list[Any]) -> str | None:
        offered = [Candidate(one.id, Fields(_of_fields(one.fields))) for one in candidates]
        return doors.assign(assigner, _of_call(ctx), _of_entry(subject), offered)

    return assign


def _load(doors: Doors) -> Callable[..., Any]:
    types = _exported("provider")

    def load(provider: str, ctx: Any, params: list[Any]) -> Any:
        table = doors.load(provider, _of_call(ctx), _of_fields(params))
        columns = [types.Column(column.name, column.label, column.kind) for column in table.columns]
        return types.Table(columns, _json.dumps([list(row) for row in table.rows], allow_nan=False))

    return load


def _render(doors: Doors) -> Callable[..., Any]:
    types = _exported("renderer")

    def render(renderer: str, ctx: Any, subject: Any, params: list[Any]) -> Any:
        made = doors.render(renderer, _of_call(ctx), _of_entry(subject), _of_fields(params))
        return types.Document(made.name, made.media_type, _bytes(made.content))

    return render


def _step(doors: Doors) -> Callable[..., Any]:
    types = _exported("job")

    def step(job: str, ctx: Any, cursor: bytes | None, params: list[Any]) -> Any:
        said = doors.step(job, _of_call(ctx), cursor, _of_fields(params))
        left = None if said.cursor is None else _bytes(said.cursor)
        return types.Progress(left, said.processed, said.note)

    return step


def _connect(doors: Doors, probe: bool) -> Callable[..., Any]:
    def connect(operation: str, ctx: Any, input: list[Any]) -> list[Any]:
        return _to_fields(doors.connect(operation, _of_call(ctx), _of_fields(input), probe))

    return connect


def _bytes(content: str | bytes) -> bytes:
    return content.encode() if isinstance(content, str) else content
