"""The plugin of the conformance cases, in Python: every extension point, every kind of value, every capability. It does
nothing useful; it does the same as its twins in Rust and TypeScript.
"""

from __future__ import annotations

from typing import Any

import records
import tour
import values
from mortise_sdk import Context, Done, Fault, Fields
from plugin_gen import plugin

plugin.validator("vat-number")(records.vat_number)
plugin.before_save("tidy")(records.tidy)
plugin.after_commit("mirror")(records.mirror)
plugin.action("circumstances")(values.circumstances)
plugin.action("steps")(values.steps)
plugin.action("tour")(tour.tour)
plugin.scorer("size")(records.size)
plugin.assigner("nearest")(records.nearest)
plugin.provider("figures")(values.figures)
plugin.renderer("card")(records.card)
plugin.job("count")(values.count)
plugin.connector("rates")(tour.rates)


@plugin.action("echo")
def echo(_: Context, input: Fields, resumed: Fields | None) -> Done:
    return Done({field.name: field.value for field in input})


@plugin.function("kinds")
def kinds(
    words: str,
    whole: int | None,
    exact: str,
    ratio: float | None,
    yes: bool | None,
    day: str,
    moment: str,
    tags: list[str],
) -> Any:
    return {
        "words": words,
        "whole": None if whole is None else str(whole),
        "exact": exact,
        "ratio": ratio,
        "yes": yes,
        "day": day,
        "moment": moment,
        "tags": tags,
    }


@plugin.function("add")
def add(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else one + other


@plugin.function("half")
def half(number: float | None) -> float | None:
    return None if number is None else number / 2


@plugin.function("negated")
def negated(exact: str) -> str:
    return exact[1:] if exact.startswith("-") else f"-{exact}"


@plugin.function("empty")
def empty(words: str) -> bool:
    return not words.strip()


@plugin.function("day")
def day(moment: str) -> str:
    return moment[:10]


@plugin.function("noon")
def noon(day: str) -> str:
    return f"{day}T12:00:00Z"


@plugin.function("words")
def words(text: str) -> list[str]:
    return text.split()


@plugin.function("refuse")
def refuse(why: str) -> str:
    raise Fault("refused", f"not today: {why}")
