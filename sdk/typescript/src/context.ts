/**
 * What a call knows and may ask for. In WebAssembly each question goes to the host; in tests the fakes answer. What
 * `plugin.json` does not ask for is not there, neither for the compiler nor in the component.
 */
import { type Entry, Entity, Get } from "./record.ts";
import { type Field, type IntoValue, type Value, Fault, intoFields, intoValue } from "./value.ts";

/** Circumstances of a call. */
export interface Call {
  tenant: string;
  /** The person, when there is one. */
  actor: string | undefined;
  /** Language of the person or the tenant: `zh-CN`. */
  locale: string;
  timeZone: string;
  /** The clock of the transaction, which stands still: `2026-03-31T08:15:00Z`. */
  now: string;
  /** The same for every attempt at the same work. */
  idempotencyKey: string;
  /** 1 for the first attempt. */
  attempt: number;
  /** How many plugins are above this call. */
  depth: number;
  /** The settings of the plugin in this tenant. */
  config: Field[];
}

/** One condition of a query, as it goes over the border. */
export interface WireCondition {
  field: string;
  op: string;
  value: Value;
}

/** A query, as it goes over the border. */
export interface WireQuery {
  conditions: WireCondition[];
  order: string[];
  fields: string[];
  limit: number;
  cursor: string | undefined;
}

/** A call to another system, as it goes over the border. */
export interface WireRequest {
  method: string;
  url: string;
  headers: { name: string; value: string }[];
  body: Uint8Array | undefined;
  credential: string | undefined;
  timeoutMs: number | undefined;
}

/** An answer of another system, as it comes over the border. */
export interface WireResponse {
  status: number;
  headers: { name: string; value: string }[];
  body: Uint8Array;
}

/** What the host offers: one module for each interface that the component imports. */
export interface Host {
  log?: { write(level: string, message: string): void };
  budget?: { remaining(): { name: string; left: bigint }[] };
  read?: {
    get(entity: string, id: string, fields: string[]): Entry | undefined;
    find(entity: string, query: WireQuery): { entries: Entry[]; next: string | undefined };
    count(entity: string, conditions: WireCondition[]): bigint;
  };
  write?: {
    create(entity: string, fields: Field[]): string;
    update(entity: string, id: string, fields: Field[]): void;
    delete(entity: string, id: string): void;
  };
  http?: { send(request: WireRequest): WireResponse };
  storage?: {
    get(key: string): Uint8Array | undefined;
    set(key: string, value: Uint8Array): void;
    delete(key: string): void;
    swap(key: string, expected: Uint8Array | undefined, value: Uint8Array | undefined): boolean;
    keys(prefix: string, after: string | undefined, limit: number): string[];
  };
}

/** Asks the host; its fault becomes one that a plugin can catch. */
function ask<T>(question: () => T): T {
  try {
    return question();
  } catch (error) {
    if (error instanceof Fault) throw error;
    const payload = (error as { payload?: Parameters<typeof Fault.of>[0] } | null)?.payload;
    throw payload?.retry === undefined ? error : Fault.of(payload);
  }
}

function asked<T>(part: T | undefined, permission: string): T {
  if (part === undefined) throw new Error(`plugin.json does not ask for the permission \`${permission}\``);
  return part;
}

/** A call: who, where, when, with which settings, and the doors to the host. */
export class Context {
  /** The run log. */
  readonly log: Log;
  /** Records; needs `records.read` and `records.write`. */
  readonly records: Records;
  /** Other systems; needs `http`. */
  readonly http: Http;
  /** The plugin's own store; needs `storage`. */
  readonly storage: Storage;
  readonly #host: Host;

  constructor(
    /** Everything that came with the call. */
    readonly call: Call,
    host: Host,
  ) {
    this.#host = host;
    this.log = new Log(host);
    this.records = new Records(host);
    this.http = new Http(host);
    this.storage = new Storage(host);
  }

  /** The language for words to people: `zh-CN`. */
  get locale(): string {
    return this.call.locale;
  }

  /** True when people read Chinese. */
  get chinese(): boolean {
    return this.call.locale.startsWith("zh");
  }

  /** The clock of the transaction: `2026-03-31T08:15:00Z`. */
  get now(): string {
    return this.call.now;
  }

  /** A setting of the plugin in this tenant. */
  setting(name: string): Get {
    return Get.of(this.call.config, name);
  }

  /** What is left of a counter: `host-calls`, `cpu-ms` … */
  left(counter: string): number | undefined {
    const budget = asked(this.#host.budget, "budget");
    const found = ask(() => budget.remaining()).find((known) => known.name === counter);
    return found === undefined ? undefined : Number(found.left);
  }
}

/** A context with what a plugin asks for, and nothing else. */
export type ContextOf<Granted extends "records" | "http" | "storage"> = Omit<
  Context,
  Exclude<"records" | "http" | "storage", Granted>
>;

/** The run log. */
export class Log {
  readonly #host: Host;
  constructor(host: Host) {
    this.#host = host;
  }
  /** For the author. */
  debug(message: string): void {
    this.#write("debug", message);
  }
  /** Good to know. */
  info(message: string): void {
    this.#write("info", message);
  }
  /** Somebody should look. */
  warn(message: string): void {
    this.#write("warn", message);
  }
  /** Something went wrong. */
  error(message: string): void {
    this.#write("error", message);
  }
  #write(level: string, message: string): void {
    asked(this.#host.log, "log").write(level, message);
  }
}

/** One condition: field, `eq`, `ne`, `lt`, `le`, `gt`, `ge`, `contains`, `starts-with`, `empty` or `filled`, and a value. */
export type Condition = readonly [field: string, op: string, value?: IntoValue];

/** Which records are wanted. */
export interface Query {
  /** All have to hold. */
  where?: readonly Condition[];
  /** Fields; a `-` in front sorts downwards. */
  order?: readonly string[];
  /** Fields that are wanted. */
  fields: readonly string[];
  /** Most records; 100 unless given. */
  limit?: number;
  /** `next` of the page before. */
  cursor?: string | undefined;
}

/** Records that were found. */
export interface Page {
  records: Entity[];
  /** Missing on the last page. */
  next: string | undefined;
}

const wire = (conditions: readonly Condition[]): WireCondition[] =>
  conditions.map(([field, op, value]) => ({ field, op, value: intoValue(value) }));

/** Records. */
export class Records {
  readonly #host: Host;
  constructor(host: Host) {
    this.#host = host;
  }

  /** One record, or none that may be seen. */
  get(entity: string, id: string, fields: readonly string[]): Entity | undefined {
    const read = asked(this.#host.read, "records.read");
    const found = ask(() => read.get(entity, id, [...fields]));
    return found === undefined || found === null ? undefined : new Entity(found);
  }

  /** A page of records. */
  find(entity: string, query: Query): Page {
    const read = asked(this.#host.read, "records.read");
    const { where = [], order = [], fields, limit = 100, cursor } = query;
    const wireQuery = { conditions: wire(where), order: [...order], fields: [...fields], limit, cursor };
    const page = ask(() => read.find(entity, wireQuery));
    return { records: page.entries.map((entry) => new Entity(entry)), next: page.next ?? undefined };
  }

  /** How many records there are. */
  count(entity: string, where: readonly Condition[] = []): number {
    const read = asked(this.#host.read, "records.read");
    return Number(ask(() => read.count(entity, wire(where))));
  }

  /** Makes a record; its id. */
  create(entity: string, fields: Readonly<Record<string, IntoValue>>): string {
    const write = asked(this.#host.write, "records.write");
    return ask(() => write.create(entity, intoFields(fields)));
  }

  /** Changes a record. */
  update(entity: string, id: string, fields: Readonly<Record<string, IntoValue>>): void {
    const write = asked(this.#host.write, "records.write");
    ask(() => write.update(entity, id, intoFields(fields)));
  }

  /** Puts a record into the bin. */
  delete(entity: string, id: string): void {
    const write = asked(this.#host.write, "records.write");
    ask(() => write.delete(entity, id));
  }
}

/** A call to another system. */
export interface Request {
  /** `GET` unless given. */
  method?: string;
  url: string;
  headers?: Readonly<Record<string, string>>;
  body?: string | Uint8Array;
  /** Name of a secret of the manifest. The runtime adds it; the plugin never sees it. */
  credential?: string;
  /** At most what is left of the call. */
  timeoutMs?: number;
}

/** What another system answered. */
export class Response {
  constructor(private readonly wire: WireResponse) {}
  get status(): number {
    return this.wire.status;
  }
  get body(): Uint8Array {
    return this.wire.body;
  }
  /** The body as text. */
  get text(): string {
    return new TextDecoder().decode(this.wire.body);
  }
  /** The first header of this name, in any case. */
  header(name: string): string | undefined {
    const wanted = name.toLowerCase();
    return this.wire.headers.find((header) => header.name.toLowerCase() === wanted)?.value;
  }
}

/** Text as bytes; bytes as they are. */
export const intoBytes = (content: string | Uint8Array): Uint8Array =>
  typeof content === "string" ? new TextEncoder().encode(content) : content;

/** Other systems. */
export class Http {
  readonly #host: Host;
  constructor(host: Host) {
    this.#host = host;
  }

  /** Sends a request; any status is an answer. */
  send(request: Request): Response {
    const http = asked(this.#host.http, "http");
    const { method = "GET", url, headers = {}, body, credential, timeoutMs } = request;
    const list = Object.entries(headers).map(([name, value]) => ({ name, value }));
    const bytes = body === undefined ? undefined : intoBytes(body);
    return new Response(ask(() => http.send({ method, url, headers: list, body: bytes, credential, timeoutMs })));
  }

  /** Asks for an address, with a credential of the manifest when one is named. */
  get(url: string, credential?: string): Response {
    return this.send(credential === undefined ? { url } : { url, credential });
  }
}

/** The plugin's own store. */
export class Storage {
  readonly #host: Host;
  constructor(host: Host) {
    this.#host = host;
  }
  #kv(): NonNullable<Host["storage"]> {
    return asked(this.#host.storage, "storage");
  }

  /** The value of a key. */
  get(key: string): Uint8Array | undefined {
    return ask(() => this.#kv().get(key)) ?? undefined;
  }
  /** Sets a key. */
  set(key: string, value: string | Uint8Array): void {
    ask(() => this.#kv().set(key, intoBytes(value)));
  }
  /** Removes a key. */
  delete(key: string): void {
    ask(() => this.#kv().delete(key));
  }
  /** Sets a key if it is still as expected; false when it is not. */
  swap(key: string, expected: string | Uint8Array | undefined, value: string | Uint8Array | undefined): boolean {
    const bytes = (content: string | Uint8Array | undefined): Uint8Array | undefined =>
      content === undefined ? undefined : intoBytes(content);
    return ask(() => this.#kv().swap(key, bytes(expected), bytes(value)));
  }
  /** Keys in order, beginning with `prefix` and behind `after`. */
  keys(prefix: string, after: string | undefined, limit: number): string[] {
    return ask(() => this.#kv().keys(prefix, after, limit));
  }
}
