"""Fakes for every capability, for the tests of a plugin: records in memory, answers of other systems in a row, a clock that
stands still. Never part of a component.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from .context import Call, Condition, Host, Query, Request, Response, not_asked
from .plugin import Candidate, Document, Doors, Done, Plugin, Proceed, Progress, Reject, Score, Set
from .plugin import SleepUntil, Table, Violation, WaitFor
from .record import Entry, Fields
from .value import NULL, Fault, Field, IntoValue, Value, into_fields, into_value

Values = Mapping[str, IntoValue]


def call(config: Values | None = None, **differing: Any) -> Call:
    """A call for tests: an English tenant in Shanghai, on the last day of March 2026."""
    usual: dict[str, Any] = {
        "tenant": "test",
        "actor": "tester",
        "locale": "en",
        "time_zone": "Asia/Shanghai",
        "now": "2026-03-31T08:15:00Z",
        "idempotency_key": "test",
        "attempt": 1,
        "depth": 0,
    }
    return Call(**{**usual, **differing}, config=into_fields(config or {}))


def entry(entity: str, id: str | None, fields: Values) -> Entry:
    """A record for tests."""
    return Entry(entity, id, into_fields(fields))


class Fakes:
    """The host, as far as a test needs it. What a plugin does not ask for in its manifest is refused."""

    def __init__(self, permissions: Sequence[str]) -> None:
        self._permissions = permissions
        #: What was written into the run log: level and words.
        self.lines: list[tuple[str, str]] = []
        #: What was sent to other systems.
        self.sent: list[Request] = []
        self._records: dict[tuple[str, str], list[Field]] = {}
        self._responses: list[Response | Fault] = []
        self._stored: dict[str, bytes] = {}
        self._left: dict[str, int] = {}
        self._made = 0

    def put(self, entity: str, id: str, fields: Values) -> None:
        """Puts a record there."""
        self._records[entity, id] = into_fields(fields)

    def record(self, entity: str, id: str) -> Fields | None:
        """The fields of a record, after what the plugin did."""
        found = self._records.get((entity, id))
        return None if found is None else Fields(found)

    def respond(self, answer: Response | Fault) -> None:
        """What the next call to another system is answered."""
        self._responses.append(answer)

    def leave(self, counter: str, left: int) -> None:
        """Says how much is left of a counter."""
        self._left[counter] = left

    def _asked(self, permission: str) -> None:
        if permission not in self._permissions:
            not_asked(permission)

    def log(self, level: str, message: str) -> None:
        self.lines.append((level, message))

    def remaining(self) -> list[tuple[str, int]]:
        return list(self._left.items())

    def get(self, entity: str, id: str, fields: list[str]) -> Entry | None:
        self._asked("records.read")
        found = self._records.get((entity, id))
        return None if found is None else Entry(entity, id, _cut(found, fields))

    def find(self, entity: str, query: Query) -> tuple[list[Entry], str | None]:
        found = self._matching(entity, query.conditions)
        for key in reversed(query.order):
            name = key.removeprefix("-")
            found.sort(key=lambda record: _order(_value_of(record.fields, name)), reverse=key.startswith("-"))
        start = int(query.cursor or 0)
        until = start + query.limit
        entries = [Entry(one.entity, one.id, _cut(one.fields, query.fields)) for one in found[start:until]]
        return entries, str(until) if until < len(found) else None

    def count(self, entity: str, conditions: list[Condition]) -> int:
        return len(self._matching(entity, conditions))

    def _matching(self, entity: str, conditions: list[Condition]) -> list[Entry]:
        self._asked("records.read")
        own = [Entry(of, id, fields) for (of, id), fields in self._records.items() if of == entity]
        return [record for record in own if all(_holds(record.fields, condition) for condition in conditions)]

    def create(self, entity: str, fields: list[Field]) -> str:
        self._asked("records.write")
        self._made += 1
        self._records[entity, f"new-{self._made}"] = fields
        return f"new-{self._made}"

    def update(self, entity: str, id: str, fields: list[Field]) -> None:
        known = self._need(entity, id)
        changed = {field.name for field in fields}
        self._records[entity, id] = [old for old in known if old.name not in changed] + fields

    def delete(self, entity: str, id: str) -> None:
        self._need(entity, id)
        del self._records[entity, id]

    def _need(self, entity: str, id: str) -> list[Field]:
        self._asked("records.write")
        if (entity, id) not in self._records:
            raise Fault("record.not_found", "there is no such record")
        return self._records[entity, id]

    def send(self, request: Request) -> Response:
        self._asked("http")
        self.sent.append(request)
        if not self._responses:
            raise Fault("test.no_response", "the test has no response for this call")
        answer = self._responses.pop(0)
        if isinstance(answer, Fault):
            raise answer
        return answer

    def storage_get(self, key: str) -> bytes | None:
        self._asked("storage")
        return self._stored.get(key)

    def storage_set(self, key: str, value: bytes) -> None:
        self._asked("storage")
        self._stored[key] = value

    def storage_delete(self, key: str) -> None:
        self._asked("storage")
        self._stored.pop(key, None)

    def storage_swap(self, key: str, expected: bytes | None, value: bytes | None) -> bool:
        if self.storage_get(key) != expected:
            return False
        if value is None:
            self.storage_delete(key)
        else:
            self.storage_set(key, value)
        return True

    def storage_keys(self, prefix: str, after: str | None, limit: int) -> list[str]:
        self._asked("storage")
        keys = sorted(key for key in self._stored if key.startswith(prefix) and (after is None or key > after))
        return keys[:limit]


class Tester:
    """A plugin under test with its own fakes. Every method takes the name of an export and what the point takes."""

    def __init__(self, plugin: Plugin) -> None:
        self._plugin = plugin
        self.fakes = Fakes(plugin.permissions)
        self.doors = Doors(plugin, self.fakes)
        #: The circumstances of the calls; a test may replace them.
        self.call = call()

    def validator(
        self, name: str, after: Values, before: Values | None = None, id: str | None = None
    ) -> list[Violation]:
        old, new = self._entry("validator", name, id, before), self._entry("validator", name, id, after)
        assert new is not None
        return self.doors.validate(name, self.call, old, new)

    def before_save(
        self, name: str, after: Values | None = None, before: Values | None = None, id: str | None = None
    ) -> Proceed | Set | Reject:
        return self.doors.before_save(name, self.call, *self._change("before-save", name, before, after, id))

    def after_commit(
        self, name: str, after: Values | None = None, before: Values | None = None, id: str | None = None
    ) -> None:
        self.doors.after_commit(name, self.call, *self._change("after-commit", name, before, after, id))

    def action(self, name: str, input: Values, resumed: Values | None = None) -> Done | SleepUntil | WaitFor:
        arrived = None if resumed is None else into_fields(resumed)
        return self.doors.run(name, self.call, into_fields(input), arrived)

    def function(self, name: str, rows: Sequence[Sequence[IntoValue]]) -> list[Value]:
        return self.doors.call_many(name, [[into_value(value) for value in row] for row in rows])

    def scorer(self, name: str, records: Mapping[str, Values]) -> dict[str, Score]:
        entity = self._entity("scorer", name)
        subjects = [entry(entity, id, fields) for id, fields in records.items()]
        return dict(self.doors.score(name, self.call, subjects))

    def assigner(self, name: str, subject: Values, candidates: Mapping[str, Values]) -> str | None:
        offered = [Candidate(id, Fields(into_fields(fields))) for id, fields in candidates.items()]
        return self.doors.assign(name, self.call, entry(self._entity("assigner", name), "1", subject), offered)

    def provider(self, name: str, params: Values | None = None) -> Table:
        return self.doors.load(name, self.call, into_fields(params or {}))

    def renderer(self, name: str, subject: Values, params: Values | None = None) -> Document:
        record = entry(self._entity("renderer", name), "1", subject)
        return self.doors.render(name, self.call, record, into_fields(params or {}))

    def job(self, name: str, cursor: bytes | None = None, params: Values | None = None) -> Progress:
        return self.doors.step(name, self.call, cursor, into_fields(params or {}))

    def connector(self, name: str, input: Values, probe: bool = False) -> Fields:
        return Fields(self.doors.connect(name, self.call, into_fields(input), probe))

    def _entity(self, point: str, name: str) -> str:
        return self._plugin.exports.get(point, {}).get(name, {}).get("entity", "")

    def _entry(self, point: str, name: str, id: str | None, fields: Values | None) -> Entry | None:
        return None if fields is None else entry(self._entity(point, name), id, fields)

    def _change(
        self, point: str, name: str, before: Values | None, after: Values | None, id: str | None
    ) -> tuple[str, Entry | None, Entry | None]:
        op = "create" if before is None else "delete" if after is None else "update"
        return op, self._entry(point, name, id, before), self._entry(point, name, id, after)


def _cut(fields: list[Field], wanted: list[str]) -> list[Field]:
    return [field for field in fields if field.name in wanted]


def _value_of(fields: list[Field], name: str) -> Value:
    return next((field.value for field in fields if field.name == name), NULL)


def _order(value: Value) -> tuple[bool, Any]:
    """Nothing comes first; kinds are not mixed within one field."""
    if value.kind == "null":
        return (False, 0)
    return (True, Decimal(value.val) if value.kind == "decimal" else value.val)


def _holds(fields: list[Field], condition: Condition) -> bool:
    own, wanted, op = _value_of(fields, condition.field), condition.value, condition.op
    if op in ("lt", "le", "gt", "ge"):
        if own.kind != wanted.kind or own.kind not in ("integer", "float", "decimal", "text", "date", "timestamp"):
            return False
        one, other = _order(own), _order(wanted)
        return {"lt": one < other, "le": one <= other, "gt": one > other, "ge": one >= other}[op]
    words = [value.val if value.kind == "text" else "" for value in (own, wanted)]
    answers = {
        "eq": own == wanted,
        "ne": own != wanted,
        "empty": own.kind == "null",
        "filled": own.kind != "null",
        "contains": words[1] in words[0],
        "starts-with": words[0].startswith(words[1]),
    }
    if op not in answers:
        raise Fault("query.op", f"there is no condition `{op}`")
    return answers[op]
