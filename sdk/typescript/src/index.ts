/**
 * Writes plugins for Mortise in TypeScript. A plugin is a folder with a `plugin.json`, from which `mortise-sdk types` makes
 * `src/plugin.gen.ts`, and a `src/plugin.ts` that gives each export its function; it becomes a component for the server and
 * runs on Node in tests.
 *
 * Never reads a clock or rolls dice: what a plugin knows comes with the call (`Context`) or from the host.
 */
export {
  type Call,
  type Condition,
  type ContextOf,
  type Page,
  type Query,
  type Request,
  Context,
  Http,
  Log,
  Records,
  Response,
  Storage,
} from "./context.ts";
export {
  type Action,
  type AfterCommit,
  type Assigner,
  type BeforeSave,
  type Candidate,
  type Connector,
  type DeclaredKind,
  type Document,
  type Job,
  type Outcome,
  type Plugin,
  type Progress,
  type Provider,
  type Purpose,
  type Renderer,
  type Score,
  type Scorer,
  type Shape,
  type Table,
  type Validator,
  type Verdict,
  type Violation,
  change,
  definer,
  done,
  proceed,
  reject,
  sleepUntil,
  violation,
  waitFor,
} from "./plugin.ts";
export { type EntityClass, type Entry, Change, Entity, Fields, Get } from "./record.ts";
export {
  type Field,
  type IntoValue,
  type Json,
  type Kind,
  type Retry,
  type Value,
  Fault,
  date,
  decimal,
  fault,
  integer,
  json,
  other,
  reference,
  timestamp,
} from "./value.ts";
