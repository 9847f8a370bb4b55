"""Values as they travel between the runtime and a plugin, and their conversion from and to values of Python.

Never guesses: text is not read as a number, and exact numbers are `decimal.Decimal`, so that no float touches them.
"""

from __future__ import annotations

import json as _json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date as _Date
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any, Union


@dataclass(frozen=True, slots=True)
class Reference:
    """Another record."""

    entity: str
    id: str


@dataclass(frozen=True, slots=True)
class Other:
    """A value of a kind that this version of the interface does not know."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Value:
    """A value of the interface: its kind, and what it holds.

    Kinds are `null`, `boolean`, `integer`, `float`, `decimal`, `text`, `date`, `timestamp`, `bytes`, `reference`, `many`,
    `json` and `other`. Decimals, dates, moments and JSON are held as text.
    """

    kind: str
    val: Any = None


NULL = Value("null")

#: What can be given where a value is wanted.
IntoValue = Union[
    Value, None, bool, int, float, Decimal, str, _Date, datetime, bytes, Reference, Other, Sequence[str]
]


def decimal(digits: str | Decimal) -> Value:
    """An exact number: `decimal("-12.50")`, digits with an optional sign and point."""
    return Value("decimal", digits if isinstance(digits, str) else format(digits, "f"))


def date(day: str | _Date) -> Value:
    """A day: `date("2026-03-31")`."""
    return Value("date", day if isinstance(day, str) else day.isoformat())


def timestamp(moment: str | datetime) -> Value:
    """A moment: `timestamp("2026-03-31T08:15:00Z")`, always UTC."""
    if isinstance(moment, str):
        return Value("timestamp", moment)
    if moment.tzinfo is None:
        raise ValueError("a moment without a time zone could be any; give it one")
    return Value("timestamp", moment.astimezone(timezone.utc).isoformat().replace("+00:00", "Z"))


def json(value: Any) -> Value:
    """Anything nested."""
    return Value("json", _json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False))


def reference(entity: str, id: str) -> Value:
    """Another record."""
    return Value("reference", Reference(entity, id))


def other(kind: str, text: str) -> Value:
    """A kind that this version of the interface does not know."""
    return Value("other", Other(kind, text))


def into_value(given: IntoValue) -> Value:
    """The value of something that can be given as one."""
    if isinstance(given, Value):
        return given
    if given is None:
        return NULL
    if isinstance(given, bool):
        return Value("boolean", given)
    if isinstance(given, int):
        if not -(2**63) <= given < 2**63:
            raise ValueError(f"{given} has more than 64 bits")
        return Value("integer", given)
    if isinstance(given, float):
        return Value("float", given)
    if isinstance(given, str):
        return Value("text", given)
    if isinstance(given, Decimal):
        return decimal(given)
    if isinstance(given, datetime):
        return timestamp(given)
    if isinstance(given, _Date):
        return date(given)
    if isinstance(given, (bytes, bytearray)):
        return Value("bytes", bytes(given))
    if isinstance(given, Reference):
        return Value("reference", given)
    if isinstance(given, Other):
        return Value("other", given)
    if isinstance(given, Sequence) and all(isinstance(text, str) for text in given):
        return Value("many", list(given))
    raise TypeError(f"{type(given).__name__} is no value; `json` takes anything nested")


@dataclass(frozen=True, slots=True)
class Field:
    """A value with its name. Fields of a referenced record carry a path: `country.code`."""

    name: str
    value: Value


def into_fields(given: Mapping[str, IntoValue]) -> list[Field]:
    """Fields of a mapping: `{"total": Decimal("9.90"), "lines": 3}`."""
    return [Field(name, into_value(value)) for name, value in given.items()]


class Fault(Exception):
    """Why a call was not done: raised by a plugin, and by everything that asks the host."""

    def __init__(self, code: str, message: str, *, backoff: bool = False, after_ms: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        #: Trying again later makes sense.
        self.backoff = backoff
        #: Trying again makes sense, but not before this many milliseconds.
        self.after_ms = after_ms


#: What people call the kinds that are asked for, in messages.
NAMES = {
    "text": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "yes or no",
    "many": "texts",
    "json": "JSON",
}

_TEXTS = frozenset(("text", "decimal", "date", "timestamp", "json"))


class Unreadable(Exception):
    """The value is of another kind."""


def read_as(value: Value, kind: str) -> Any:
    """A value read as a kind. Nothing at all reads as empty text and as no texts."""
    if kind == "text":
        if value.kind in _TEXTS:
            return value.val
        if value.kind == "null":
            return ""
    elif kind == "integer":
        if value.kind == "integer":
            return value.val
    elif kind == "number":
        if value.kind in ("float", "integer"):
            return float(value.val)
    elif kind == "boolean":
        if value.kind == "boolean":
            return value.val
    elif kind == "many":
        if value.kind == "many":
            return value.val
        if value.kind == "null":
            return []
    elif kind == "json":
        if value.kind == "json":
            return _json.loads(value.val)
    raise Unreadable
