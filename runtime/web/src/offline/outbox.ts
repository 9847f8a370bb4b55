// The outbox as pages use it: opens the store, tells about changes in every tab, and sends when there is a reason to.

import { base, user } from "../page";
import type { Item } from "./item";
import { refreshRecord } from "./keep";
import { send, type Ending } from "./send";
import { Store } from "./store";

let opened: Promise<Store> | undefined;

/** The store of the person whose page this is. */
export function store(): Promise<Store> {
  return (opened ??= Store.open(base, user, forget).catch((error: unknown) => {
    forget();
    throw error;
  }));
}

/** What could not be opened, or was closed by the browser, is opened anew when it is needed again. */
const forget = () => (opened = undefined);

/** What the last try ended with. */
export let ending: Ending = {};

const channel = new BroadcastChannel(`mortise-outbox\n${base}`);
const listeners = new Set<() => void>();

/** Calls `listener` whenever something about the outbox has changed, in this tab or another. */
export function onChange(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

const tell = () => listeners.forEach((listener) => listener());
channel.addEventListener("message", tell);

/** Tells this tab and the others. */
export function told(): void {
  tell();
  channel.postMessage("changed");
}

/** This tab has no way to the server, as far as is known. */
export const isAway = (): boolean => !navigator.onLine || document.documentElement.dataset.asOf !== undefined;

/** Where the device itself fails, it is tried again so soon. */
const BROKEN_MS = 30_000;

const recordOf = (item: Item): string => `${base}/a/${item.entity.replace(".", "/")}/${item.id}`;

let timer = 0;
let unreachable = 0;

/** Sends what waits; when it cannot, tries again after a pause. */
export async function sendNow(): Promise<void> {
  if (!user) return;
  window.clearTimeout(timer);
  try {
    const shelf = await store();
    const done = new Set<string>();
    ending = await send({ base, user, shelf, now: Date.now, dice: Math.random, told, done: (item) => void done.add(recordOf(item)) });
    // Kept pages of these records are older than what was just said about them: the next change would be a quarrel with oneself.
    for (const record of done) void refreshRecord(record).catch(() => undefined);
  } catch {
    // The device does not let us read or write what waits: perhaps it does later.
    return again(BROKEN_MS);
  }
  unreachable = ending.blocked === "unreachable" ? unreachable + 1 : 0;
  told();
  if (ending.wait !== undefined) again(ending.wait);
  else if (unreachable > 0) again(Math.min(60_000, 2_000 * 2 ** Math.min(unreachable, 5)) * (1 + Math.random() * 0.3));
}


/** Sends now what waits out a pause, too. */
export async function hurry(): Promise<void> {
  await store().then((shelf) => shelf.hurry()).catch(() => undefined);
  await sendNow();
}

function again(wait: number): void {
  window.clearTimeout(timer);
  timer = window.setTimeout(() => void sendNow(), wait);
}

/** Takes a save in and sends it as soon as there is a way. Rejects when the device has no room. */
export async function accept(item: Omit<Item, "seq">, draft?: string): Promise<number> {
  const seq = await (await store()).add(item, draft);
  // From here on it is taken in, whatever else fails.
  void sendWhenClosed().catch(() => undefined);
  told();
  return seq;
}

/** Asks the browser to keep what waits even where it needs room, and to send it when no page is open, where it can do that. */
async function sendWhenClosed(): Promise<void> {
  void navigator.storage?.persist?.();
  const registration = await navigator.serviceWorker?.getRegistration(`${base}/`);
  const background = (registration as { sync?: { register(tag: string): Promise<void> } } | undefined)?.sync;
  await background?.register("outbox");
}

/** Begins to listen for reasons to send. */
export function begin(): void {
  if (!user) return;
  window.addEventListener("online", () => void sendNow());
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && void sendNow());
  void store()
    .then((shelf) => shelf.tidy(Date.now()))
    .catch(() => undefined);
  void sendNow();
}
