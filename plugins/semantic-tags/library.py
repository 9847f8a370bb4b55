"""The terms of a tenant: records of the kind `term`, and those of the settings. A term that cannot be one is a fault that says
where; a library that may not be read, or that the tenant does not have, is an empty one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from mortise_sdk import Context, Fault, Record

#: Most terms; more would not be looked through in the time of a call.
TERMS_MAX = 2000
#: Terms of one page.
PAGE = 500
#: Longest term, in characters.
TERM_CHARS_MAX = 60
FIELDS = ["name", "tag", "also", "category"]
#: What the host says where there is no library, or no right to read it.
NO_LIBRARY = frozenset(("plugin.denied.read", "plugin.no_entity"))


@dataclass(frozen=True, slots=True)
class Term:
    """A term of the library: words that stand for a tag."""

    tag: str
    category: str
    words: tuple[str, ...]


def terms_of(cx: Context, category: str) -> list[Term]:
    """The terms that count for a call."""
    terms = _settings(cx.setting("terms").json) + _records(cx)
    if len(terms) > TERMS_MAX:
        raise Fault("terms.many", f"词条最多 {TERMS_MAX} 个" if cx.chinese else f"at most {TERMS_MAX} terms")
    return [term for term in terms if not category or term.category in ("", category)]


def _settings(listed: Any) -> list[Term]:
    if listed is None:
        return []
    if not isinstance(listed, list):
        raise _wrong("terms", "a list")
    terms = []
    for at, given in enumerate(listed):
        place = f"terms[{at}]"
        entry = {"term": given} if isinstance(given, str) else given
        if not isinstance(entry, dict):
            raise _wrong(place, "text, or an object")
        name, also = entry.get("term"), entry.get("also", [])
        if not isinstance(also, list):
            raise _wrong(f"{place}.also", "a list")
        terms.append(_term(place, [name, *also], entry.get("tag"), entry.get("category")))
    return terms


def _records(cx: Context) -> list[Term]:
    terms: list[Term] = []
    cursor = None
    while len(terms) <= TERMS_MAX:
        try:
            page = cx.records.find("term", fields=FIELDS, order=["name"], limit=PAGE, cursor=cursor)
        except Fault as fault:
            if fault.code not in NO_LIBRARY:
                raise
            cx.log.debug(f"no library: {fault.message}")
            return terms
        terms += [_record(record) for record in page.records if not record["name"].is_empty]
        cursor = page.next
        if cursor is None:
            break
    return terms


def _record(record: Record) -> Term:
    also = record["also"]
    # A list, or text with one word a line or commas between them.
    words = also.many or re.split(r"[,，、;；\n]", also.text)
    name = record["name"].text
    given = [name, *(word for word in words if word.strip())]
    return _term(f"term {record._id}", given, record["tag"].text, record["category"].text)


def _term(place: str, given: list[Any], tag: Any, category: Any) -> Term:
    words = []
    for word in given:
        if not isinstance(word, str) or not 0 < len(word.strip()) <= TERM_CHARS_MAX:
            raise _wrong(place, f"words of 1 to {TERM_CHARS_MAX} characters")
        words.append(word.strip())
    for name, value in (("tag", tag), ("category", category)):
        if value is not None and not isinstance(value, str):
            raise _wrong(f"{place}.{name}", "text")
    return Term((tag or "").strip() or words[0], (category or "").strip(), tuple(words))


def _wrong(place: str, wanted: str) -> Fault:
    return Fault("terms.wrong", f"`{place}` has to be {wanted}")
