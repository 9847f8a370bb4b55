/**
 * The cases of a plugin (`sdk/conformance/README.md`), run without WebAssembly: what `mortise plugin test` does with the
 * built component, in the language itself. Never part of a component.
 */
import type { Call, Host } from "./context.ts";
import { Doors, type Plugin } from "./plugin.ts";
import type { Entry } from "./record.ts";
import { type Field, type Retry, type Value, Fault } from "./value.ts";

type Json = any;

/** One case. */
export interface Case {
  about?: string;
  point: string;
  export: string;
  call?: Json;
  input?: Json;
  host?: { call: string; with?: Json; gives?: Json; fault?: Json }[];
  expect?: Json;
  fault?: { code: string; message?: string; retry?: Json };
  failure?: string;
  log?: string[];
}

/** The cases of a file: one, or a list of them. */
export function readCases(text: string): Case[] {
  const read: Json = JSON.parse(text);
  return Array.isArray(read) ? read : [read];
}

/** Runs a case; an error says what differs. A case that expects a failure of the host is left to the host. */
export function expectCase(plugin: Plugin, one: Case): void {
  if (one.failure !== undefined) return;
  const script = new Script(one.host ?? []);
  let came: Json;
  try {
    came = { answer: answer(new Doors(plugin, script.host), one) };
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    came = { fault: { code: error.code, message: error.message, retry: retry(error.retry) } };
  }
  script.finish();
  const wanted = one.fault === undefined ? { answer: one.expect } : { fault: { ...came.fault, ...one.fault } };
  if (!alike(wanted, came)) throw new Error(`expected ${show(wanted)}\n    came ${show(came)}`);
  if (one.log !== undefined && !alike(one.log, script.lines)) {
    throw new Error(`expected the lines ${show(one.log)}\n    came ${show(script.lines)}`);
  }
}

const show = (value: Json): string => JSON.stringify(value);

function answer(doors: Doors, { point, export: name, call = {}, input = {} }: Case): Json {
  const cx = circumstances(call);
  const [before, after] = [entryOf(input.before), entryOf(input.after)];
  switch (point) {
    case "validator":
      return doors.validate(name, cx, before, after!);
    case "before-save": {
      const verdict = doors.beforeSave(name, cx, input.op, before, after);
      if (verdict.tag === "change") return { change: written(verdict.val) };
      return verdict.tag === "proceed" ? "proceed" : { reject: { ...verdict.val, retry: retry(verdict.val.retry) } };
    }
    case "after-commit":
      doors.afterCommit(name, cx, input.op, before, after);
      return null;
    case "action": {
      const outcome = doors.run(name, cx, fields(input.input), input.resumed && fields(input.resumed));
      return { [outcome.tag]: outcome.tag === "done" ? written(outcome.val) : outcome.val };
    }
    case "function":
      return doors.callMany(name, input.rows.map((row: Json[]) => row.map(valueOf))).map(show1);
    case "scorer":
      return doors.score(name, cx, input.subjects.map(entryOf));
    case "assigner": {
      const offered = input.candidates.map((one: Json) => ({ id: one.id, fields: fields(one.fields) }));
      return doors.assign(name, cx, entryOf(input.subject)!, offered);
    }
    case "provider": {
      const { columns, rowsJson } = doors.load(name, cx, fields(input.params));
      return { columns, rows: JSON.parse(rowsJson) };
    }
    case "renderer": {
      const made = doors.render(name, cx, entryOf(input.subject)!, fields(input.params));
      return { name: made.name, media_type: made.mediaType, content: writtenRaw(made.content) };
    }
    case "job": {
      const said = doors.step(name, cx, raw(input.cursor), fields(input.params));
      return { cursor: writtenRaw(said.cursor), processed: Number(said.processed), note: said.note };
    }
    default:
      return written(input.probe ? doors.probe(name, cx, fields(input.input)) : doors.invoke(name, cx, fields(input.input)));
  }
}

function circumstances(call: Json): Call {
  return {
    tenant: call.tenant ?? "test",
    actor: call.actor ?? "tester",
    locale: call.locale ?? "en",
    timeZone: call.time_zone ?? "Asia/Shanghai",
    now: call.now ?? "2026-03-31T08:15:00Z",
    idempotencyKey: call.idempotency_key ?? "test",
    attempt: call.attempt ?? 1,
    depth: call.depth ?? 0,
    config: fields(call.config),
  };
}

/** The host of a case: answers what it says, in that order. */
class Script {
  readonly lines: string[] = [];
  readonly #turns: NonNullable<Case["host"]>;
  #at = 0;

  constructor(turns: NonNullable<Case["host"]>) {
    this.#turns = turns;
  }

  finish(): void {
    const left = this.#turns[this.#at];
    if (left !== undefined) throw new Error(`the host was never asked for ${left.call}`);
  }

  #turn(call: string, asked: Json): Json {
    const turn = this.#turns[this.#at];
    this.#at += 1;
    if (turn?.call !== call) throw new Error(`host[${this.#at - 1}]: asked for ${call} with ${show(asked)}`);
    for (const [key, wanted] of Object.entries(turn.with ?? {})) {
      if (!alike(wanted, asked[key])) throw new Error(`${call} with ${key} ${show(asked[key])} instead of ${show(wanted)}`);
    }
    if (turn.fault !== undefined) {
      const { code, message = "", retry: again = "never" } = turn.fault;
      throw new Fault(code, message, typeof again === "string" ? (again as "never") : { afterMs: again.after_ms });
    }
    return turn.gives;
  }

  get host(): Required<Host> {
    const conditions = (of: { field: string; op: string; value: Value }[]): Json =>
      of.map(({ field, op, value }) => ({ field, op, value: show1(value) }));
    return {
      log: { write: (level, message) => void this.lines.push(`${level}: ${message}`) },
      budget: { remaining: () => [{ name: "host-calls", left: 500n }] },
      read: {
        get: (entity, id, names) => entryOf(this.#turn("records.get", { entity, id, fields: names })),
        find: (entity, query) => {
          const asked = { ...query, entity, conditions: conditions(query.conditions) };
          const page = this.#turn("records.find", asked);
          return { entries: page.entries.map(entryOf), next: page.next ?? undefined };
        },
        count: (entity, of) => BigInt(this.#turn("records.count", { entity, conditions: conditions(of) })),
      },
      write: {
        create: (entity, set) => this.#turn("records.create", { entity, fields: written(set) }),
        update: (entity, id, set) => this.#turn("records.update", { entity, id, fields: written(set) }),
        delete: (entity, id) => this.#turn("records.delete", { entity, id }),
      },
      http: {
        send: (request) => {
          const headers = Object.fromEntries(request.headers.map(({ name, value }) => [name, value]));
          const given = this.#turn("http.send", { ...request, headers, body: writtenRaw(request.body) });
          const list = Object.entries(given.headers ?? {}).map(([name, value]) => ({ name, value: String(value) }));
          return { status: given.status, headers: list, body: raw(given.body) ?? new Uint8Array() };
        },
      },
      storage: {
        get: (key) => raw(this.#turn("storage.get", { key })),
        set: (key, value) => this.#turn("storage.set", { key, value: writtenRaw(value) }),
        delete: (key) => this.#turn("storage.delete", { key }),
        swap: (key, expected, value) =>
          this.#turn("storage.swap", { key, expected: writtenRaw(expected), value: writtenRaw(value) }),
        keys: (prefix, after, limit) => this.#turn("storage.keys", { prefix, after, limit }),
      },
    };
  }
}

function valueOf(from: Json): Value {
  if (from === null || from === undefined) return { tag: "null" };
  if (typeof from === "string") return { tag: "text", val: from };
  if (typeof from === "boolean") return { tag: "boolean", val: from };
  if (typeof from === "number") return { tag: "integer", val: BigInt(from) };
  if (Array.isArray(from)) return { tag: "many", val: from };
  const [kind, inner] = Object.entries(from as Record<string, Json>)[0]!;
  switch (kind) {
    case "integer":
      return { tag: "integer", val: BigInt(inner) };
    case "bytes":
      return { tag: "bytes", val: base64(inner) };
    case "json":
      return { tag: "json", val: JSON.stringify(inner) };
    default:
      return { tag: kind, val: inner } as Value;
  }
}

function show1(value: Value): Json {
  switch (value.tag) {
    case "null":
      return null;
    case "boolean":
    case "text":
    case "many":
      return value.val;
    case "integer":
      return Number.isSafeInteger(Number(value.val)) ? Number(value.val) : { integer: String(value.val) };
    case "bytes":
      return { bytes: intoBase64(value.val) };
    case "json":
      return { json: JSON.parse(value.val) };
    default:
      return { [value.tag]: value.val };
  }
}

const fields = (from: Json): Field[] =>
  Object.entries((from ?? {}) as Record<string, Json>).map(([name, value]) => ({ name, value: valueOf(value) }));

const written = (of: readonly Field[]): Json =>
  Object.fromEntries(of.map(({ name, value }) => [name, show1(value)]));

const entryOf = (from: Json): Entry | undefined =>
  from === null || from === undefined
    ? undefined
    : { entity: from.entity, id: from.id ?? undefined, fields: fields(from.fields) };

const raw = (from: Json): Uint8Array | undefined => {
  if (from === null || from === undefined) return undefined;
  return typeof from === "string" ? new TextEncoder().encode(from) : base64(from.bytes);
};

function writtenRaw(bytes: Uint8Array | undefined): Json {
  if (bytes === undefined) return null;
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return { bytes: intoBase64(bytes) };
  }
}

const retry = (of: Retry): Json => (of.tag === "after-ms" ? { after_ms: Number(of.val) } : of.tag);

declare function atob(text: string): string;
declare function btoa(text: string): string;
const base64 = (text: string): Uint8Array => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
const intoBase64 = (bytes: Uint8Array): string => btoa(String.fromCharCode(...bytes));

/** A key that is missing is one that is `null`. */
function alike(one: Json, other: Json): boolean {
  const none = (value: Json): boolean => value === null || value === undefined;
  if (none(one) || none(other)) return none(one) && none(other);
  if (typeof one !== "object" || typeof other !== "object") return one === other;
  if (Array.isArray(one) !== Array.isArray(other)) return false;
  if (Array.isArray(one) && one.length !== other.length) return false;
  return [...new Set([...Object.keys(one), ...Object.keys(other)])].every((key) => alike(one[key], other[key]));
}
