// Pages kept for times without network, in the browser's cache: one cache for each tenant and person. Shared by pages and the
// service worker.

/** Pages are kept so long at most: somebody who was not here for a week starts anew. */
export const KEPT_MS = 7 * 24 * 3600 * 1000;
/** Pages of one person at most; the least lately seen go first. More than the server ever tells to keep (ALL_RECORDS_MAX there). */
const PAGES_MAX = 800;
/** When a page was read, by this device's clock, and the server's clock then. */
const KEPT_AT = "x-mortise-kept-at";
const SERVER_AT = "date";
/** Which edition of a page was kept: of its record, definitions, language, build. */
const EDITION = "x-mortise-edition";
/** Names of a base and a person never hold a line break. */
const name = (base: string, user: string) => `mortise-pages\n${base}\n${user}`;

/** A list of what is to be kept, as the server gives it. */
export interface Pack {
  person: string;
  /** Definitions, language and build that the pages were made with. */
  stamp: string;
  /** All of it is kept. */
  complete?: boolean;
  pages: { href: string; title: string; kind: string; version: number | null }[];
  lookups: { src: string; entity: string; items: { id: string; title: string; detail?: string }[] }[];
}

/** Pages that show what many people share, or secrets, stay out. */
const NOT_KEPT = /^\/(admin|profile|sign-in|sign-out|events|palette|search|assets|api|hooks|design|sw\.js|manifest\.webmanifest)(\/|$)/;

/** Whether a page (path without base) may be kept. */
export function keepable(path: string): boolean {
  return !NOT_KEPT.test(path);
}

/** The address under which a page is kept: what only says what to fill in makes no other page. */
export function keyOf(url: URL): string {
  const plain = new URL(url);
  plain.hash = "";
  plain.searchParams.delete("_outbox");
  return plain.href;
}

/** Whose page it is: empty for pages of nobody, none where it is not a page of ours. */
export function personOf(html: string): string | undefined {
  return /<meta name="mortise-user" content="([^"]*)"/.exec(html)?.[1];
}

/** The pages of a person, to read in: nothing is made by looking. */
const looked = async (base: string, user: string): Promise<Cache | undefined> => ((await caches.has(name(base, user))) ? caches.open(name(base, user)) : undefined);

/** Writes to the pages of a person; when that person has gone, before or meanwhile, nothing of it stays. */
async function write(base: string, user: string, work: (cache: Cache) => Promise<unknown>): Promise<void> {
  if ((await whoIs(base)) !== user) return;
  await work(await caches.open(name(base, user)));
  if ((await whoIs(base)) !== user) await caches.delete(name(base, user));
}

/** What was kept under an address besides pages: answers of pickers. */
export async function keptAnswer(base: string, user: string, url: URL): Promise<Response | undefined> {
  return (await looked(base, user))?.match(url.href);
}

export const keepAnswer = (base: string, user: string, url: URL, answer: Response): Promise<void> => write(base, user, (cache) => cache.put(url.href, answer));

/** Keeps a page, unless its person has gone meanwhile. */
export async function keepPage(base: string, user: string, url: URL, html: string, answer: Response, now: number, edition = ""): Promise<void> {
  const headers = new Headers();
  for (const kept of ["content-type", "content-security-policy", "x-frame-options", "x-content-type-options", "referrer-policy", SERVER_AT]) {
    const value = answer.headers.get(kept);
    if (value) headers.set(kept, value);
  }
  headers.set(KEPT_AT, String(now));
  if (edition) headers.set(EDITION, edition);
  await write(base, user, async (cache) => {
    const always = [pack(base), new URL(`${base}/offline`, location.origin).href];
    // Put again, a page goes to the end: the first are those not seen for longest. Where one is without network there is always a page,
    // also when the browser is killed between the two.
    if (!always.includes(keyOf(url))) await cache.delete(keyOf(url));
    await cache.put(keyOf(url), new Response(withoutMessages(html), { headers }));
    const keys = (await cache.keys()).filter((key) => !always.includes(key.url));
    await Promise.all(keys.slice(0, Math.max(0, keys.length - PAGES_MAX)).map((key) => cache.delete(key)));
  });
}

/** A page without what was said once ("Saved."): each time it is shown that would be said again, and a newer draft forgotten. */
export function withoutMessages(html: string): string {
  return html.replace(/(<div class="toasts" id="toasts"[^>]*>)[^]*<\/body>/, "$1</div></body>");
}

/** A kept page with the time it was read, unless it is too old. */
export async function keptPage(base: string, user: string, url: URL, now: number): Promise<KeptPage | undefined> {
  const found = await (await looked(base, user))?.match(keyOf(url));
  if (!found) return undefined;
  const at = Number(found.headers.get(KEPT_AT) ?? 0);
  // A clock that was set back makes no page too old.
  if (now - at > KEPT_MS) return undefined;
  const server = Date.parse(found.headers.get(SERVER_AT) ?? "");
  const ahead = Number.isNaN(server) ? 0 : server - at;
  return { html: await found.text(), at, ahead, edition: found.headers.get(EDITION) ?? "", headers: found.headers };
}

/** A page that is kept. */
export interface KeptPage {
  html: string;
  /** When it was read, by this device's clock, and how far the server's was ahead of it. */
  at: number;
  ahead: number;
  edition: string;
  headers: Headers;
}

/** A kept page as it is shown: says of when it is. */
export function marked(html: string, at: number, now: number, ahead = 0): string {
  const lang = /<html[^>]* lang="([^"]+)"/.exec(html)?.[1] ?? "en";
  const today = new Date(at).toDateString() === new Date(now).toDateString();
  const time = new Date(at).toLocaleString(lang, today ? { timeStyle: "short" } : { dateStyle: "short", timeStyle: "short" });
  return html
    .replace("<html ", `<html data-as-of="${at}" data-as-of-ahead="${ahead}" `)
    .replace(/<p class="as-of"[^]*?<\/p>/, (bar) => bar.replace(" hidden", "").replace("{time}", time));
}

/** Addresses of all pages that are kept. */
export async function keptAddresses(base: string, user: string): Promise<Set<string>> {
  return new Set(((await (await looked(base, user))?.keys()) ?? []).map(({ url }) => url));
}

const pack = (base: string) => new URL(`${base}/.kept`, location.origin).href;

/** Writes down what is to be kept, with the versions that are. */
export const putPack = (base: string, user: string, content: Pack): Promise<void> => write(base, user, (cache) => cache.put(pack(base), Response.json(content)));

export async function getPack(base: string, user: string): Promise<Pack | undefined> {
  const found = await (await looked(base, user))?.match(pack(base));
  return found ? ((await found.json()) as Pack) : undefined;
}

/** Empties what is kept of this tenant, except for one person. */
export async function forgetPages(base: string, except = ""): Promise<void> {
  const own = `mortise-pages\n${base}\n`;
  const names = (await caches.keys()).filter((cache) => cache.startsWith(own) && (except === "" || cache !== name(base, except)));
  await Promise.all(names.map((cache) => caches.delete(cache)));
}

const WHO = "mortise-who";

/** Whose pages may be shown: the person of the last page that came from the server. */
export async function whoIs(base: string): Promise<string> {
  const found = await (await caches.open(WHO)).match(pack(base));
  return found ? found.text() : "";
}

/** Whether this person is the one at this device; the first one whom it ever sees is. A page that is being left is not asked. */
export async function isHere(base: string, user: string): Promise<boolean> {
  const known = await (await caches.open(WHO)).match(pack(base));
  if (!known) await nowIs(base, user);
  return !known || (await known.text()) === user;
}

/** Another person, or nobody: pages of others go at once, and no page is kept for them any more. */
export async function nowIs(base: string, user: string): Promise<void> {
  if ((await whoIs(base)) === user) return;
  await (await caches.open(WHO)).put(pack(base), new Response(user));
  await forgetPages(base, user);
  // A page that is just left hears of its end by the next one, not before.
  if (user) tellWho(base, user);
}

/** Where tabs hear that somebody else is at this device now. */
export const whoChannel = (base: string): string => `mortise-who\n${base}`;

/** Tells other tabs who is here. */
export function tellWho(base: string, user: string): void {
  const others = new BroadcastChannel(whoChannel(base));
  others.postMessage(user);
  others.close();
}
