"""What a call knows and may ask for. In WebAssembly each question goes to the host; in tests the fakes answer. What
`plugin.json` does not ask for is not there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn, Protocol

from .record import Entry, Get, Record
from .value import Field, IntoValue, Value, into_fields, into_value


@dataclass(slots=True)
class Call:
    """Circumstances of a call."""

    tenant: str
    #: The person, when there is one.
    actor: str | None
    #: Language of the person or the tenant: `zh-CN`.
    locale: str
    time_zone: str
    #: The clock of the transaction, which stands still: `2026-03-31T08:15:00Z`.
    now: str
    #: The same for every attempt at the same work.
    idempotency_key: str
    #: 1 for the first attempt.
    attempt: int
    #: How many plugins are above this call.
    depth: int
    #: The settings of the plugin in this tenant.
    config: list[Field]


@dataclass(slots=True)
class Condition:
    """One condition; `op` is `eq`, `ne`, `lt`, `le`, `gt`, `ge`, `contains`, `starts-with`, `empty` or `filled`."""

    field: str
    op: str
    value: Value


@dataclass(slots=True)
class Query:
    """A query as it goes to the host."""

    conditions: list[Condition]
    order: list[str]
    fields: list[str]
    limit: int
    cursor: str | None


@dataclass(slots=True)
class Request:
    """A call to another system, as it goes to the host."""

    method: str
    url: str
    headers: list[tuple[str, str]]
    body: bytes | None
    credential: str | None
    timeout_ms: int | None


@dataclass(slots=True)
class Response:
    """What another system answered."""

    status: int
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()

    def header(self, name: str) -> str | None:
        """The first header of this name, in any case."""
        wanted = name.lower()
        return next((value for name, value in self.headers if name.lower() == wanted), None)


class Host(Protocol):
    """What the host offers; a part that `plugin.json` does not ask for is refused by `part`."""

    def log(self, level: str, message: str) -> None: ...
    def remaining(self) -> list[tuple[str, int]]: ...
    def get(self, entity: str, id: str, fields: list[str]) -> Entry | None: ...
    def find(self, entity: str, query: Query) -> tuple[list[Entry], str | None]: ...
    def count(self, entity: str, conditions: list[Condition]) -> int: ...
    def create(self, entity: str, fields: list[Field]) -> str: ...
    def update(self, entity: str, id: str, fields: list[Field]) -> None: ...
    def delete(self, entity: str, id: str) -> None: ...
    def send(self, request: Request) -> Response: ...
    def storage_get(self, key: str) -> bytes | None: ...
    def storage_set(self, key: str, value: bytes) -> None: ...
    def storage_delete(self, key: str) -> None: ...
    def storage_swap(self, key: str, expected: bytes | None, value: bytes | None) -> bool: ...
    def storage_keys(self, prefix: str, after: str | None, limit: int) -> list[str]: ...


def not_asked(permission: str) -> NoReturn:
    """Ends a call that needs what the manifest does not ask for."""
    raise PermissionError(f"plugin.json does not ask for the permission `{permission}`")


#: One condition: field, op, and a value where the op needs one.
Where = Sequence[tuple[Any, ...]]


def _conditions(where: Where) -> list[Condition]:
    return [Condition(name, op, into_value(rest[0] if rest else None)) for name, op, *rest in where]


@dataclass(slots=True)
class Page:
    """Records that were found."""

    records: list[Record]
    #: None on the last page.
    next: str | None


class Context:
    """A call: who, where, when, with which settings, and the doors to the host."""

    def __init__(self, call: Call, host: Host) -> None:
        #: Everything that came with the call.
        self.call = call
        self._host = host
        #: The run log.
        self.log = Log(host)
        #: Records; needs `records.read` and `records.write`.
        self.records = Records(host)
        #: Other systems; needs `http`.
        self.http = Http(host)
        #: The plugin's own store; needs `storage`.
        self.storage = Storage(host)

    @property
    def locale(self) -> str:
        """The language for words to people: `zh-CN`."""
        return self.call.locale

    @property
    def chinese(self) -> bool:
        """True when people read Chinese."""
        return self.call.locale.startswith("zh")

    @property
    def now(self) -> str:
        """The clock of the transaction: `2026-03-31T08:15:00Z`."""
        return self.call.now

    def setting(self, name: str) -> Get:
        """A setting of the plugin in this tenant."""
        return Get.of(self.call.config, name)

    def left(self, counter: str) -> int | None:
        """What is left of a counter: `host-calls`, `cpu-ms` …"""
        return next((left for name, left in self._host.remaining() if name == counter), None)


class Log:
    """The run log."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def debug(self, message: str) -> None:
        """For the author."""
        self._host.log("debug", message)

    def info(self, message: str) -> None:
        """Good to know."""
        self._host.log("info", message)

    def warn(self, message: str) -> None:
        """Somebody should look."""
        self._host.log("warn", message)

    def error(self, message: str) -> None:
        """Something went wrong."""
        self._host.log("error", message)


class Records:
    """Records."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def get(self, entity: str, id: str, fields: Sequence[str]) -> Record | None:
        """One record, or none that may be seen."""
        found = self._host.get(entity, id, list(fields))
        return None if found is None else Record(found)

    def find(
        self,
        entity: str,
        *,
        fields: Sequence[str],
        where: Where = (),
        order: Sequence[str] = (),
        limit: int = 100,
        cursor: str | None = None,
    ) -> Page:
        """A page of records; all conditions hold, a `-` in front of a field of `order` sorts downwards."""
        query = Query(_conditions(where), list(order), list(fields), limit, cursor)
        entries, next_page = self._host.find(entity, query)
        return Page([Record(entry) for entry in entries], next_page)

    def count(self, entity: str, where: Where = ()) -> int:
        """How many records there are."""
        return self._host.count(entity, _conditions(where))

    def create(self, entity: str, fields: Mapping[str, IntoValue]) -> str:
        """Makes a record; its id."""
        return self._host.create(entity, into_fields(fields))

    def update(self, entity: str, id: str, fields: Mapping[str, IntoValue]) -> None:
        """Changes a record."""
        self._host.update(entity, id, into_fields(fields))

    def delete(self, entity: str, id: str) -> None:
        """Puts a record into the bin."""
        self._host.delete(entity, id)


class Http:
    """Other systems."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: str | bytes | None = None,
        credential: str | None = None,
        timeout_ms: int | None = None,
    ) -> Response:
        """Sends a request; any status is an answer. `credential` names a secret of the manifest, which the runtime adds."""
        content = None if body is None else _bytes(body)
        return self._host.send(Request(method, url, list((headers or {}).items()), content, credential, timeout_ms))

    def get(self, url: str, *, credential: str | None = None) -> Response:
        """Asks for an address."""
        return self.send("GET", url, credential=credential)


class Storage:
    """The plugin's own store."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def get(self, key: str) -> bytes | None:
        """The value of a key."""
        return self._host.storage_get(key)

    def set(self, key: str, value: str | bytes) -> None:
        """Sets a key."""
        self._host.storage_set(key, _bytes(value))

    def delete(self, key: str) -> None:
        """Removes a key."""
        self._host.storage_delete(key)

    def swap(self, key: str, expected: str | bytes | None, value: str | bytes | None) -> bool:
        """Sets a key if it is still as expected; false when it is not."""
        before = None if expected is None else _bytes(expected)
        after = None if value is None else _bytes(value)
        return self._host.storage_swap(key, before, after)

    def keys(self, prefix: str, after: str | None, limit: int) -> list[str]:
        """Keys in order, beginning with `prefix` and behind `after`."""
        return self._host.storage_keys(prefix, after, limit)


def _bytes(content: str | bytes) -> bytes:
    return content.encode() if isinstance(content, str) else content
