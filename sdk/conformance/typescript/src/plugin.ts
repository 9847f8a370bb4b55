/**
 * The plugin of the conformance cases, in TypeScript: every extension point, every kind of value, every capability. It does
 * nothing useful; it does the same as its twins in Rust and Python.
 */
import { done, fault } from "@mortise/sdk";
import type { IntoValue } from "@mortise/sdk";

import { plugin } from "./plugin.gen.ts";
import { card, mirror, nearest, size, tidy, vatNumber } from "./records.ts";
import { rates, tour } from "./tour.ts";
import { circumstances, count, figures, steps } from "./values.ts";

export default plugin({
  validator: { "vat-number": vatNumber },
  "before-save": { tidy },
  "after-commit": { mirror },
  action: {
    echo: (_, input) => {
      const fields: Record<string, IntoValue> = {};
      for (const { name, value } of input.list) fields[name] = value;
      return done(fields);
    },
    circumstances,
    steps,
    tour,
  },
  function: {
    kinds: (words, whole, exact, ratio, yes, day, moment, tags) => ({
      words,
      whole: whole === null ? null : String(whole),
      exact,
      ratio,
      yes,
      day,
      moment,
      tags: [...tags],
    }),
    add: (one, other) => (one === null || other === null ? null : one + other),
    half: (number) => (number === null ? null : number / 2),
    negated: (exact) => (exact.startsWith("-") ? exact.slice(1) : `-${exact}`),
    empty: (words) => words.trim() === "",
    day: (moment) => moment.slice(0, 10),
    noon: (day) => `${day}T12:00:00Z`,
    words: (text) => text.split(/\s+/u).filter((word) => word !== ""),
    refuse: (why) => {
      throw fault("refused", `not today: ${why}`);
    },
  },
  scorer: { size },
  assigner: { nearest },
  provider: { figures },
  renderer: { card },
  job: { count },
  connector: { rates },
});
