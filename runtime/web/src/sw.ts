// The service worker of a tenant: assets by their hash, pages last seen when the network is away or slow, pickers out of what is
// kept, files that wait, and sending in the background where browsers offer that. It changes nothing on the server.

import { getPack, KEPT_MS, keepable, keepAnswer, keepPage, keptAnswer, keptPage, marked, nowIs, personOf, whoIs, type KeptPage } from "./offline/pages";
import { send } from "./offline/send";
import { Store } from "./offline/store";

const worker = self as unknown as WorkerScope;
const { base, assets } = worker.MORTISE;
const ASSETS = `mortise-assets\n${base}`;
/** A page that takes longer is shown as it was; the new one is kept for the next time. */
const PATIENCE_MS = 3_000;
const LOOKUP_ITEMS = 20;
/** Where pages tell how forms are used. */
const FORM_USE = new URL(`${base}/api/v1/interactions`, location.origin).href;
/** What gateways say of a server that is not there. */
const AWAY = [502, 503, 504];
/** Parts that pages ask for by themselves: cards of dashboards. */
const PARTS = /^\/dashboards\/[^/]+\/[^/]+$/;

worker.addEventListener("install", (event) => {
  event.waitUntil(caches.open(ASSETS).then((cache) => cache.addAll(assets)).then(() => worker.skipWaiting()));
});

worker.addEventListener("activate", (event) => {
  event.waitUntil(Promise.all([dropOldAssets(), worker.registration.navigationPreload?.enable(), worker.clients.claim()]));
});

/** Where is written down since when an asset belongs to an earlier build. */
const RETIRED = new URL(`${base}/.retired`, location.origin).href;

/** Assets of earlier builds go when no kept page can name them any more. */
async function dropOldAssets(): Promise<void> {
  const cache = await caches.open(ASSETS);
  const wanted = new Set(assets.map((path) => new URL(path, location.origin).href));
  const before = ((await (await cache.match(RETIRED))?.json()) ?? {}) as Record<string, number>;
  const retired: Record<string, number> = {};
  for (const { url } of await cache.keys()) {
    if (url === RETIRED || wanted.has(url)) continue;
    const since = before[url] ?? Date.now();
    if (Date.now() - since > KEPT_MS) await cache.delete(url);
    else retired[url] = since;
  }
  await cache.put(RETIRED, Response.json(retired));
}

worker.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  // What a page says while it goes away: the browser would drop it with the page if this worker was still waking up.
  if (request.method === "POST" && url.href === FORM_USE) return event.respondWith(fetch(request));
  if (request.method !== "GET" || url.origin !== location.origin || !url.pathname.startsWith(`${base}/`)) return;
  const path = url.pathname.slice(base.length);
  const navigates = request.mode === "navigate";
  // Tenants beside this one have workers of their own.
  const own = base !== "" || !path.startsWith("/t/");
  if (own && path.startsWith("/assets/")) return event.respondWith(asset(request));
  if (own && navigates && keepable(path)) return event.respondWith(page(event, url));
  if (own && request.headers.has("hx-request") && PARTS.test(path)) return event.respondWith(part(event, url));
  if (own && navigates && path === "/sign-in") return event.respondWith(signIn(event));
  if (own && /\/lookup\//.test(path)) return event.respondWith(lookup(request, url));
  const file = own ? /^\/api\/v1\/files\/([0-9a-f-]{36})$/.exec(path) : null;
  if (file) return event.respondWith(waitingFile(event, file[1]!));
  // Left to the browser, it would be asked for a second time, and the answer to the first one would have taken the message away.
  if (navigates) event.respondWith(sent(event));
});

/** What the server says; while this worker was waking up, the browser has asked for a page already. */
async function sent(event: FetchEvent): Promise<Response> {
  return ((await event.preloadResponse) as Response | undefined) ?? fetch(event.request);
}

async function asset(request: Request): Promise<Response> {
  const cache = await caches.open(ASSETS);
  const found = await cache.match(request.url);
  if (found) return found;
  const answer = await fetch(request);
  // A device without room keeps nothing more, and works as long as there is network.
  if (answer.ok) await cache.put(request.url, answer.clone()).catch(() => undefined);
  return answer;
}

/** The page of now; where that fails or takes long, the page as it was. */
async function page(event: FetchEvent, url: URL): Promise<Response> {
  const fresh = network(event, url);
  event.waitUntil(fresh.catch(() => undefined));
  const late = Symbol("late");
  const first = await Promise.race([
    fresh.catch(() => undefined),
    new Promise<typeof late>((resolve) => setTimeout(() => resolve(late), PATIENCE_MS)),
  ]);
  const away = first === late || first === undefined || AWAY.includes(first.status);
  if (!away) return first;
  const kept = await old(url);
  if (kept) return kept;
  if (first !== late && first !== undefined) return first;
  if (first === late) {
    const answer = await fresh.catch(() => undefined);
    if (answer) return answer;
  }
  return (await old(new URL(`${base}/offline`, location.origin))) ?? Response.error();
}

async function network(event: FetchEvent, url: URL): Promise<Response> {
  const before = left;
  const answer = await sent(event);
  const isPage = (answer.headers.get("content-type") ?? "").startsWith("text/html");
  if (answer.type === "opaqueredirect" || !isPage) return answer;
  // Beside the page, which does not wait for it; a device without room keeps nothing.
  event.waitUntil(keep(url, answer.clone(), before).catch(() => undefined));
  return answer;
}

/** How often somebody has left while this worker was awake: a page that was asked for before that says nothing about who is here. */
let left = 0;

/** Keeps a page of now for its person. Pages of nobody, such as those of failures, say nothing about who is here. */
async function keep(url: URL, answer: Response, before: number): Promise<void> {
  const html = await answer.text();
  const person = personOf(html);
  if (!person || left !== before) return;
  await nowIs(base, person);
  if (answer.ok && !answer.redirected) await keepPage(base, person, url, html, answer, Date.now());
}

/** What the first page asks for by itself: of now, and as it was only where the server cannot be reached. */
async function part(event: FetchEvent, asked: URL): Promise<Response> {
  // A card is less than the page at its address.
  const url = new URL(asked);
  if (url.pathname.startsWith(`${base}/dashboards/`)) url.searchParams.set("_part", "1");
  try {
    return await network(event, url);
  } catch (error) {
    const kept = await old(url);
    if (kept) return kept;
    throw error;
  }
}

/** A kept page of whoever is signed in. */
async function old(url: URL): Promise<Response | undefined> {
  const person = await whoIs(base);
  const kept = person ? await firstKept(person, instead(url)) : undefined;
  return kept && new Response(marked(kept.html, kept.at, Date.now(), kept.ahead), { headers: kept.headers });
}

/** Pages that do as well: a form for new records whose address gives values fills them in by itself. */
function instead(url: URL): URL[] {
  if (!url.pathname.endsWith("/new") || url.search === "") return [url];
  const [chosen, plain] = [new URL(url), new URL(url)];
  plain.search = "";
  const form = url.searchParams.get("_form");
  chosen.search = form ? `?${new URLSearchParams({ _form: form })}` : "";
  return [url, chosen, plain];
}

async function firstKept(person: string, urls: URL[]): Promise<KeptPage | undefined> {
  for (const url of urls) {
    const kept = await keptPage(base, person, url, Date.now());
    if (kept) return kept;
  }
  return undefined;
}

/** Whoever is shown the sign-in page is nobody: what was kept goes. */
async function signIn(event: FetchEvent): Promise<Response> {
  const answer = await sent(event);
  if (answer.ok && personOf(await answer.clone().text()) === "") {
    left += 1;
    await nowIs(base, "").catch(() => undefined);
  }
  return answer;
}

/** A picker's question: answered by the server, else out of what is kept and what was made here. */
async function lookup(request: Request, url: URL): Promise<Response> {
  const person = await whoIs(base);
  // People, departments and trees are few: what was asked is kept as it was answered.
  const few = person !== "" && url.pathname.startsWith(`${base}/lookup/`);
  try {
    const answer = await fetch(request, { signal: AbortSignal.timeout(PATIENCE_MS) });
    if (few && answer.ok && !answer.redirected) await keepAnswer(base, person, url, answer.clone()).catch(() => undefined);
    return answer;
  } catch (error) {
    const seen = few ? await keptAnswer(base, person, url) : undefined;
    if (seen) return seen;
    const kept = person ? await getPack(base, person) : undefined;
    const source = kept?.lookups.find(({ src }) => src === url.pathname);
    if (!source) throw error;
    const store = await Store.open(base, person);
    const made = (await store.items()).filter((item) => item.kind === "create" && item.entity === source.entity);
    store.close();
    const asked = (url.searchParams.get("q") ?? "").trim().toLowerCase();
    const items = [...made.map(({ id, title }) => ({ id, title })), ...source.items];
    const found = items.filter((item) => `${item.title} ${"detail" in item ? item.detail : ""}`.toLowerCase().includes(asked));
    return Response.json({ items: found.slice(0, LOOKUP_ITEMS) });
  }
}

/** A file: the server's, else the one that waits here. */
async function waitingFile(event: FetchEvent, id: string): Promise<Response> {
  const answer = await sent(event).catch(() => undefined);
  if (answer && answer.status !== 404) return answer;
  const person = await whoIs(base);
  if (person) {
    const store = await Store.open(base, person);
    const file = await store.file(id);
    store.close();
    if (file) return new Response(file.bytes, { headers: { "content-type": file.type, "content-security-policy": "default-src 'none'; sandbox" } });
  }
  return answer ?? Response.error();
}

worker.addEventListener("sync", (event) => {
  if (event.tag === "outbox") event.waitUntil(background());
});

async function background(): Promise<void> {
  const user = await whoIs(base);
  if (!user) return;
  const shelf = await Store.open(base, user);
  const channel = new BroadcastChannel(`mortise-outbox\n${base}`);
  try {
    const { blocked, wait } = await send({ base, user, shelf, now: Date.now, dice: Math.random, told: () => channel.postMessage("changed") });
    // The browser tries again by itself.
    if (blocked === "unreachable" || wait !== undefined) throw new Error("not everything could be sent");
  } finally {
    channel.close();
    shelf.close();
  }
}
