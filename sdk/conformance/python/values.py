"""What the plugin does with values alone: circumstances, steps that wait, figures, a job."""

from __future__ import annotations

from mortise_sdk import (
    Column,
    Context,
    Done,
    Fault,
    Fields,
    Progress,
    SleepUntil,
    Table,
    WaitFor,
    timestamp,
)


def circumstances(cx: Context, _: Fields, resumed: Fields | None) -> Done:
    call = cx.call
    return Done(
        {
            "tenant": call.tenant,
            "actor": call.actor,
            "locale": cx.locale,
            "chinese": cx.chinese,
            "time_zone": call.time_zone,
            "now": timestamp(cx.now),
            "key": call.idempotency_key,
            "attempt": call.attempt,
            "depth": call.depth,
            "greeting": cx.setting("greeting").value,
            "strict": cx.setting("strict").value,
        }
    )


def steps(cx: Context, input: Fields, resumed: Fields | None) -> Done | SleepUntil | WaitFor:
    if resumed is not None:
        return Done({"answer": resumed.need("answer", "text"), "attempt": cx.call.attempt})
    mode = input.need("mode", "text")
    if mode == "sleep":
        return SleepUntil("2026-04-01T00:00:00Z")
    if mode == "wait":
        return WaitFor(f"approved:{cx.call.idempotency_key}")
    if mode == "later":
        raise Fault("steps.later", "try again", backoff=True)
    if mode == "soon":
        raise Fault("steps.soon", "try again soon", after_ms=1500)
    if mode == "break":
        raise RuntimeError("the plugin breaks down as it was told to")
    raise Fault("steps.mode", f"there is no mode {mode}")


def figures(cx: Context, params: Fields) -> Table:
    rows = params.need("rows", "integer")
    label = "数量" if cx.chinese else "Number"
    columns = [
        Column("name", "Name", "text"),
        Column("number", label, "integer"),
        Column("none", "None", "decimal"),
    ]
    return Table(columns, [[f"row {row}", row * row, None] for row in range(1, rows + 1)])


def count(cx: Context, cursor: bytes | None, params: Fields) -> Progress:
    until = params.need("until", "integer")
    start = 0 if cursor is None else int(cursor)
    to = min(until, start + 10)
    cx.log.info(f"counted from {start} to {to}")
    if to < until:
        return Progress(to - start, cursor=str(to))
    return Progress(to - start, note="finished")
