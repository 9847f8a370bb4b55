// Forms that cannot be sent wait in the outbox. A form goes there when there is no network, when the try to send it failed, when it
// was opened from what is kept, and when something it builds on waits there already: order is kept.

import { forgetDraft, restore, snapshot, type Snapshot } from "../drafts";
import { base, user } from "../page";
import { toast } from "../toasts";
import { newId } from "./ids";
import { comesLater, target, type Item, type Pairs, type Target } from "./item";
import { changed, overlaid, seenBy } from "./merge";
import { accept, isAway, onChange, sendNow, store, told } from "./outbox";
import { getPack, keptPage } from "./pages";

/** What stood in each form when it was opened. */
const bases = new WeakMap<HTMLFormElement, Pairs>();
/** The same by draft, for a form that came back from the server with errors. */
const before = new Map<string, Pairs>();

/** The save that waits and was opened in a form, as it was then. */
const chosenIn = new WeakMap<HTMLFormElement, Item>();

/** What waits: records and files that a save at once would overtake. */
let records = new Set<string>();
let files = new Set<string>();

async function look(): Promise<void> {
  // Where the device lets nothing be kept, nothing waits.
  const shelf = await store();
  records = new Set((await shelf.items()).filter((item) => item.state !== "done").map((item) => item.id));
  files = new Set(await shelf.fileIds());
}

const pairsOf = (values: Snapshot): Pairs => Object.entries(values).flatMap(([name, texts]) => texts.map((text): [string, string] => [name, text]));

function valuesOf(pairs: Pairs): Snapshot {
  const values: Snapshot = {};
  for (const [name, text] of pairs) (values[name] ??= []).push(text);
  return values;
}

/** A form was opened with these values. Changes that still wait are laid over it. */
export function opened(form: HTMLFormElement, values: Snapshot, draft: string | undefined, fresh: boolean): void {
  if (!user) return;
  const base_ = fresh ? pairsOf(values) : (draft && before.get(draft)) || [];
  bases.set(form, base_);
  if (draft && fresh) before.set(draft, base_);
  // Where the device does not let us look, the form stands as it came.
  if (fresh) void prefill(form).then(() => overlay(form, base_)).catch(() => undefined);
}

/** Times that a kept form had from the moment it was read: a minute around it. */
const THEN_MS = 60_000;

/** A new record on a page of earlier: where the page said "now", it is now. */
export function freshen(form: HTMLFormElement): void {
  const { asOf, asOfAhead } = document.documentElement.dataset;
  // By the server's clock, which wrote them.
  const ahead = Number(asOfAhead ?? 0);
  const read = Number(asOf ?? NaN) + ahead;
  if (Number.isNaN(read) || aimOf(form)?.kind !== "create") return;
  const two = (part: number) => String(part).padStart(2, "0");
  const day = (at: Date) => `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  const now = new Date(Date.now() + ahead);
  for (const input of form.querySelectorAll<HTMLInputElement>('input[type="datetime-local"], input[type="date"]')) {
    if (input.type === "date" && input.value === day(new Date(read))) input.value = day(now);
    if (input.type !== "datetime-local" || !input.value || Math.abs(Date.parse(input.value) - read) > THEN_MS) continue;
    input.value = `${day(now)}T${two(now.getHours())}:${two(now.getMinutes())}`;
  }
}

/** A kept form in place of one whose address gives values: they are filled in, as the server would have done. */
async function prefill(form: HTMLFormElement): Promise<void> {
  if (document.documentElement.dataset.asOf === undefined || aimOf(form)?.kind !== "create") return;
  const given = [...new URLSearchParams(location.search)].filter(([name]) => !name.startsWith("_"));
  const missing = given.filter(([name, value]) => {
    const input = form.elements.namedItem(name);
    return input !== null && !("value" in input && input.value === value);
  });
  if (missing.length === 0) return;
  const pack = await getPack(base, user);
  const titles = [...(pack?.lookups ?? []).flatMap(({ items }) => items), ...(pack?.pages ?? []).map(({ href, title }) => ({ id: href.split("/").pop(), title }))];
  const values: Snapshot = {};
  for (const [name, value] of missing) {
    const title = titles.find(({ id }) => id === value)?.title;
    values[name] = [value];
    if (title) values[`_title/${name}`] = [title];
  }
  lay(form, values);
}

/** Lays over a form what its person did not type into it now: no draft of it is kept. */
function lay(form: HTMLFormElement, values: Snapshot): void {
  form.dispatchEvent(new CustomEvent("m-lay", { detail: values }));
  restore(form, values);
}

/** A page shown twice must not give two saves one name. */
async function refreshKey(form: HTMLFormElement): Promise<void> {
  const key = form.elements.namedItem("_key");
  if (key instanceof HTMLInputElement) key.value = await newKey();
}

async function overlay(form: HTMLFormElement, page: Pairs): Promise<void> {
  const aim = aimOf(form);
  const shelf = await store();
  const asked = Number(new URLSearchParams(location.search).get("_outbox") ?? 0);
  const chosen = asked ? await shelf.item(asked) : undefined;
  if (chosen && aim && chosen.entity === aim.entity) {
    form.dataset.outbox = String(chosen.seq);
    chosenIn.set(form, chosen);
    const shown = chosen.kind === "create" ? chosen.pairs : overlaid(page, [chosen]);
    if (chosen.kind !== "create") bases.set(form, seenBy(page, chosen));
    return lay(form, valuesOf(shown));
  }
  if (aim?.kind !== "update") return;
  const waiting = (await shelf.items()).filter((item) => item.id === aim.id && item.kind === "update" && item.state !== "done");
  if (waiting.length === 0) return;
  const shown = overlaid(page, waiting);
  const fields = changed(page, shown);
  const untouched = fields.filter((field) => !changed(page, pairsOf(snapshot(form))).includes(field));
  lay(form, valuesOf(shown.filter(([name]) => untouched.some((field) => name === field || name.startsWith(`${field}/`) || name.startsWith(`_title/${field}`)))));
  bases.set(form, shown);
}

/** What a form asks for, where it is one that can wait. */
function aimOf(form: HTMLFormElement): Target | undefined {
  const path = new URL(form.action, location.href).pathname;
  const aim = path.startsWith(`${base}/`) ? target(path.slice(base.length)) : undefined;
  // Other forms of records, such as the one that settles a conflict at once, do not say what stood there before.
  const typed = aim?.kind === "create" || aim?.kind === "update";
  return typed && !form.closest("m-form") ? undefined : aim;
}

/** Whether a form has to wait even though the server may be there. */
function mustWait(form: HTMLFormElement, aim: Target): boolean {
  if (isAway() || form.dataset.outbox) return true;
  if (aim.id && records.has(aim.id)) return true;
  const texts = [...new FormData(form).values()].filter((text): text is string => typeof text === "string");
  return texts.some((text) => files.has(text) || records.has(text));
}

document.addEventListener(
  "submit",
  (event) => {
    const form = event.target as HTMLFormElement;
    const aim = user && form.method === "post" ? aimOf(form) : undefined;
    if (!aim) return;
    const away = mustWait(form, aim);
    // On a page that is sent at once, the server's answer may be lost as well: the wish has a name from the beginning.
    if (!away) return nameWish(form);
    event.preventDefault();
    event.stopImmediatePropagation();
    // Pressed twice, it is still one save.
    if (form.dataset.kept) return;
    form.dataset.kept = "1";
    void wait(form, aim, event.submitter, newKey);
  },
  true,
);

/** Gives a form that came without a name for what it asks (a comment, a step) a new one each time it is sent. */
function nameWish(form: HTMLFormElement): void {
  let key = form.elements.namedItem("_key");
  if (key instanceof HTMLInputElement && key.dataset.own === undefined) return;
  if (!(key instanceof HTMLInputElement)) {
    key = Object.assign(document.createElement("input"), { type: "hidden", name: "_key" });
    (key as HTMLInputElement).dataset.own = "";
    form.append(key);
  }
  (key as HTMLInputElement).value = newId(Date.now());
}

// The request did not get through, or its answer did not: the same save under the same name, which the server does only once.
document.addEventListener("htmx:error", (event) => {
  const request = (event as CustomEvent<{ ctx?: { sourceElement?: Element; text?: string } }>).detail?.ctx;
  // An answer that was read is an answer, whatever happened to the page afterwards.
  if (request?.text === undefined) waitAgain(request?.sourceElement);
});

// Nor is "not now" an answer, and its page would take the place of what was typed. Where a form keeps a draft, signing in comes first.
document.addEventListener("htmx:before:response", (event) => {
  const { sourceElement, response } = (event as CustomEvent<{ ctx: { sourceElement: Element; response: { status: number } } }>).detail.ctx;
  const drafted = sourceElement.closest("m-form") !== null && response.status === 401;
  if (comesLater(response.status, true) && !drafted && waitAgain(sourceElement)) event.preventDefault();
});

/** Has a save wait that was tried already, under the same name. Tells whether it is one that can. */
function waitAgain(form: Element | undefined): boolean {
  const aim = form instanceof HTMLFormElement && user ? aimOf(form) : undefined;
  if (!aim) return false;
  (form as HTMLFormElement).dataset.kept = "1";
  const tried = new FormData(form as HTMLFormElement).get("_key");
  void wait(form as HTMLFormElement, aim, null, typeof tried === "string" && tried ? async () => tried : newKey);
  return true;
}

/** A name for a wish that was never sent: pages that are kept are used more than once. */
const newKey = async () => newId(Date.now() + (await (await store()).offset()));

async function wait(form: HTMLFormElement, aim: Target, submitter: HTMLElement | null, name: () => Promise<string>): Promise<void> {
  const words = document.querySelector<HTMLElement>("m-outbox")?.dataset ?? {};
  const draft = form.closest<HTMLElement>("m-form")?.dataset.draft;
  let item: Omit<Item, "seq">;
  form.inert = true;
  try {
    item = await itemOf(form, aim, submitter, await name());
    const earlier = chosenIn.get(form);
    if (earlier) item = { ...item, ...instead(item, earlier) };
    const there = earlier && (await stands(earlier)) && (await (await store()).replace({ ...item, seq: earlier.seq }));
    if (!there) await accept(earlier ? afterwards(item, earlier) : item, draft);
  } catch {
    delete form.dataset.kept;
    form.inert = false;
    return toast(words.full ?? "", "error");
  }
  form.dispatchEvent(new CustomEvent("m-kept"));
  if (draft) forgetDraft(draft);
  told();
  const sent = sendNow();
  if (!isAway()) await Promise.race([sent, new Promise((resolve) => setTimeout(resolve, 2_000))]);
  await leave(form, item, submitter, words.saved ?? "");
}

/** Whether another save can take its place. A change that may have arrived stays, and what comes is a change of it. */
async function stands(earlier: Item): Promise<boolean> {
  const now = await (await store()).item(earlier.seq);
  return now !== undefined && !(now.tried && now.kind === "update");
}

/** What a save keeps of the one in whose place it comes. It may be on its way just now: then it arrives, and this is a change of it. */
function instead(item: Omit<Item, "seq">, earlier: Item): Pick<Item, "id" | "kind" | "base" | "before"> {
  const kind = earlier.kind === "update" && item.kind === "create" ? "update" : item.kind;
  return { id: earlier.id, kind, base: kind === item.kind ? item.base : earlier.base, before: kind === "create" ? (earlier.before ?? earlier.pairs) : undefined };
}

/** A save whose forerunner has arrived, or may have, while it was changed: a change of what was typed first. */
function afterwards(item: Omit<Item, "seq">, earlier: Item): Omit<Item, "seq"> {
  if (item.kind === "create") return { ...item, kind: "update", base: earlier.pairs, before: undefined };
  return { ...item, base: overlaid(item.base, [earlier]) };
}

/** A browser that is killed may not have written down yet that a draft is gone: so much older than its save at most. */
const REVIVED_MS = 10 * 60_000;

/** Whether what a draft of this time holds was taken in already. */
export async function isTaken(draft: string, at: number): Promise<boolean> {
  const age = ((await (await store()).ended(draft)) ?? NaN) - at;
  return age >= 0 && age < REVIVED_MS;
}

/** Where to go from a form that has been taken in. */
async function leave(form: HTMLFormElement, item: Omit<Item, "seq">, submitter: HTMLElement | null, words: string): Promise<void> {
  try {
    sessionStorage.setItem("mortise.told", words);
  } catch {
    // Told by the outbox then.
  }
  const record = `${base}/a/${item.entity.replace(".", "/")}/${item.id}`;
  const again = submitter instanceof HTMLButtonElement && submitter.name === "_again";
  if (again) return location.reload();
  const outbox = `${base}/offline`;
  const wanted = item.kind === "create" ? outbox : record;
  for (const place of [wanted, outbox]) {
    const kept = await keptPage(base, user, new URL(place, location.href), Date.now());
    if (!isAway() || (kept && navigator.serviceWorker.controller)) return location.assign(place);
  }
  // In the first moments on a device no page is kept yet: stay on this one, with an empty form.
  toast(words);
  form.reset();
  form.inert = false;
  delete form.dataset.kept;
}

async function itemOf(form: HTMLFormElement, aim: Target, submitter: HTMLElement | null, key: string): Promise<Omit<Item, "seq">> {
  const data = new FormData(form, submitter);
  const text = (name: string) => {
    const value = data.get(name);
    return typeof value === "string" ? value : "";
  };
  const shelf = await store();
  const offset = await shelf.offset();
  const pairs = pairsOf(snapshot(form));
  const waiting = new Set(await shelf.fileIds());
  const base_ = bases.get(form) ?? [];
  // Of a record that is there, what is changed; of a new one all that was typed.
  const fields = aim.kind === "update" ? changed(base_, pairs) : undefined;
  const shown = shownIn(form, fields);
  return {
    key,
    kind: aim.kind,
    entity: aim.entity,
    id: aim.id ?? key,
    form: text("_form"),
    transition: aim.transition,
    pairs,
    base: base_,
    allowDuplicates: text("allow_duplicates") === "true",
    files: [...new Set(pairs.map(([, value]) => value))].filter((value) => waiting.has(value)),
    title: aim.kind === "create" ? titleIn(form, shown) : titleOfPage(),
    shown,
    at: Date.now(),
    offset,
    state: "waiting",
    attempts: 0,
    notBefore: 0,
    leftovers: [],
  };
}

/** What a new record will be called: its title field, else the first that is filled in. */
function titleIn(form: HTMLFormElement, shown: Item["shown"]): string {
  const field = form.closest<HTMLElement>("m-form")?.dataset.title;
  const own = field ? form.querySelector<HTMLElement>(`[data-field="${CSS.escape(field)}"]`) : null;
  return (own && wordsOf(own, form)) || (shown[0]?.text ?? "");
}

/** The record that a page is about: the last link of its path, or its heading. */
function titleOfPage(): string {
  const links = document.querySelectorAll(".crumbs a");
  return (links[links.length - 1] ?? document.querySelector("h1"))?.textContent?.trim() ?? "";
}

/** What was typed, in words: kept with the item, so that it can be read even when its form is gone. */
function shownIn(form: HTMLFormElement, only?: string[]): { label: string; text: string }[] {
  const all = [...form.querySelectorAll<HTMLElement>("[data-field]")].filter((field) => !field.hidden);
  const fields = only ? all.filter((field) => only.includes(field.dataset.field!)) : all;
  const said = fields.map((field) => ({
    label: (field.querySelector(".field-label")?.textContent ?? field.dataset.field ?? "").replace(/[\s*]+$/, "").trim(),
    text: wordsOf(field, form),
  }));
  // What was emptied is said, too.
  const told = said.filter(({ text }) => text !== "" || only).map(({ label, text }) => ({ label, text: text || "—" }));
  const comment = form.elements.namedItem("text");
  return told.length === 0 && comment instanceof HTMLTextAreaElement ? [{ label: "", text: comment.value }] : told;
}

function wordsOf(field: HTMLElement, form: HTMLFormElement): string {
  const name = field.dataset.field!;
  const titles = [...form.elements].filter((input): input is HTMLInputElement => (input as HTMLInputElement).name === `_title/${name}`);
  if (titles.some((input) => input.value)) return titles.map((input) => input.value).join(", ");
  const words = [...field.querySelectorAll<HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement>("input[name], select[name], textarea[name]")].map((input) => {
    if (input.name.startsWith("_")) return "";
    if (input instanceof HTMLSelectElement) return [...input.selectedOptions].filter(({ value }) => value).map((option) => option.text.trim()).join(", ");
    if (input.type === "checkbox" || input.type === "radio") return (input as HTMLInputElement).checked ? (input.closest("label")?.textContent ?? "").trim() : "";
    return input.type === "hidden" ? "" : spoken(input);
  });
  return words.filter(Boolean).join(", ");
}

/** A value as it is read: times in the words of the page's language. */
function spoken(input: HTMLInputElement | HTMLTextAreaElement): string {
  const text = input.value.trim();
  const day = input.type === "date" ? new Date(`${text}T00:00`) : new Date(text);
  if ((input.type !== "date" && input.type !== "datetime-local") || Number.isNaN(day.getTime())) return text;
  return day.toLocaleString(document.documentElement.lang, input.type === "date" ? { dateStyle: "medium" } : { dateStyle: "medium", timeStyle: "short" });
}

if (user) {
  const lookSoon = () => void look().catch(() => undefined);
  lookSoon();
  onChange(lookSoon);
  window.addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    for (const form of document.querySelectorAll<HTMLFormElement>("m-form form")) {
      form.inert = false;
      delete form.dataset.kept;
      void refreshKey(form);
    }
  });
}
