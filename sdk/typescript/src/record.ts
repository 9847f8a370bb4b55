/**
 * Records as plugins see them: an entry of the host behind a class of the plugin's own, with one accessor for each field of
 * `plugin.json`. An empty field and one that was not asked for are both nothing.
 */
import { type Field, type Json, type Kind, type Kinds, type Value, fault, nameOf, readAs } from "./value.ts";

/** A record, cut down to the fields that the manifest asked for. */
export interface Entry {
  entity: string;
  /** Missing while the record is being created. */
  id: string | undefined;
  fields: Field[];
}

/** A field that was looked up. */
export class Get {
  constructor(private readonly found: Value | undefined) {}

  static of(fields: readonly Field[], name: string): Get {
    const value = fields.find((field) => field.name === name)?.value;
    return new Get(value?.tag === "null" ? undefined : value);
  }

  /** The value. */
  get value(): Value | undefined {
    return this.found;
  }

  /** True when there is no value, or only white space. */
  get isEmpty(): boolean {
    const value = this.found;
    if (value === undefined) return true;
    if (value.tag === "text") return value.val.trim() === "";
    return value.tag === "many" && value.val.length === 0;
  }

  /** Its text, or the text that stands for it: digits of a decimal, a date, the id of a reference. Empty when there is none. */
  get text(): string {
    const value = this.found;
    switch (value?.tag) {
      case "text":
      case "decimal":
      case "date":
      case "timestamp":
      case "json":
        return value.val;
      case "reference":
        return value.val.id;
      case "other":
        return value.val.text;
      default:
        return "";
    }
  }

  /** Its whole number. */
  get integer(): bigint | undefined {
    return this.found?.tag === "integer" ? this.found.val : undefined;
  }

  /** Its number, with the precision of a floating point. */
  get number(): number | undefined {
    const value = this.found;
    if (value?.tag === "integer" || value?.tag === "decimal") return Number(value.val);
    return value?.tag === "float" ? value.val : undefined;
  }

  /** Yes or no; no when there is no value. */
  get boolean(): boolean {
    return this.found?.tag === "boolean" && this.found.val;
  }

  /** Its texts. */
  get many(): readonly string[] {
    return this.found?.tag === "many" ? this.found.val : [];
  }

  /** Its bytes. */
  get bytes(): Uint8Array | undefined {
    return this.found?.tag === "bytes" ? this.found.val : undefined;
  }

  /** What its JSON says. */
  get json(): Json | undefined {
    return this.found?.tag === "json" ? (JSON.parse(this.found.val) as Json) : undefined;
  }
}

/** A record. Names of its own begin with `$`, so that no field is in their way. */
export class Entity {
  constructor(readonly $entry: Entry) {}

  /** Missing while it is being created. */
  get $id(): string | undefined {
    return this.$entry.id;
  }

  /** The field of this name. */
  $get(name: string): Get {
    return Get.of(this.$entry.fields, name);
  }
}

/** A class that `mortise-sdk types` makes for a kind of record. */
export type EntityClass<E extends Entity> = new (entry: Entry) => E;

/** A record before and after a change. */
export class Change<E extends Entity> {
  constructor(
    /** `create`, `update` or `delete`. */
    readonly op: string,
    /** As it was; missing when it is being created. */
    readonly before: E | undefined,
    /** As it is going to be; missing when it is being deleted. */
    readonly after: E | undefined,
  ) {}

  /** The record as it is going to be, or as it was when it is being deleted. */
  get record(): E {
    const record = this.after ?? this.before;
    if (record === undefined) throw fault("change.empty", "this change has no record");
    return record;
  }
}

/** Values by name: what an action, a provider or a connector gets. */
export class Fields {
  constructor(readonly list: readonly Field[]) {}

  /** The field of this name. */
  get(name: string): Get {
    return Get.of(this.list, name);
  }

  /** The field of this name as this kind, or a fault that says what is missing. */
  need<K extends Kind>(name: string, kind: K): Kinds[K] {
    const field = this.list.find((field) => field.name === name);
    const read = field === undefined ? undefined : readAs(field.value, kind);
    if (read === undefined) throw fault("argument", `\`${name}\` has to be ${nameOf(kind)}`);
    return read;
  }
}
