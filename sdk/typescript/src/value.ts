/**
 * Values as they travel between the runtime and a plugin, and their conversion from and to values of JavaScript. Never
 * guesses: text is not read as a number, and a whole number is a `bigint`, so that none loses digits.
 */

/** A value of the interface. Money and decimals are text, so that no float ever touches them. */
export type Value =
  | { tag: "null" }
  | { tag: "boolean"; val: boolean }
  | { tag: "integer"; val: bigint }
  | { tag: "float"; val: number }
  | { tag: "decimal"; val: string }
  | { tag: "text"; val: string }
  | { tag: "date"; val: string }
  | { tag: "timestamp"; val: string }
  | { tag: "bytes"; val: Uint8Array }
  | { tag: "reference"; val: { entity: string; id: string } }
  | { tag: "many"; val: string[] }
  | { tag: "json"; val: string }
  | { tag: "other"; val: { kind: string; text: string } };

/** A value with its name. */
export interface Field {
  name: string;
  value: Value;
}

/** What can be given where a value is wanted: text, yes or no, a whole number (`3n`), a floating point, texts, bytes, nothing. */
export type IntoValue = Value | string | boolean | bigint | number | readonly string[] | Uint8Array | null | undefined;

/** Anything that JSON can say. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** An exact number: `decimal("-12.50")`, digits with an optional sign and point. */
export const decimal = (digits: string): Value => ({ tag: "decimal", val: digits });
/** A day: `date("2026-03-31")`. */
export const date = (day: string): Value => ({ tag: "date", val: day });
/** A moment: `timestamp("2026-03-31T08:15:00Z")`, always UTC. */
export const timestamp = (moment: string): Value => ({ tag: "timestamp", val: moment });
/** Another record. */
export const reference = (entity: string, id: string): Value => ({ tag: "reference", val: { entity, id } });
/** Anything nested. */
export const json = (value: Json | object): Value => ({ tag: "json", val: JSON.stringify(value) });
/** A kind that this version of the interface does not know. */
export const other = (kind: string, text: string): Value => ({ tag: "other", val: { kind, text } });

const INTEGER_MIN = -(2n ** 63n);
const INTEGER_MAX = 2n ** 63n - 1n;

/** A whole number of 64 bits; a larger one is a slip of the plugin and not quietly another number. */
export function integer(number: bigint | number): Value {
  if (typeof number === "number" && !Number.isSafeInteger(number)) {
    throw new RangeError(`${number} is no whole number that JavaScript holds exactly; use a bigint`);
  }
  const whole = BigInt(number);
  if (whole < INTEGER_MIN || whole > INTEGER_MAX) throw new RangeError(`${whole} has more than 64 bits`);
  return { tag: "integer", val: whole };
}

/** The value of something that can be given as one. */
export function intoValue(from: IntoValue): Value {
  if (from === null || from === undefined) return { tag: "null" };
  switch (typeof from) {
    case "string":
      return { tag: "text", val: from };
    case "boolean":
      return { tag: "boolean", val: from };
    case "bigint":
      return integer(from);
    case "number":
      return { tag: "float", val: from };
  }
  // What the host sends is made in another realm than the plugin's, where `instanceof` knows nothing.
  if (ArrayBuffer.isView(from)) return { tag: "bytes", val: from as Uint8Array };
  if (Array.isArray(from)) return { tag: "many", val: [...from] };
  if (typeof (from as Value).tag === "string") return from as Value;
  throw new TypeError("an object is no value; `json` takes anything nested");
}

/** Fields of an object: `{ total: decimal("9.90"), lines: 3n }`. */
export function intoFields(object: Readonly<Record<string, IntoValue>>): Field[] {
  return Object.entries(object).map(([name, value]) => ({ name, value: intoValue(value) }));
}

/** Whether it makes sense to try again: never, later, or not before this many milliseconds. */
export type Retry = { tag: "never" } | { tag: "backoff" } | { tag: "after-ms"; val: bigint };

/** Why a call was not done: thrown by a plugin, and by everything that asks the host. */
export class Fault extends Error {
  readonly retry: Retry;
  /** What goes over the border; an own property of this name is what the bindings look for. */
  readonly payload: { code: string; message: string; retry: Retry };

  constructor(
    readonly code: string,
    message: string,
    retry: "never" | "backoff" | { afterMs: number } = "never",
  ) {
    super(message);
    this.name = "Fault";
    this.retry = typeof retry === "string" ? { tag: retry } : { tag: "after-ms", val: BigInt(retry.afterMs) };
    this.payload = { code, message, retry: this.retry };
  }

  /** The fault of what came over the border. */
  static of(payload: { code: string; message: string; retry: Retry }): Fault {
    const { retry } = payload;
    const again = retry.tag === "after-ms" ? { afterMs: Number(retry.val) } : retry.tag;
    return new Fault(payload.code, payload.message, again);
  }
}

/** A fault that trying again does not help: `throw fault("score.unknown", "…")`. */
export const fault = (code: string, message: string): Fault => new Fault(code, message);

/** What people call the kinds that are asked for, in messages; and what each becomes in JavaScript. */
const NAMES = {
  text: "text",
  integer: "a whole number",
  number: "a number",
  boolean: "yes or no",
  many: "texts",
  json: "JSON",
} as const;

/** Kinds that a value can be read as. */
export type Kind = keyof typeof NAMES;

/** What a kind is in JavaScript. */
export interface Kinds {
  text: string;
  integer: bigint;
  number: number;
  boolean: boolean;
  many: string[];
  json: Json;
}

/** The name of a kind for people. */
export const nameOf = (kind: Kind): string => NAMES[kind];

/** A value read as a kind; nothing when it is something else. Nothing at all reads as empty text and no texts. */
export function readAs<K extends Kind>(value: Value, kind: K): Kinds[K] | undefined {
  return read(value, kind) as Kinds[K] | undefined;
}

function read(value: Value, kind: Kind): Kinds[Kind] | undefined {
  switch (kind) {
    case "text":
      switch (value.tag) {
        case "text":
        case "decimal":
        case "date":
        case "timestamp":
        case "json":
          return value.val;
        case "null":
          return "";
        default:
          return undefined;
      }
    case "integer":
      return value.tag === "integer" ? value.val : undefined;
    case "number":
      if (value.tag === "float") return value.val;
      return value.tag === "integer" ? Number(value.val) : undefined;
    case "boolean":
      return value.tag === "boolean" ? value.val : undefined;
    case "many":
      if (value.tag === "many") return value.val;
      return value.tag === "null" ? [] : undefined;
    case "json":
      return value.tag === "json" ? (JSON.parse(value.val) as Json) : undefined;
  }
}
