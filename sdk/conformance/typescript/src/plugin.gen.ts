/**
 * Made of `plugin.json` by `mortise-sdk types`: what it names, for the compiler. Made again by every build; do not edit.
 */
import { type Action, type AfterCommit, type Assigner, type BeforeSave, type Connector, type ContextOf, type Job, type Json, type Provider, type Renderer, type Scorer, type Validator, Entity, type Get, definer } from "@mortise/sdk";

/** A call, with what `plugin.json` asks for. */
export type Context = ContextOf<"records" | "http" | "storage">;

/** A record of the kind `company`, with the fields that `plugin.json` asks for. */
export class Company extends Entity {
  static readonly $entity = "company";
  /** The name of the field `country.code`. */
  static readonly COUNTRY_CODE = "country.code";
  /** The field `country.code`. */
  get country_code(): Get {
    return this.$get("country.code");
  }
  /** The name of the field `employees`. */
  static readonly EMPLOYEES = "employees";
  /** The field `employees`. */
  get employees(): Get {
    return this.$get("employees");
  }
  /** The name of the field `logo`. */
  static readonly LOGO = "logo";
  /** The field `logo`. */
  get logo(): Get {
    return this.$get("logo");
  }
  /** The name of the field `name`. */
  static readonly NAME = "name";
  /** The field `name`. */
  get name(): Get {
    return this.$get("name");
  }
  /** The name of the field `rating`. */
  static readonly RATING = "rating";
  /** The field `rating`. */
  get rating(): Get {
    return this.$get("rating");
  }
  /** The name of the field `tags`. */
  static readonly TAGS = "tags";
  /** The field `tags`. */
  get tags(): Get {
    return this.$get("tags");
  }
  /** The name of the field `turnover`. */
  static readonly TURNOVER = "turnover";
  /** The field `turnover`. */
  get turnover(): Get {
    return this.$get("turnover");
  }
  /** The name of the field `type`. */
  static readonly TYPE = "type";
  /** The field `type`. */
  get type(): Get {
    return this.$get("type");
  }
  /** The name of the field `vat_number`. */
  static readonly VAT_NUMBER = "vat_number";
  /** The field `vat_number`. */
  get vat_number(): Get {
    return this.$get("vat_number");
  }
}
/** What has to be implemented: one function for each export. */
export interface Exports {
  "validator": {
    "vat-number": Validator<Context, Company>;
  };
  "before-save": {
    "tidy": BeforeSave<Context, Company>;
  };
  "after-commit": {
    "mirror": AfterCommit<Context, Company>;
  };
  "action": {
    "echo": Action<Context>;
    "circumstances": Action<Context>;
    "steps": Action<Context>;
    "tour": Action<Context>;
  };
  "function": {
    "kinds": (words: string, whole: bigint | null, exact: string, ratio: number | null, yes: boolean | null, day: string, moment: string, tags: readonly string[]) => Json | object;
    "add": (one: bigint | null, other: bigint | null) => bigint | number | null;
    "half": (number: number | null) => number | null;
    "negated": (exact: string) => string | null;
    "empty": (words: string) => boolean | null;
    "day": (moment: string) => string | null;
    "noon": (day: string) => string | null;
    "words": (text: string) => readonly string[] | null;
    "refuse": (why: string) => string | null;
  };
  "scorer": {
    "size": Scorer<Context, Company>;
  };
  "assigner": {
    "nearest": Assigner<Context, Company>;
  };
  "provider": {
    "figures": Provider<Context>;
  };
  "renderer": {
    "card": Renderer<Context, Company>;
  };
  "job": {
    "count": Job<Context>;
  };
  "connector": {
    "rates": Connector<Context>;
  };
}

/** Gives each export its function. */
export const plugin = definer<Exports>({
  id: "mortise.conformance 1.0.0",
  records: {
    "validator vat-number": Company,
    "before-save tidy": Company,
    "after-commit mirror": Company,
    "scorer size": Company,
    "assigner nearest": Company,
    "renderer card": Company,
  },
  functions: {
    "kinds": { parameters: ["text", "integer", "decimal", "float", "boolean", "date", "timestamp", "many"], returns: "json" },
    "add": { parameters: ["integer", "integer"], returns: "integer" },
    "half": { parameters: ["float"], returns: "float" },
    "negated": { parameters: ["decimal"], returns: "decimal" },
    "empty": { parameters: ["text"], returns: "boolean" },
    "day": { parameters: ["timestamp"], returns: "date" },
    "noon": { parameters: ["date"], returns: "timestamp" },
    "words": { parameters: ["text"], returns: "many" },
    "refuse": { parameters: ["text"], returns: "text" },
  },
});
