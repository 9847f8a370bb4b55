"""What the plugin asks the host for: each function of each capability once, in an order that the cases know."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from mortise_sdk import Context, Done, Fault, Fields


def tour(cx: Context, _: Fields, resumed: Fields | None) -> Done:
    records = cx.records
    told: dict[str, Any] = {}
    found = records.get("company", "c1", ["name", "turnover"])
    if found is not None:
        told |= {"name": found["name"].text, "turnover": found["turnover"].decimal}
    try:
        records.get("company", "c2", ["name"])
    except Fault as fault:
        told["refused"] = fault.code
    told["names"] = _names(cx)
    told["many"] = records.count("company")
    note = records.create("note", {"text": "new"})
    records.update("note", note, {"text": "changed", "rank": 2})
    records.delete("note", note)
    sent = cx.http.send(
        "POST",
        "https://rates.example.com/v1/rates",
        headers={"accept": "text/plain"},
        body="CNY",
        credential="rates",
        timeout_ms=1000,
    )
    told |= {"status": sent.status, "body": sent.text, "type": sent.header("Content-Type")}
    told |= _store(cx)
    counted = cx.left("host-calls") is not None
    cx.log.warn("calls are counted" if counted else "calls are not counted")
    told["unknown"] = cx.left("no-such-counter") is None
    return Done(told)


def _names(cx: Context) -> list[str]:
    """Two pages of one record each."""
    names: list[str] = []
    cursor = None
    while True:
        page = cx.records.find(
            "company",
            where=[("turnover", "ge", Decimal("1.50")), ("name", "filled")],
            order=["-turnover", "name"],
            fields=["name"],
            limit=1,
            cursor=cursor,
        )
        names += [record["name"].text for record in page.records]
        if page.next is None:
            return names
        cursor = page.next


def _store(cx: Context) -> dict[str, Any]:
    storage = cx.storage
    storage.set("seen/1", b"\xde\xff")
    stored = storage.get("seen/1")
    missing = storage.get("seen/9") is None
    swapped = storage.swap("seen/1", b"\xde\xff", "next")
    lost = storage.swap("seen/2", None, None)
    keys = storage.keys("seen/", "seen/0", 10)
    storage.delete("seen/1")
    return {"stored": stored, "missing": missing, "swapped": swapped, "lost": lost, "keys": keys}


def rates(cx: Context, input: Fields, probe: bool) -> dict[str, Any]:
    base = "https://rates.example.com/v1"
    if probe:
        return {"reachable": cx.http.get(f"{base}/health").status == 200}
    answer = cx.http.get(f"{base}/rates/{input.need('currency', 'text')}", credential="rates")
    if answer.status == 200:
        return {"rate": Decimal(answer.text)}
    raise Fault("rates.status", f"status {answer.status}", backoff=True)
