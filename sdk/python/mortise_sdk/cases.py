"""The cases of a plugin (`sdk/conformance/README.md`), run without WebAssembly: what `mortise plugin test` does with the built
component, in the language itself. Never part of a component.
"""

from __future__ import annotations

import base64
import json
from typing import Any

from .context import Call, Condition, Query, Request, Response
from .plugin import Candidate, Doors, Done, Plugin, Proceed, Set, SleepUntil
from .record import Entry, Fields
from .value import Fault, Field, Other, Reference, Value, into_fields


def read_cases(text: str) -> list[dict[str, Any]]:
    """The cases of a file: one, or a list of them."""
    read = json.loads(text)
    return read if isinstance(read, list) else [read]


def check_case(plugin: Plugin, case: dict[str, Any]) -> None:
    """Runs a case; an AssertionError says what differs. A case that expects a failure of the host is left to the host."""
    if "failure" in case:
        return
    script = _Script(case.get("host", []))
    try:
        came: dict[str, Any] = {"answer": _answer(Doors(plugin, script), case)}
    except Fault as fault:
        came = {"fault": _written_fault(fault)}
    assert not script.left, f"the host was never asked for {script.left[0]['call']}"
    if "fault" in case:
        wanted = {"fault": {**came.get("fault", {}), **case["fault"]}}
    else:
        wanted = {"answer": case["expect"]}
    assert _alike(wanted, came), f"expected {wanted}\n    came {came}"
    if "log" in case:
        assert case["log"] == script.lines, f"expected the lines {case['log']}\n    came {script.lines}"


def _answer(doors: Doors, case: dict[str, Any]) -> Any:
    point, name, given = case["point"], case["export"], case.get("input", {})
    call = _call(case.get("call", {}))
    before, after = _entry(given.get("before")), _entry(given.get("after"))
    if point == "validator":
        assert after is not None, "a validator takes `after`"
        said = doors.validate(name, call, before, after)
        return [{"field": one.field, "code": one.code, "message": one.message} for one in said]
    if point == "before-save":
        verdict = doors.before_save(name, call, given["op"], before, after)
        if isinstance(verdict, Proceed):
            return "proceed"
        if isinstance(verdict, Set):
            return {"change": _written(into_fields(verdict.fields))}
        return {"reject": _written_fault(verdict.why)}
    if point == "after-commit":
        return doors.after_commit(name, call, given["op"], before, after)
    if point == "action":
        resumed = _fields(given["resumed"]) if given.get("resumed") is not None else None
        outcome = doors.run(name, call, _fields(given.get("input")), resumed)
        if isinstance(outcome, Done):
            return {"done": _written(into_fields(outcome.fields))}
        return {"sleep-until": outcome.moment} if isinstance(outcome, SleepUntil) else {"wait-for": outcome.event}
    if point == "function":
        rows = [[_value(value) for value in row] for row in given["rows"]]
        return [_shown(value) for value in doors.call_many(name, rows)]
    if point == "scorer":
        said = doors.score(name, call, [_need(subject) for subject in given["subjects"]])
        reasons = lambda score: [{"text": text, "weight": weight} for text, weight in score.reasons]  # noqa: E731
        return [{"id": id, "score": score.value, "reasons": reasons(score)} for id, score in said]
    if point == "assigner":
        offered = [Candidate(one["id"], Fields(_fields(one.get("fields")))) for one in given["candidates"]]
        return doors.assign(name, call, _need(given["subject"]), offered)
    if point == "provider":
        table = doors.load(name, call, _fields(given.get("params")))
        columns = [{"name": one.name, "label": one.label, "kind": one.kind} for one in table.columns]
        return {"columns": columns, "rows": [list(row) for row in table.rows]}
    if point == "renderer":
        made = doors.render(name, call, _need(given["subject"]), _fields(given.get("params")))
        return {"name": made.name, "media_type": made.media_type, "content": _written_raw(made.content)}
    if point == "job":
        done = doors.step(name, call, _raw(given.get("cursor")), _fields(given.get("params")))
        return {"cursor": _written_raw(done.cursor), "processed": done.processed, "note": done.note}
    return _written(doors.connect(name, call, _fields(given.get("input")), given.get("probe", False)))


class _Script:
    """The host of a case: answers what it says, in that order."""

    def __init__(self, turns: list[dict[str, Any]]) -> None:
        self.left = list(turns)
        self.lines: list[str] = []

    def _turn(self, call: str, **asked: Any) -> Any:
        turn = self.left.pop(0) if self.left else {"call": "nothing"}
        assert turn["call"] == call, f"asked for {call} with {asked}, expected {turn['call']}"
        for key, wanted in turn.get("with", {}).items():
            assert _alike(wanted, asked[key]), f"{call} with {key} {asked[key]} instead of {wanted}"
        if (fault := turn.get("fault")) is not None:
            retry = fault.get("retry", "never")
            after = retry["after_ms"] if isinstance(retry, dict) else None
            raise Fault(fault["code"], fault.get("message", ""), backoff=retry == "backoff", after_ms=after)
        return turn.get("gives")

    def log(self, level: str, message: str) -> None:
        self.lines.append(f"{level}: {message}")

    def remaining(self) -> list[tuple[str, int]]:
        return [("host-calls", 500)]

    def get(self, entity: str, id: str, fields: list[str]) -> Entry | None:
        return _entry(self._turn("records.get", entity=entity, id=id, fields=fields))

    def find(self, entity: str, query: Query) -> tuple[list[Entry], str | None]:
        page = self._turn(
            "records.find",
            entity=entity,
            conditions=_conditions(query.conditions),
            order=query.order,
            fields=query.fields,
            limit=query.limit,
            cursor=query.cursor,
        )
        return [_need(entry) for entry in page["entries"]], page.get("next")

    def count(self, entity: str, conditions: list[Condition]) -> int:
        return self._turn("records.count", entity=entity, conditions=_conditions(conditions))

    def create(self, entity: str, fields: list[Field]) -> str:
        return self._turn("records.create", entity=entity, fields=_written(fields))

    def update(self, entity: str, id: str, fields: list[Field]) -> None:
        self._turn("records.update", entity=entity, id=id, fields=_written(fields))

    def delete(self, entity: str, id: str) -> None:
        self._turn("records.delete", entity=entity, id=id)

    def send(self, request: Request) -> Response:
        given = self._turn(
            "http.send",
            method=request.method,
            url=request.url,
            headers=dict(request.headers),
            body=_written_raw(request.body),
            credential=request.credential,
        )
        return Response(given["status"], list(given.get("headers", {}).items()), _raw(given.get("body")) or b"")

    def storage_get(self, key: str) -> bytes | None:
        return _raw(self._turn("storage.get", key=key))

    def storage_set(self, key: str, value: bytes) -> None:
        self._turn("storage.set", key=key, value=_written_raw(value))

    def storage_delete(self, key: str) -> None:
        self._turn("storage.delete", key=key)

    def storage_swap(self, key: str, expected: bytes | None, value: bytes | None) -> bool:
        before, after = _written_raw(expected), _written_raw(value)
        return self._turn("storage.swap", key=key, expected=before, value=after)

    def storage_keys(self, prefix: str, after: str | None, limit: int) -> list[str]:
        return self._turn("storage.keys", prefix=prefix, after=after, limit=limit)


def _call(given: dict[str, Any]) -> Call:
    from .testing import call

    usual = call(**{key: value for key, value in given.items() if key != "config"})
    usual.config = _fields(given.get("config"))
    return usual


def _value(given: Any) -> Value:
    if given is None:
        return Value("null")
    if isinstance(given, (bool, int, str, list)):
        kinds = {bool: "boolean", int: "integer", str: "text", list: "many"}
        return Value(kinds[type(given)], given)
    ((kind, inner),) = given.items()
    if kind == "integer":
        return Value(kind, int(inner))
    if kind == "float":
        return Value(kind, float(inner))
    if kind == "bytes":
        return Value(kind, base64.b64decode(inner))
    if kind == "json":
        return Value(kind, json.dumps(inner))
    if kind == "reference":
        return Value(kind, Reference(inner["entity"], inner["id"]))
    if kind == "other":
        return Value(kind, Other(inner["kind"], inner["text"]))
    return Value(kind, inner)


def _shown(value: Value) -> Any:
    if value.kind in ("null", "boolean", "text", "many"):
        return value.val
    if value.kind == "integer":
        return value.val if abs(value.val) <= 2**53 else {"integer": str(value.val)}
    if value.kind == "bytes":
        return {"bytes": base64.b64encode(value.val).decode()}
    if value.kind == "json":
        return {"json": json.loads(value.val)}
    if value.kind == "reference":
        return {"reference": {"entity": value.val.entity, "id": value.val.id}}
    if value.kind == "other":
        return {"other": {"kind": value.val.kind, "text": value.val.text}}
    return {value.kind: value.val}


def _fields(given: Any) -> list[Field]:
    return [Field(name, _value(value)) for name, value in (given or {}).items()]


def _written(fields: list[Field]) -> dict[str, Any]:
    return {field.name: _shown(field.value) for field in fields}


def _entry(given: Any) -> Entry | None:
    return None if given is None else _need(given)


def _need(given: Any) -> Entry:
    return Entry(given["entity"], given.get("id"), _fields(given.get("fields")))


def _conditions(conditions: list[Condition]) -> list[dict[str, Any]]:
    return [{"field": one.field, "op": one.op, "value": _shown(one.value)} for one in conditions]


def _raw(given: Any) -> bytes | None:
    if given is None:
        return None
    return given.encode() if isinstance(given, str) else base64.b64decode(given["bytes"])


def _written_raw(content: str | bytes | None) -> Any:
    if content is None or isinstance(content, str):
        return content
    try:
        return content.decode()
    except UnicodeDecodeError:
        return {"bytes": base64.b64encode(content).decode()}


def _written_fault(fault: Fault) -> dict[str, Any]:
    after = fault.after_ms
    retry = {"after_ms": after} if after is not None else "backoff" if fault.backoff else "never"
    return {"code": fault.code, "message": fault.message, "retry": retry}


def _alike(one: Any, other: Any) -> bool:
    """A key that is missing is one that is null."""
    if isinstance(one, dict) and isinstance(other, dict):
        return all(_alike(one.get(key), other.get(key)) for key in {**one, **other})
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_alike, one, other))
    return one == other and isinstance(one, bool) == isinstance(other, bool)
