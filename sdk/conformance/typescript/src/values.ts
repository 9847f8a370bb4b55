/** What the plugin does with values alone: circumstances, steps that wait, figures, a job. */
import {
  type Fields,
  type Outcome,
  type Progress,
  type Table,
  Fault,
  done,
  fault,
  integer,
  sleepUntil,
  timestamp,
  waitFor,
} from "@mortise/sdk";

import type { Context } from "./plugin.gen.ts";

export function circumstances(cx: Context): Outcome {
  const { tenant, actor, timeZone, idempotencyKey, attempt, depth } = cx.call;
  return done({
    tenant,
    actor,
    locale: cx.locale,
    chinese: cx.chinese,
    time_zone: timeZone,
    now: timestamp(cx.now),
    key: idempotencyKey,
    attempt: integer(attempt),
    depth: integer(depth),
    greeting: cx.setting("greeting").value,
    strict: cx.setting("strict").value,
  });
}

export function steps(cx: Context, input: Fields, resumed: Fields | undefined): Outcome {
  if (resumed !== undefined) {
    return done({ answer: resumed.need("answer", "text"), attempt: integer(cx.call.attempt) });
  }
  const mode = input.need("mode", "text");
  switch (mode) {
    case "sleep":
      return sleepUntil("2026-04-01T00:00:00Z");
    case "wait":
      return waitFor(`approved:${cx.call.idempotencyKey}`);
    case "later":
      throw new Fault("steps.later", "try again", "backoff");
    case "soon":
      throw new Fault("steps.soon", "try again soon", { afterMs: 1500 });
    case "break":
      throw new Error("the plugin breaks down as it was told to");
    default:
      throw fault("steps.mode", `there is no mode ${mode}`);
  }
}

export function figures(cx: Context, params: Fields): Table {
  const rows = Number(params.need("rows", "integer"));
  return {
    columns: [
      { name: "name", label: "Name", kind: "text" },
      { name: "number", label: cx.chinese ? "数量" : "Number", kind: "integer" },
      { name: "none", label: "None", kind: "decimal" },
    ],
    rows: Array.from({ length: rows }, (_, at) => [`row ${at + 1}`, (at + 1) ** 2, null]),
  };
}

export function count(cx: Context, cursor: Uint8Array | undefined, params: Fields): Progress {
  const until = Number(params.need("until", "integer"));
  const from = cursor === undefined ? 0 : Number(new TextDecoder().decode(cursor));
  const to = Math.min(until, from + 10);
  cx.log.info(`counted from ${from} to ${to}`);
  return to < until
    ? { cursor: String(to), processed: to - from }
    : { processed: to - from, note: "finished" };
}
