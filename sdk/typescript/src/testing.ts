/**
 * Fakes for every capability, for the tests of a plugin: records in memory, answers of other systems in a row, a clock that
 * stands still. Never part of a component.
 */
import type { Call, Host, WireCondition, WireQuery, WireRequest, WireResponse } from "./context.ts";
import {
  Doors,
  type Document,
  type Outcome,
  type Plugin,
  type Table,
  type Verdict,
  type Violation,
} from "./plugin.ts";
import type { Entry } from "./record.ts";
import { type Field, type IntoValue, type Value, Fault, fault, intoFields, intoValue } from "./value.ts";

export { type Case, expectCase, readCases } from "./cases.ts";
export { Doors } from "./plugin.ts";
export type { Call, Host } from "./context.ts";

type Values = Readonly<Record<string, IntoValue>>;

/** A call for tests: an English tenant in Shanghai, on the last day of March 2026. */
export function call(with_: Partial<Omit<Call, "config">> & { config?: Values } = {}): Call {
  const { config = {}, ...rest } = with_;
  return {
    tenant: "test",
    actor: "tester",
    locale: "en",
    timeZone: "Asia/Shanghai",
    now: "2026-03-31T08:15:00Z",
    idempotencyKey: "test",
    attempt: 1,
    depth: 0,
    ...rest,
    config: intoFields(config),
  };
}

/** A record for tests. */
export const entry = (entity: string, id: string | undefined, fields: Values): Entry => ({
  entity,
  id,
  fields: intoFields(fields),
});

/** The host, as far as a test needs it. */
export class Fakes {
  /** What was written into the run log. */
  readonly lines: { level: string; message: string }[] = [];
  /** What was sent to other systems. */
  readonly sent: WireRequest[] = [];
  readonly #records = new Map<string, Entry>();
  readonly #responses: (WireResponse | Fault)[] = [];
  readonly #stored = new Map<string, Uint8Array>();
  readonly #left = new Map<string, bigint>();
  #made = 0;

  /** Puts a record there. */
  put(entity: string, id: string, fields: Values): void {
    this.#records.set(`${entity} ${id}`, entry(entity, id, fields));
  }

  /** A record, after what the plugin did. */
  record(entity: string, id: string): Entry | undefined {
    return this.#records.get(`${entity} ${id}`);
  }

  /** What the next call to another system is answered. */
  respond(answer: { status: number; headers?: Record<string, string>; body?: string } | Fault): void {
    if (answer instanceof Fault) {
      this.#responses.push(answer);
      return;
    }
    const headers = Object.entries(answer.headers ?? {}).map(([name, value]) => ({ name, value }));
    this.#responses.push({ status: answer.status, headers, body: new TextEncoder().encode(answer.body ?? "") });
  }

  /** Says how much is left of a counter. */
  leave(counter: string, left: number): void {
    this.#left.set(counter, BigInt(left));
  }

  /** What a plugin sees of it. */
  get host(): Required<Host> {
    return {
      log: { write: (level, message) => void this.lines.push({ level, message }) },
      budget: { remaining: () => [...this.#left].map(([name, left]) => ({ name, left })) },
      read: {
        get: (entity, id, fields) => cut(this.record(entity, id), fields),
        find: (entity, query) => this.#find(entity, query),
        count: (entity, conditions) => BigInt(this.#matching(entity, conditions).length),
      },
      write: {
        create: (entity, fields) => {
          this.#made += 1;
          const id = `new-${this.#made}`;
          this.#records.set(`${entity} ${id}`, { entity, id, fields });
          return id;
        },
        update: (entity, id, fields) => {
          const known = this.#need(entity, id);
          const kept = known.fields.filter((old) => !fields.some((field) => field.name === old.name));
          known.fields = [...kept, ...fields];
        },
        delete: (entity, id) => {
          this.#need(entity, id);
          this.#records.delete(`${entity} ${id}`);
        },
      },
      http: { send: (request) => this.#send(request) },
      storage: {
        get: (key) => this.#stored.get(key),
        set: (key, value) => void this.#stored.set(key, value),
        delete: (key) => void this.#stored.delete(key),
        swap: (key, expected, value) => {
          if (!alike(this.#stored.get(key), expected)) return false;
          if (value === undefined) this.#stored.delete(key);
          else this.#stored.set(key, value);
          return true;
        },
        keys: (prefix, after, limit) => {
          const keys = [...this.#stored.keys()].sort();
          const found = keys.filter((key) => key.startsWith(prefix) && (after === undefined || key > after));
          return found.slice(0, limit);
        },
      },
    };
  }

  #need(entity: string, id: string): Entry {
    const known = this.record(entity, id);
    if (known === undefined) throw fault("record.not_found", "there is no such record");
    return known;
  }

  #matching(entity: string, conditions: readonly WireCondition[]): Entry[] {
    const own = [...this.#records.values()].filter((record) => record.entity === entity);
    return own.filter((record) => conditions.every((condition) => holds(record, condition)));
  }

  #find(entity: string, query: WireQuery): { entries: Entry[]; next: string | undefined } {
    const entries = this.#matching(entity, query.conditions);
    for (const key of [...query.order].reverse()) {
      const down = key.startsWith("-");
      const name = down ? key.slice(1) : key;
      entries.sort((one, other) => {
        const order = compare(valueOf(one, name), valueOf(other, name)) ?? 0;
        return down ? -order : order;
      });
    }
    const from = Number(query.cursor ?? 0);
    const until = from + query.limit;
    const next = until < entries.length ? String(until) : undefined;
    return { entries: entries.slice(from, until).map((record) => cut(record, query.fields)!), next };
  }

  #send(request: WireRequest): WireResponse {
    this.sent.push(request);
    const answer = this.#responses.shift();
    if (answer === undefined) throw fault("test.no_response", "the test has no response for this call");
    if (answer instanceof Fault) throw answer;
    return answer;
  }
}

/** What a test says of a change; the entity is that of the manifest. */
interface Changed {
  before?: Values;
  after?: Values;
  op?: string;
  id?: string;
}

/** A plugin under test with its own fakes. Every function takes the name of an export and what the point takes. */
export class Tester {
  readonly fakes = new Fakes();
  readonly doors: Doors;
  /** The circumstances of the calls; a test may replace them. */
  call: Call = call();

  constructor(private readonly plugin: Plugin) {
    this.doors = new Doors(plugin, this.fakes.host);
  }

  validator(name: string, { before, after = {}, id }: Changed): Violation[] {
    const of = this.#entry("validator", name, id);
    return this.doors.validate(name, this.call, before && of(before), of(after));
  }
  beforeSave(name: string, changed: Changed): Verdict {
    return this.doors.beforeSave(name, this.call, ...this.#change("before-save", name, changed));
  }
  afterCommit(name: string, changed: Changed): void {
    this.doors.afterCommit(name, this.call, ...this.#change("after-commit", name, changed));
  }
  action(name: string, input: Values, resumed?: Values): Outcome {
    return this.doors.run(name, this.call, intoFields(input), resumed && intoFields(resumed));
  }
  function(name: string, rows: readonly (readonly IntoValue[])[]): Value[] {
    return this.doors.callMany(name, rows.map((row) => row.map(intoValue)));
  }
  scorer(name: string, records: Readonly<Record<string, Values>>): ReturnType<Doors["score"]> {
    const subjects = Object.entries(records).map(([id, fields]) => this.#entry("scorer", name, id)(fields));
    return this.doors.score(name, this.call, subjects);
  }
  assigner(name: string, subject: Values, candidates: Readonly<Record<string, Values>>): string | undefined {
    const offered = Object.entries(candidates).map(([id, fields]) => ({ id, fields: intoFields(fields) }));
    return this.doors.assign(name, this.call, this.#entry("assigner", name, "1")(subject), offered);
  }
  provider(name: string, params: Values = {}): Table {
    const { columns, rowsJson } = this.doors.load(name, this.call, intoFields(params));
    return { columns, rows: JSON.parse(rowsJson) as Table["rows"] };
  }
  renderer(name: string, subject: Values, params: Values = {}): Document {
    return this.doors.render(name, this.call, this.#entry("renderer", name, "1")(subject), intoFields(params));
  }
  job(name: string, cursor?: Uint8Array, params: Values = {}): ReturnType<Doors["step"]> {
    return this.doors.step(name, this.call, cursor, intoFields(params));
  }
  connector(name: string, input: Values, probe = false): Field[] {
    const fields = intoFields(input);
    return probe ? this.doors.probe(name, this.call, fields) : this.doors.invoke(name, this.call, fields);
  }

  #entry(point: string, name: string, id: string | undefined): (fields: Values) => Entry {
    const type = this.plugin.shape.records[`${point} ${name}`] as unknown as { $entity: string } | undefined;
    return (fields) => entry(type?.$entity ?? "unknown", id, fields);
  }

  #change(point: string, name: string, changed: Changed): [string, Entry | undefined, Entry | undefined] {
    const { before, after, id } = changed;
    const of = this.#entry(point, name, id);
    const op = changed.op ?? (before === undefined ? "create" : after === undefined ? "delete" : "update");
    return [op, before && of(before), after && of(after)];
  }
}

const alike = (one: Uint8Array | undefined, other: Uint8Array | undefined): boolean =>
  one === undefined || other === undefined ? one === other : one.join() === other.join();

const cut = (record: Entry | undefined, wanted: readonly string[]): Entry | undefined =>
  record && { ...record, fields: record.fields.filter((field) => wanted.includes(field.name)) };

const valueOf = (record: Entry, name: string): Value =>
  record.fields.find((field) => field.name === name)?.value ?? { tag: "null" };

const same = (one: Value, other: Value): boolean =>
  one.tag === other.tag && String((one as { val?: unknown }).val) === String((other as { val?: unknown }).val);

function holds(record: Entry, { field, op, value }: WireCondition): boolean {
  const own = valueOf(record, field);
  const order = compare(own, value);
  const words = (of: Value): string => (of.tag === "text" ? of.val : "");
  switch (op) {
    case "eq":
      return same(own, value);
    case "ne":
      return !same(own, value);
    case "lt":
      return order !== undefined && order < 0;
    case "le":
      return order !== undefined && order <= 0;
    case "gt":
      return order !== undefined && order > 0;
    case "ge":
      return order !== undefined && order >= 0;
    case "empty":
      return own.tag === "null";
    case "filled":
      return own.tag !== "null";
    case "contains":
      return words(own).includes(words(value));
    case "starts-with":
      return words(own).startsWith(words(value));
    default:
      throw fault("query.op", `there is no condition \`${op}\``);
  }
}

/** Below, above or between: nothing when the kinds differ or have no order. */
function compare(one: Value, other: Value): number | undefined {
  if (one.tag !== other.tag) return undefined;
  const ordered = ["integer", "float", "decimal", "text", "date", "timestamp"];
  if (!ordered.includes(one.tag)) return undefined;
  const read = (value: Value): number | bigint | string => {
    const inner = (value as { val: number | bigint | string }).val;
    return value.tag === "decimal" ? Number(inner) : inner;
  };
  const [first, second] = [read(one), read(other)];
  return first < second ? -1 : first > second ? 1 : 0;
}
