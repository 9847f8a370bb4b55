// One save that waits on this device, and what may become of it. Pure: no clock, no network, no storage, so that every path
// can be tested.

import { sentences } from "../sentences";

/** Names and texts of a form, as typed. */
export type Pairs = [string, string][];

export type Kind = "create" | "update" | "transition" | "comment";

/** `waiting` and `sending` go on by themselves; the others wait for the person. */
export type State = "waiting" | "sending" | "done" | "refused" | "conflict";

/** A field that two people changed. */
export interface Disputed {
  name: string;
  label: string;
  base: string;
  mine: string;
  theirs: string;
  /** What is stored, as it would be typed. */
  pairs: Pairs;
}

/** What the app has no place for any more. */
export interface Leftover {
  name: string;
  label: string;
  text: string;
}

/** Why the server refused. */
export interface Refusal {
  code: string;
  message: string;
  issues: { field: string; label: string; text: string }[];
  suspects: { title: string; href: string }[];
}

/** A save. */
export interface Item {
  /** Order of sending; given by the store. */
  seq: number;
  /** Names this wish; sent again, the server does not do it again. */
  key: string;
  kind: Kind;
  /** `app.entity`. */
  entity: string;
  /** The record; of a new one the id made here. */
  id: string;
  /** Key of the app's form. */
  form: string;
  transition?: string | undefined;
  pairs: Pairs;
  /** What stood there when the form was opened. */
  base: Pairs;
  allowDuplicates: boolean;
  /** Of a new record that was changed here while it waited: what was typed before. Its save may have arrived unheard. */
  before?: Pairs | undefined;
  /** Files kept here that go first. */
  files: string[];
  /** Words for the person: what it is about, and what was typed. */
  title: string;
  shown: { label: string; text: string }[];
  /** When it was saved: by this device's clock, and how far that was from the server's. */
  at: number;
  offset: number;
  state: State;
  attempts: number;
  /** It was sent, and what came of it is not known: the server may have it. */
  tried?: boolean | undefined;
  /** Not tried again before, by this device's clock. */
  notBefore: number;
  refusal?: Refusal | undefined;
  conflict?: Disputed[] | undefined;
  leftovers: Leftover[];
}

/** What came of one try. */
export type Outcome =
  | { kind: "done"; leftovers: Leftover[] }
  | { kind: "refused"; refusal: Refusal; leftovers: Leftover[] }
  | { kind: "conflict"; fields: Disputed[]; leftovers: Leftover[] }
  /** The server cannot do it now. */
  | { kind: "later"; after: number | undefined }
  /** There is no network. */
  | { kind: "unreachable" }
  | { kind: "sign-in" }
  | { kind: "other-person" };

/** First pause after a try that failed for reasons that pass; twice as long each time. */
const PAUSE_MS = 2_000;
/** Longest pause; also the answer to a clock that was set back. */
export const PAUSE_MAX_MS = 5 * 60_000;
/** Pauses differ by up to so much of themselves, so that many phones do not come back at once. */
const JITTER = 0.3;
/** After so many failed tries, others that do not depend on an item go before it. */
const STUCK = 5;

/** How long to wait after so many failed tries. `dice` is between 0 and 1. */
export function pause(attempts: number, dice: number, asked?: number): number {
  const own = Math.min(PAUSE_MS * 2 ** Math.max(0, attempts - 1), PAUSE_MAX_MS / (1 + JITTER));
  return Math.min(Math.max(own * (1 + JITTER * dice), asked ?? 0), PAUSE_MAX_MS);
}

/** Whether `later` has to wait until `earlier` is done: same record, or it points to what `earlier` makes. */
export function depends(later: Item, earlier: Item): boolean {
  if (later.id === earlier.id) return true;
  return earlier.kind === "create" && later.pairs.some(([, text]) => text === earlier.id);
}

/** Whether an item still has something to do before those after it. */
const open = (item: Item) => item.state !== "done";

/** Whether an item waits for an earlier one that needs the person. */
export function behind(item: Item, items: Item[]): boolean {
  return item.state === "waiting" && items.some((other) => other.seq < item.seq && (other.state === "refused" || other.state === "conflict") && reaches(item, other, items));
}

/** Dependence through others in between. */
function reaches(item: Item, earlier: Item, items: Item[]): boolean {
  if (depends(item, earlier)) return true;
  const between = items.filter((other) => other.seq > earlier.seq && other.seq < item.seq && open(other));
  return between.some((other) => depends(item, other) && reaches(other, earlier, items));
}

/** Whether a time is still ahead; one further ahead than any pause was written by a clock that has been set back since. */
function ahead(time: number, now: number): boolean {
  return time > now && time - now <= PAUSE_MAX_MS;
}

/** What to send now; else when to look again; else nothing. `items` are in order. */
export function next(items: Item[], now: number): { item: Item } | { wait: number } | undefined {
  let wait: number | undefined;
  for (const item of items) {
    if (item.state !== "waiting" && item.state !== "sending") continue;
    if (isHeld(items, item)) continue;
    if (!ahead(item.notBefore, now)) return wait === undefined || canPass(items, item) ? { item } : { wait };
    wait = Math.min(wait ?? Infinity, item.notBefore - now);
  }
  return wait === undefined ? undefined : { wait };
}

/** Whether something has to be done before it. */
function isHeld(items: Item[], item: Item): boolean {
  return items.some((other) => other.seq < item.seq && open(other) && depends(item, other));
}

/** Order is kept, except past those that failed again and again, and those that cannot go themselves. */
function canPass(items: Item[], item: Item): boolean {
  const earlier = items.filter((other) => other.seq < item.seq && other.state === "waiting");
  return earlier.every((other) => other.attempts >= STUCK || isHeld(items, other));
}

/** The item after a try. */
export function after(item: Item, outcome: Outcome, now: number, dice: number): Item {
  switch (outcome.kind) {
    case "done":
      return { ...settled(item), state: "done", leftovers: [...item.leftovers, ...outcome.leftovers] };
    case "refused":
      if (arrived(item, outcome.refusal)) return { ...settled(item), kind: "update", base: item.before ?? [], before: undefined, state: "waiting" };
      return { ...settled(item), state: "refused", refusal: outcome.refusal, leftovers: outcome.leftovers };
    case "conflict":
      return { ...settled(item), state: "conflict", conflict: outcome.fields, leftovers: outcome.leftovers };
    case "later": {
      const attempts = item.attempts + 1;
      return { ...item, state: "waiting", attempts, notBefore: now + pause(attempts, dice, outcome.after) };
    }
    // Nothing is wrong with the item: it goes as soon as there is a way.
    default:
      return { ...item, state: "waiting" };
  }
}

/** The record is there already: it was made by what was typed before, whose answer got lost. What was changed since is left to do. */
function arrived(item: Item, refusal: Refusal): boolean {
  return item.kind === "create" && item.before !== undefined && refusal.issues.some(({ field }) => field === "id");
}

function settled(item: Item): Item {
  return { ...item, refusal: undefined, conflict: undefined, tried: undefined, notBefore: 0 };
}

/** What a browser that was killed left behind: what was on its way goes again, under the same key. */
export function recovered(item: Item): Item {
  return item.state === "sending" ? { ...item, state: "waiting" } : item;
}

interface Answer {
  state?: string;
  leftovers?: Leftover[];
  fields?: Disputed[];
  code?: string;
  message?: string;
  title?: string;
  hint?: string;
  issues?: { field: string; label?: string; text?: string; message?: string }[];
  suspects?: { title: string; href: string }[];
}

/** Whether an answer says nothing about what was sent: nobody is signed in, the server cannot now, or it was not the server that answered. */
export function comesLater(status: number, isOurs: boolean): boolean {
  if (status === 401 || status === 408 || status === 425 || status === 429 || status >= 500) return true;
  // A hotel's sign-in page, a gateway's "not found"; but what is too long for a gateway stays so.
  return !isOurs && status !== 413;
}

/** What an answer means. `retryAfter` is the header in seconds. */
export function outcome(status: number, body: unknown, retryAfter?: number): Outcome {
  const answer = (body ?? {}) as Answer;
  const leftovers = answer.leftovers ?? [];
  if (status === 401) return { kind: "sign-in" };
  if (status === 409 && answer.code === "sync.other_person") return { kind: "other-person" };
  if (comesLater(status, body !== undefined)) return { kind: "later", after: retryAfter === undefined ? undefined : retryAfter * 1000 };
  if (status < 300 && answer.state === "conflict") return { kind: "conflict", fields: answer.fields ?? [], leftovers };
  if (status < 300 && answer.state !== "refused") return { kind: "done", leftovers };
  return {
    kind: "refused",
    leftovers,
    refusal: {
      code: answer.code ?? String(status),
      message: answer.message ?? sentences(answer.title, answer.hint),
      issues: (answer.issues ?? []).map(({ field, label, text, message }) => ({ field, label: label ?? "", text: text ?? message ?? "" })),
      suspects: answer.suspects ?? [],
    },
  };
}

/** What a form's address asks for. */
export interface Target {
  kind: Kind;
  entity: string;
  id: string | undefined;
  transition?: string;
}

const ADDRESS = /^\/a\/([^/]+)\/([^/]+)\/(?:(new)|([0-9a-f-]{36})\/(?:(edit)|(comments)|transitions\/([^/]+)))$/;

/** Reads the address of a form without its base; none for forms that cannot wait. */
export function target(path: string): Target | undefined {
  const found = ADDRESS.exec(path);
  if (!found) return undefined;
  const [, app, name, isNew, id, edit, comment, transition] = found;
  const entity = `${app}.${name}`;
  if (isNew) return { kind: "create", entity, id: undefined };
  if (edit) return { kind: "update", entity, id };
  if (comment) return { kind: "comment", entity, id };
  return { kind: "transition", entity, id, transition: transition! };
}
