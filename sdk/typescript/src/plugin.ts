/**
 * A plugin: one function for each export of `plugin.json`, behind doors of the forms that the host calls. The types that
 * `mortise-sdk types` makes of `plugin.json` say which functions there have to be; the compiler refuses fewer and more.
 */
import { type Call, Context, type Host, intoBytes } from "./context.ts";
import { Change, type Entity, type EntityClass, type Entry, Fields } from "./record.ts";
import {
  type Field,
  type IntoValue,
  type Json,
  type Kind,
  type Value,
  Fault,
  fault,
  integer,
  intoFields,
  nameOf,
  readAs,
} from "./value.ts";

/** Something that is wrong with a record. */
export interface Violation {
  /** The field; missing when it is the record as a whole. */
  field: string | undefined;
  code: string;
  /** For people, in the language of the call. */
  message: string;
}

/** Something that is wrong with a field. */
export const violation = (field: string, code: string, message: string): Violation => ({ field, code, message });

/** What a `before-save` says. */
export type Verdict =
  | { tag: "proceed" }
  | { tag: "change"; val: Field[] }
  | { tag: "reject"; val: Fault["payload"] };

/** The save goes on. */
export const proceed = (): Verdict => ({ tag: "proceed" });
/** The save goes on with these fields changed. */
export const change = (fields: Readonly<Record<string, IntoValue>>): Verdict => ({
  tag: "change",
  val: intoFields(fields),
});
/** The record is not saved. */
export const reject = (why: Fault): Verdict => ({ tag: "reject", val: why.payload });

/** How far an action has come. */
export type Outcome = { tag: "done"; val: Field[] } | { tag: "sleep-until"; val: string } | { tag: "wait-for"; val: string };

/** Finished, with these results. */
export const done = (fields: Readonly<Record<string, IntoValue>> = {}): Outcome => ({
  tag: "done",
  val: intoFields(fields),
});
/** Call again at this time. */
export const sleepUntil = (moment: string): Outcome => ({ tag: "sleep-until", val: moment });
/** Call again when this event comes in. */
export const waitFor = (event: string): Outcome => ({ tag: "wait-for", val: event });

/** A number for a record, with its reasons. */
export interface Score {
  value: number;
  reasons?: { text: string; weight: number }[];
}

/** Somebody who may get a record. */
export interface Candidate {
  id: string;
  fields: Fields;
}

/** The figures of a tile. */
export interface Table {
  /** `kind` is `text`, `integer`, `decimal`, `date`, `timestamp` or `percent`. */
  columns: { name: string; label: string; kind: string }[];
  rows: Json[][];
}

/** A document. */
export interface Document {
  name: string;
  mediaType: string;
  content: string | Uint8Array;
}

/** How far a job has come. */
export interface Progress {
  /** Where the next step goes on; missing when the work is finished. */
  cursor?: string | Uint8Array | undefined;
  /** How much this step did. */
  processed: number;
  /** For people. */
  note?: string | undefined;
}

/** Why a connector is called: to do its work, or to see whether the other system can be reached, changing nothing there. */
export type Purpose = "invoke" | "probe";

export type Validator<C, E extends Entity> = (cx: C, change: Change<E>) => Violation[];
export type BeforeSave<C, E extends Entity> = (cx: C, change: Change<E>) => Verdict;
export type AfterCommit<C, E extends Entity> = (cx: C, change: Change<E>) => void;
export type Action<C> = (cx: C, input: Fields, resumed: Fields | undefined) => Outcome;
export type Scorer<C, E extends Entity> = (cx: C, record: E) => Score;
export type Assigner<C, E extends Entity> = (cx: C, record: E, candidates: Candidate[]) => string | undefined;
export type Provider<C> = (cx: C, params: Fields) => Table;
export type Renderer<C, E extends Entity> = (cx: C, record: E, params: Fields) => Document;
export type Job<C> = (cx: C, cursor: Uint8Array | undefined, params: Fields) => Progress;
export type Connector<C> = (cx: C, input: Fields, purpose: Purpose) => Readonly<Record<string, IntoValue>>;

/** Kinds of arguments and answers in `plugin.json`. */
export type DeclaredKind =
  | "text" | "integer" | "decimal" | "float" | "boolean" | "date" | "timestamp" | "many" | "json";

/** What `mortise-sdk types` keeps of `plugin.json` for the running plugin. */
export interface Shape {
  /** Id and version, for messages. */
  id: string;
  /** The class of the record of an export, by `point name`. */
  records: Readonly<Record<string, EntityClass<Entity>>>;
  functions: Readonly<Record<string, { parameters: readonly DeclaredKind[]; returns: DeclaredKind }>>;
}

// biome-ignore lint: what a plugin gives is checked by the types made of its plugin.json; here it is only called.
type Own = Readonly<Record<string, Readonly<Record<string, (...given: any[]) => any>>>>;

/** A plugin: what its manifest says, and its functions. */
export interface Plugin {
  readonly shape: Shape;
  readonly own: Own;
}

/** Makes the function by which a plugin names its functions, with the types of its `plugin.json`. */
export function definer<Exports>(shape: Shape): (own: Exports) => Plugin {
  return (own) => ({ shape, own: own as Own });
}

interface WireCandidate {
  id: string;
  fields: Field[];
}

/** The exports of a plugin as the host calls them. */
export class Doors {
  constructor(
    private readonly plugin: Plugin,
    private readonly host: Host,
  ) {}

  validate(name: string, call: Call, before: Entry | undefined, after: Entry): Violation[] {
    const op = before === undefined || before === null ? "create" : "update";
    return this.#own("validator", name)(this.#cx(call), this.#change("validator", name, op, before, after));
  }

  beforeSave(name: string, call: Call, op: string, before: Entry | undefined, after: Entry | undefined): Verdict {
    return this.#own("before-save", name)(this.#cx(call), this.#change("before-save", name, op, before, after));
  }

  afterCommit(name: string, call: Call, op: string, before: Entry | undefined, after: Entry | undefined): void {
    this.#own("after-commit", name)(this.#cx(call), this.#change("after-commit", name, op, before, after));
  }

  run(name: string, call: Call, input: Field[], resumed: Field[] | undefined): Outcome {
    const arrived = resumed === undefined || resumed === null ? undefined : new Fields(resumed);
    return this.#own("action", name)(this.#cx(call), new Fields(input), arrived);
  }

  callMany(name: string, rows: Value[][]): Value[] {
    const own = this.#own("function", name);
    const { parameters, returns } = this.plugin.shape.functions[name]!;
    return rows.map((row) => intoAnswer(own(...intoArguments(row, parameters)), returns, name));
  }

  score(
    name: string,
    call: Call,
    subjects: Entry[],
  ): { id: string; score: number; reasons: { text: string; weight: number }[] }[] {
    const own = this.#own("scorer", name);
    const cx = this.#cx(call);
    return subjects.map((subject) => {
      const score: Score = own(cx, this.#record("scorer", name, subject));
      return { id: subject.id ?? "", score: score.value, reasons: score.reasons ?? [] };
    });
  }

  assign(name: string, call: Call, subject: Entry, candidates: WireCandidate[]): string | undefined {
    const offered = candidates.map(({ id, fields }) => ({ id, fields: new Fields(fields) }));
    return this.#own("assigner", name)(this.#cx(call), this.#record("assigner", name, subject), offered);
  }

  load(name: string, call: Call, params: Field[]): { columns: Table["columns"]; rowsJson: string } {
    const table: Table = this.#own("provider", name)(this.#cx(call), new Fields(params));
    return { columns: table.columns, rowsJson: JSON.stringify(table.rows) };
  }

  render(
    name: string,
    call: Call,
    subject: Entry,
    params: Field[],
  ): { name: string; mediaType: string; content: Uint8Array } {
    const record = this.#record("renderer", name, subject);
    const document: Document = this.#own("renderer", name)(this.#cx(call), record, new Fields(params));
    return { ...document, content: intoBytes(document.content) };
  }

  step(
    name: string,
    call: Call,
    cursor: Uint8Array | undefined,
    params: Field[],
  ): { cursor: Uint8Array | undefined; processed: bigint; note: string | undefined } {
    const from = cursor === null ? undefined : cursor;
    const progress: Progress = this.#own("job", name)(this.#cx(call), from, new Fields(params));
    return {
      cursor: progress.cursor === undefined ? undefined : intoBytes(progress.cursor),
      processed: BigInt(progress.processed),
      note: progress.note,
    };
  }

  invoke(name: string, call: Call, input: Field[]): Field[] {
    return intoFields(this.#own("connector", name)(this.#cx(call), new Fields(input), "invoke"));
  }

  probe(name: string, call: Call, input: Field[]): Field[] {
    return intoFields(this.#own("connector", name)(this.#cx(call), new Fields(input), "probe"));
  }

  /** The plugin's function. The host checks names before it calls; a test may not. */
  #own(point: string, name: string): (...given: unknown[]) => any {
    const functions = this.plugin.own[point];
    if (functions === undefined || !Object.hasOwn(functions, name)) {
      throw fault("unknown_export", `this plugin has no ${point} named ${name}`);
    }
    return functions[name]!;
  }

  #cx(call: Call): Context {
    return new Context(call, this.host);
  }

  #record(point: string, name: string, entry: Entry): Entity {
    const type = this.plugin.shape.records[`${point} ${name}`]!;
    return new type(entry);
  }

  #change(
    point: string,
    name: string,
    op: string,
    before: Entry | undefined,
    after: Entry | undefined,
  ): Change<Entity> {
    const of = (entry: Entry | undefined): Entity | undefined =>
      entry === undefined || entry === null ? undefined : this.#record(point, name, entry);
    return new Change(op, of(before), of(after));
  }
}

const READ: Readonly<Record<DeclaredKind, Kind>> = {
  text: "text",
  integer: "integer",
  decimal: "text",
  float: "number",
  boolean: "boolean",
  date: "text",
  timestamp: "text",
  many: "many",
  json: "json",
};

/** The arguments of one row, as the manifest declares them. Numbers, yes or no and JSON are `null` where there is no value. */
function intoArguments(row: readonly Value[], parameters: readonly DeclaredKind[]): unknown[] {
  const wrong = (message: string): Fault => fault("argument", message);
  const given = parameters.map((declared, index) => {
    const value = row[index];
    if (value === undefined) throw wrong(`argument ${index + 1} is missing`);
    const kind = READ[declared];
    const read = readAs(value, kind);
    if (read !== undefined) return read;
    if (value.tag === "null") return null;
    throw wrong(`argument ${index + 1} is not ${nameOf(kind)}`);
  });
  if (row.length > parameters.length) throw wrong("there are too many arguments");
  return given;
}

/** An answer, as the manifest declares it. */
function intoAnswer(answer: unknown, returns: DeclaredKind, name: string): Value {
  if (answer === null || answer === undefined) return { tag: "null" };
  const is = (type: string): boolean => typeof answer === type;
  switch (returns) {
    case "integer":
      if (is("bigint") || is("number")) return integer(answer as bigint | number);
      break;
    case "float":
      if (is("number")) return { tag: "float", val: answer as number };
      break;
    case "boolean":
      if (is("boolean")) return { tag: "boolean", val: answer as boolean };
      break;
    case "many":
      if (Array.isArray(answer)) return { tag: "many", val: [...(answer as string[])] };
      break;
    case "json":
      return { tag: "json", val: JSON.stringify(answer) };
    default:
      if (is("string")) return { tag: returns, val: answer as string };
  }
  throw new TypeError(`the function ${name} answered with a ${typeof answer} where plugin.json says ${returns}`);
}
