// Keeps what will be needed without network: lists of views that are kept, forms, records with those around them, pickers. Reads only
// what has changed, a little at a time, and not on connections that are to be spared. Broken off by the next page, it goes on there.

import { base, fetchJson, user } from "../page";
import { getPack, isHere, keepPage, keptPage, personOf, putPack, type Pack } from "./pages";

/** The list of what to keep is asked for so often at most. */
const EVERY_MS = 10 * 60_000;
/** Pages without a version are read again after so long. */
const STALE_MS = 60 * 60_000;
/** Begins when a page has come to rest. */
const REST_MS = 3_000;
const ASKED = `mortise.kept\n${base}\n${user}`;

async function keepAll(): Promise<void> {
  const pack = await fetchJson<Pack>(`${base}/api/v1/sync/keep`);
  if (pack.person !== user) return;
  // Who has signed out meanwhile is not brought back by a page that is still being left.
  if (!(await isHere(base, user))) return;
  // Pickers and the list of pages are of use before all pages are there.
  await putPack(base, user, { ...pack, complete: false });
  // Asked as pickers ask it; the worker keeps the answers.
  for (const people of ["users", "teams"]) await fetch(`${base}/lookup/${people}?q=`, { headers: { accept: "application/json" } });
  for (const { href, kind, version } of pack.pages) {
    // Made with other definitions or by another build, a page is not what it would be now.
    const edition = `${pack.stamp} ${version ?? ""}`;
    const url = new URL(href, location.href);
    const kept = await keptPage(base, user, url, Date.now());
    if (kept?.edition === edition && (version !== null || isFresh(kept.at))) continue;
    if (!navigator.onLine || !(await keepOne(url, edition, kind === "home"))) return;
  }
  await putPack(base, user, { ...pack, complete: true });
}

/** Whether a page was read a short time ago; a clock that was set back makes it old. */
const isFresh = (at: number): boolean => Math.abs(Date.now() - at) < STALE_MS;

/** Reads a page and keeps it. False when that is no longer to be done: signed out, or somebody else meanwhile. */
async function keepOne(url: URL, edition = "", parts = false): Promise<boolean> {
  // What the page before has left to be told is for the page that somebody sees.
  const answer = await fetch(url, { headers: { accept: "text/html", "x-mortise-keep": "1" } });
  const html = await answer.text();
  if (personOf(html) !== user) return false;
  if (answer.ok && !answer.redirected) await keepPage(base, user, url, html, answer, Date.now(), edition);
  if (parts) await askParts(html);
  return true;
}

/** Asks for the cards of a page as it does itself; the worker keeps the answers. */
async function askParts(html: string): Promise<void> {
  const page = new DOMParser().parseFromString(html, "text/html");
  for (const part of page.querySelectorAll("[hx-get][hx-trigger^=load]")) await fetch(part.getAttribute("hx-get")!, { headers: { "hx-request": "true" } });
}

function due(): boolean {
  const age = Date.now() - Number(sessionStorage.getItem(ASKED) ?? 0);
  return age > EVERY_MS || age < 0;
}

/** Keeps the page of what waits, before anything else: it is where one is without network. */
export async function keepOutbox(): Promise<void> {
  const url = new URL(`${base}/offline`, location.href);
  const kept = await keptPage(base, user, url, Date.now());
  if (navigator.onLine && !(kept && isFresh(kept.at))) await keepOne(url);
}

/** Reads the kept pages of a record again. */
export async function refreshRecord(path: string): Promise<void> {
  for (const page of [path, `${path}/edit`]) {
    const url = new URL(page, location.href);
    if (await keptPage(base, user, url, Date.now())) await keepOne(url);
  }
}

/** Keeps what is to be kept, when it is time. */
export function keepSoon(): void {
  window.setTimeout(() => {
    const spare = (navigator as { connection?: { saveData?: boolean } }).connection?.saveData;
    if (!user || !navigator.onLine || spare) return;
    void navigator.locks.request(`mortise-keep:${base}`, { ifAvailable: true }, async (lock) => {
      // After signing out and in again there is nothing left of what was kept; what was broken off is gone on with.
      if (!lock || !(due() || (await getPack(base, user))?.complete !== true)) return;
      sessionStorage.setItem(ASKED, String(Date.now()));
      await keepAll().catch(() => sessionStorage.removeItem(ASKED));
    });
  }, REST_MS);
}
