"""Semantic tags: what a text is about, by the tenant's own library of terms, with counts and places. One action for rules; it
reads the library and nothing else, and keeps nothing.
"""

from __future__ import annotations

from typing import Any

from library import terms_of
from matching import Place, Terms, around
from mortise_sdk import Context, Done, Fields, json
from plugin_gen import plugin

#: Places told for each tag; the count tells how many there are.
PLACES_MAX = 10


@plugin.action("tag")
def tag(cx: Context, input: Fields, resumed: Fields | None) -> Done:
    text = input.need("text", "text")
    places = Terms(terms_of(cx, input["category"].text)).find(text)
    tags: dict[str, list[Place]] = {}
    for place in places:
        tags.setdefault(place.term.tag, []).append(place)
    # The most frequent first; of equals the one that is named first.
    ordered = sorted(tags.items(), key=lambda tag: -len(tag[1]))
    categories = dict.fromkeys(place.term.category for _, found in ordered for place in found)
    return Done(
        {
            "tags": [name for name, _ in ordered],
            "categories": [category for category in categories if category],
            "count": len(places),
            "places": json([_told(name, found, text) for name, found in ordered]),
        }
    )


def _told(name: str, found: list[Place], text: str) -> dict[str, Any]:
    places = [
        {"from": place.start, "to": place.end, "text": text[place.start : place.end], "around": around(text, place)}
        for place in found[:PLACES_MAX]
    ]
    return {"tag": name, "category": found[0].term.category, "count": len(found), "places": places}
