// Sends what waits, in order, one tab at a time, until nothing is left or there is no way on. Can be broken off at any point: what
// was on its way goes again under the same name, and the server does nothing twice.

import { measured } from "./clock";
import { after, next, outcome, type Item, type Outcome } from "./item";
import type { Kept, Store } from "./store";

/** What the sender keeps: the part of the store that it needs. */
export type Shelf = Pick<Store, "items" | "replace" | "settle" | "recover" | "file" | "markSent" | "setOffset">;

/** Where and for whom is sent. */
export interface Road {
  base: string;
  user: string;
  shelf: Shelf;
  now(): number;
  /** Between 0 and 1. */
  dice(): number;
  /** Something has changed. */
  told(): void;
  /** The server has this. */
  done?(item: Item): void;
}

/** Why it ended: nothing left, a pause, or no way. */
export type Ending = { wait?: number; blocked?: "unreachable" | "sign-in" | "other-person" };

const SAVE_MS = 60_000;
const FILE_MS = 180_000;

/** Whoever else is sending may be closed before it is done: it is looked after again so soon. */
const ELSEWHERE_MS = 15_000;

/** Sends what waits, unless another tab does so already. */
export async function send(road: Road): Promise<Ending> {
  const name = `mortise-outbox:${road.base}:${road.user}`;
  const ending = await navigator.locks.request(name, { ifAvailable: true }, (lock) => (lock ? sendAll(road) : undefined));
  return ending ?? { wait: ELSEWHERE_MS };
}

/** The same without asking whether another tab does so. */
export async function sendAll(road: Road): Promise<Ending> {
  await road.shelf.recover().catch(() => undefined);
  for (;;) {
    const step = next(await road.shelf.items(), road.now());
    if (!step) return {};
    if ("wait" in step) return { wait: step.wait };
    const found = await sendOne(road, step.item);
    road.told();
    if (found.kind === "unreachable" || found.kind === "sign-in" || found.kind === "other-person") return { blocked: found.kind };
  }
}

async function sendOne(road: Road, item: Item): Promise<Outcome> {
  // Said for the person only: where the device has no room to write it down, it is sent all the same.
  const tried: Item = { ...item, tried: true };
  await road.shelf.replace({ ...tried, state: "sending" }).catch(() => undefined);
  road.told();
  const found = await attempt(road, item);
  await road.shelf.settle(item, after(tried, found, road.now(), road.dice()));
  if (found.kind === "done") road.done?.(item);
  return found;
}

/** Files first, then the save that names them. */
async function attempt(road: Road, item: Item): Promise<Outcome> {
  for (const id of item.files) {
    const file = await road.shelf.file(id);
    if (!file || file.sent) continue;
    const found = await sendFile(road, file);
    if (found.kind !== "done") return found;
    // What is not written down is sent again, and known there by its id.
    await road.shelf.markSent(id).catch(() => undefined);
  }
  return item.kind === "comment" ? sendComment(road, item) : sendForm(road, item);
}

function sendFile(road: Road, file: Kept): Promise<Outcome> {
  const told = new URLSearchParams({ ...file.with, id: file.id, name: file.name });
  const headers = { "content-type": file.type || "application/octet-stream" };
  return request(road, `/files?${told}`, { headers, body: file.bytes, signal: AbortSignal.timeout(FILE_MS) });
}

function sendComment(road: Road, item: Item): Promise<Outcome> {
  const text = item.pairs.find(([name]) => name === "text")?.[1] ?? "";
  const headers = { "content-type": "application/json", "idempotency-key": item.key };
  const path = `/records/${item.entity}/${item.id}/comments`;
  return request(road, path, { headers, body: JSON.stringify({ text }), signal: AbortSignal.timeout(SAVE_MS) });
}

function sendForm(road: Road, item: Item): Promise<Outcome> {
  const body = {
    key: item.key,
    person: road.user,
    entity: item.entity,
    id: item.id,
    new: item.kind === "create",
    transition: item.transition ?? null,
    form: item.form,
    pairs: item.pairs,
    base: item.base,
    allow_duplicates: item.allowDuplicates,
  };
  const headers = { "content-type": "application/json" };
  return request(road, "/sync", { headers, body: JSON.stringify(body), signal: AbortSignal.timeout(SAVE_MS) });
}

async function request(road: Road, path: string, init: RequestInit & { headers: Record<string, string> }): Promise<Outcome> {
  const sent = road.now();
  try {
    const answer = await fetch(`${road.base}/api/v1${path}`, {
      ...init,
      method: "POST",
      // Where a network sends everybody to its own page first, that is no answer of ours.
      redirect: "error",
      cache: "no-store",
      headers: { accept: "application/json", "x-mortise-person": road.user, ...init.headers },
    });
    const body = await read(answer);
    const offset = measured(answer.headers.get("date"), sent, road.now());
    if (offset !== undefined) await road.shelf.setOffset(offset).catch(() => undefined);
    const wait = Number(answer.headers.get("retry-after") ?? NaN);
    return outcome(answer.status, body, Number.isNaN(wait) ? undefined : wait);
  } catch (error) {
    // Somebody is there, but this is too much for the way: others may pass it in the end.
    if (error instanceof DOMException && error.name === "TimeoutError") return { kind: "later", after: undefined };
    return { kind: "unreachable" };
  }
}

/** The JSON of an answer; nothing of an answer that is not JSON. */
async function read(answer: Response): Promise<unknown> {
  const text = await answer.text();
  if (text === "" && (answer.status === 201 || answer.status === 204)) return {};
  if (!(answer.headers.get("content-type") ?? "").includes("json")) return undefined;
  return JSON.parse(text) as unknown;
}
