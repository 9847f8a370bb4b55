/**
 * Made of `plugin.json` by `mortise-sdk types`: what it names, for the compiler. Made again by every build; do not edit.
 */
import { type Action, type ContextOf, definer } from "@mortise/sdk";

/** A call, with what `plugin.json` asks for. */
export type Context = ContextOf<never>;

/** What has to be implemented: one function for each export. */
export interface Exports {
  "action": {
    "check": Action<Context>;
  };
}

/** Gives each export its function. */
export const plugin = definer<Exports>({
  id: "mortise.keyword-check 1.1.1",
  records: {},
  functions: {},
});
