"""Finding terms in a text: from left to right, the longest term that begins at a place wins, and nothing is found twice. What is
denied is not found. Letters are compared in lower case and half width, with one space for any gap. The same text always gives the
same answer.
"""

from __future__ import annotations

from dataclasses import dataclass

from library import Term
from negation import negated

#: Longest text that is looked through, in characters: three hours of talk.
TEXT_CHARS_MAX = 60_000
#: Letters shown around a place, on each side.
AROUND = 15
_GAPS = frozenset("-_‐‑‒–—\u3000")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a term stands: the letters from `start` to before `end`, counted from 0."""

    term: Term
    start: int
    end: int


def is_latin(letter: str) -> bool:
    """Whether a letter makes words with its neighbours, as Latin letters and digits do."""
    return letter.isalnum() and ord(letter) < 0x0250


def plain(text: str) -> tuple[str, list[int]]:
    """The text as it is compared, and for each of its letters where that stood. Gaps between other than Latin letters go."""
    letters: list[str] = []
    places: list[int] = []
    gap = -1
    for place, letter in enumerate(text):
        code = ord(letter)
        if 0xFF01 <= code <= 0xFF5E:
            letter = chr(code - 0xFEE0)
        if letter.isspace() or letter in _GAPS:
            gap = place if gap < 0 else gap
            continue
        lower = letter.lower()
        if len(lower) == 1:
            letter = lower
        if gap >= 0 and letters and is_latin(letters[-1]) and is_latin(letter):
            letters.append(" ")
            places.append(gap)
        gap = -1
        letters.append(letter)
        places.append(place)
    return "".join(letters), places


class Terms:
    """Terms, ready to be looked for."""

    def __init__(self, terms: list[Term]) -> None:
        #: Words by their first letter, the longest first. Of two terms with the same word the first one has it.
        self._words: dict[str, list[tuple[str, Term]]] = {}
        known: set[str] = set()
        for term in terms:
            for word in term.words:
                compared, _ = plain(word)
                if compared and compared not in known:
                    known.add(compared)
                    self._words.setdefault(compared[0], []).append((compared, term))
        for words in self._words.values():
            words.sort(key=lambda word: -len(word[0]))

    def find(self, text: str) -> list[Place]:
        """The places of all terms, in their order."""
        compared, places = plain(text[:TEXT_CHARS_MAX])
        found, at = [], 0
        while at < len(compared):
            place = self._at(compared, at)
            if place is None:
                at += 1
                continue
            term, length = place
            if not negated(compared, at):
                found.append(Place(term, places[at], places[at + length - 1] + 1))
            at += length
        return found

    def _at(self, text: str, at: int) -> tuple[Term, int] | None:
        for word, term in self._words.get(text[at], ()):
            if text.startswith(word, at) and (length := _whole(text, at, word)):
                return term, length
        return None


def _whole(text: str, at: int, word: str) -> int:
    """How long the word is in the text, with the ending of a plural; 0 when it is only a part of a longer Latin word."""
    if is_latin(word[0]) and at > 0 and is_latin(text[at - 1]):
        return 0
    end = at + len(word)
    if not is_latin(word[-1]):
        return len(word)
    for ending in ("", "s", "es"):
        behind = end + len(ending)
        if text.startswith(ending, end) and not (behind < len(text) and is_latin(text[behind])):
            return behind - at
    return 0


def around(text: str, place: Place) -> str:
    """The words around a place, for people."""
    start, end = max(0, place.start - AROUND), min(len(text), place.end + AROUND)
    shown = " ".join(text[start:end].split())
    return ("…" if start > 0 else "") + shown + ("…" if end < len(text) else "")
