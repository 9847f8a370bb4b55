"""Records as plugins see them: an entry of the host behind a class of the plugin's own, with one property for each field of
`plugin.json`. An empty field and one that was not asked for are both nothing.
"""

from __future__ import annotations

import json as _json
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Generic, Iterator, TypeVar

from .value import NAMES, Fault, Field, Unreadable, Value, read_as


@dataclass(slots=True)
class Entry:
    """A record, cut down to the fields that the manifest asked for."""

    entity: str
    #: None while it is being created.
    id: str | None
    fields: list[Field]


class Get:
    """A field that was looked up."""

    __slots__ = ("value",)

    def __init__(self, value: Value | None) -> None:
        #: The value; None when there is none.
        self.value = None if value is None or value.kind == "null" else value

    @staticmethod
    def of(fields: list[Field], name: str) -> Get:
        return Get(next((field.value for field in fields if field.name == name), None))

    def _of(self, *kinds: str) -> Any:
        return self.value.val if self.value is not None and self.value.kind in kinds else None

    @property
    def is_empty(self) -> bool:
        """True when there is no value, or only white space."""
        if self.value is None:
            return True
        if self.value.kind == "text":
            return not self.value.val.strip()
        return self.value.kind == "many" and not self.value.val

    @property
    def text(self) -> str:
        """Its text, or the text that stands for it: digits of a decimal, a date, the id of a reference. Empty without."""
        if (reference := self._of("reference")) is not None:
            return reference.id
        if (other := self._of("other")) is not None:
            return other.text
        return self._of("text", "decimal", "date", "timestamp", "json") or ""

    @property
    def integer(self) -> int | None:
        """Its whole number."""
        return self._of("integer")

    @property
    def decimal(self) -> Decimal | None:
        """Its exact number."""
        number = self._of("decimal", "integer")
        return None if number is None else Decimal(number)

    @property
    def number(self) -> float | None:
        """Its number, with the precision of a floating point."""
        number = self._of("decimal", "integer", "float")
        return None if number is None else float(number)

    @property
    def boolean(self) -> bool:
        """Yes or no; no when there is no value."""
        return self._of("boolean") is True

    @property
    def many(self) -> list[str]:
        """Its texts."""
        return self._of("many") or []

    @property
    def bytes(self) -> bytes | None:
        """Its bytes."""
        return self._of("bytes")

    @property
    def json(self) -> Any:
        """What its JSON says."""
        text = self._of("json")
        return None if text is None else _json.loads(text)


class Record:
    """A record. Names of its own begin with `_`, so that no field is in their way."""

    __slots__ = ("_entry",)
    _entity = ""

    def __init__(self, entry: Entry) -> None:
        #: What the host sent.
        self._entry = entry

    @property
    def _id(self) -> str | None:
        """None while it is being created."""
        return self._entry.id

    def __getitem__(self, name: str) -> Get:
        """The field of this name."""
        return Get.of(self._entry.fields, name)


R = TypeVar("R", bound=Record)


@dataclass(slots=True)
class Change(Generic[R]):
    """A record before and after a change."""

    #: `create`, `update` or `delete`.
    op: str
    #: As it was; None when it is being created.
    before: R | None
    #: As it is going to be; None when it is being deleted.
    after: R | None

    @property
    def record(self) -> R:
        """The record as it is going to be, or as it was when it is being deleted."""
        record = self.after if self.after is not None else self.before
        if record is None:
            raise Fault("change.empty", "this change has no record")
        return record


class Fields:
    """Values by name: what an action, a provider or a connector gets."""

    def __init__(self, fields: list[Field]) -> None:
        self._fields = fields

    def __iter__(self) -> Iterator[Field]:
        return iter(self._fields)

    def __getitem__(self, name: str) -> Get:
        """The field of this name."""
        return Get.of(self._fields, name)

    def need(self, name: str, kind: str) -> Any:
        """The field of this name as `text`, `integer`, `number`, `boolean`, `many` or `json`, or a fault that says what is
        missing."""
        try:
            return next(read_as(field.value, kind) for field in self._fields if field.name == name)
        except (StopIteration, Unreadable):
            raise Fault("argument", f"`{name}` has to be {NAMES[kind]}") from None
