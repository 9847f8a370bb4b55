// How forms are used, told to the server in small batches: that a form was opened, saved or left, how long it and its fields had
// somebody's attention, and the codes of errors. Never what is typed. Where the tenant does not want it, nothing is listened to.

import { newId } from "./offline/ids";
import { base } from "./page";

type Kind = "opened" | "field" | "refused" | "saved" | "abandoned" | "left";
interface Seen {
  visit: string;
  kind: Kind;
  entity: string;
  form: string;
  field?: string;
  code?: string;
  millis?: number;
}

/** Without a sign of life for so long, nobody is there any more. */
const IDLE_MS = 60_000;
/** What is gathered is sent after so long, and when the page is left. */
const PAUSE_MS = 10_000;
/** As many as the server takes at once. */
const BATCH = 200;
/** A focus that only passes through says nothing. */
const FIELD_MS_MIN = 200;

const waiting: Seen[] = [];
let timer = 0;

function send(): void {
  window.clearTimeout(timer);
  timer = 0;
  if (!navigator.onLine) return;
  const screen = matchMedia("(pointer: coarse) and (max-width: 767px)").matches ? "phone" : "desktop";
  while (waiting.length > 0) {
    const body = JSON.stringify({ screen, seen: waiting.splice(0, BATCH) });
    // Sent even while the page goes away; what does not arrive is not missed.
    navigator.sendBeacon(`${base}/api/v1/interactions`, new Blob([body], { type: "application/json" }));
  }
}

function note(seen: Seen): void {
  waiting.push(seen);
  timer ||= window.setTimeout(send, PAUSE_MS);
}

/** One opening of a form, until it is saved or its page goes away. */
class Visit {
  private readonly id = newId(Date.now());
  private readonly spent = new Map<string, number>();
  private total = 0;
  private last = performance.now();
  private field = "";
  private touched = false;
  private over = false;

  constructor(
    private readonly entity: string,
    private readonly form: string,
  ) {
    this.tell("opened");
  }

  /** A sign of life: the time since the one before was spent here. */
  alive(): void {
    const now = performance.now();
    const millis = Math.min(now - this.last, IDLE_MS);
    this.last = now;
    this.total += millis;
    if (this.field) this.spent.set(this.field, (this.spent.get(this.field) ?? 0) + millis);
  }

  /** Goes on after a while in which nobody looked. */
  resume(): void {
    this.last = performance.now();
  }

  enter(field: string): void {
    this.alive();
    this.field = field;
  }

  touch(): void {
    this.touched = true;
  }

  refused(codes: string): void {
    for (const pair of codes.split(",")) {
      const [field = "", code = ""] = pair.split("=");
      this.tell("refused", { ...(field ? { field } : {}), code });
    }
  }

  saved(): void {
    this.close("saved");
    this.over = true;
  }

  /** The page goes away, or nobody looks at it: it may come back. */
  pause(): void {
    this.close(this.touched ? "abandoned" : "left");
  }

  private close(kind: Kind): void {
    if (this.over) return;
    this.alive();
    for (const [field, millis] of this.spent) if (millis >= FIELD_MS_MIN) this.tell("field", { field, millis: Math.round(millis) });
    this.spent.clear();
    this.tell(kind, { millis: Math.round(this.total) });
  }

  private tell(kind: Kind, more: Partial<Seen> = {}): void {
    if (!this.over) note({ visit: this.id, kind, entity: this.entity, form: this.form, ...more });
  }
}

/** Visits by what their forms are about: a form that came back with messages is the same visit. */
const visits = new Map<string, Visit>();
let present: Visit | undefined;

/** A form of a record: its entity, and what tells it from others on the page. */
function subject(form: HTMLFormElement): { entity: string; key: string; name: string } | undefined {
  const name = form.elements.namedItem("_form");
  const path = new URL(form.action, location.href).pathname;
  const [, app, entity] = path.slice(base.length).match(/^\/a\/([^/]+)\/([^/]+)\/(?:new|[^/]+\/(?:edit|transitions\/[^/]+))$/) ?? [];
  if (!(name instanceof HTMLInputElement) || !app) return undefined;
  return { entity: `${app}.${entity}`, name: name.value, key: `${path} ${name.value}` };
}

function visitOf(form: HTMLFormElement | null): Visit | undefined {
  const about = form ? subject(form) : undefined;
  if (!about) return undefined;
  let visit = visits.get(about.key);
  if (!visit) visits.set(about.key, (visit = new Visit(about.entity, about.name)));
  return visit;
}

/** Forms that a page is about are opened with it; those on a card when somebody begins. */
function lookAround(): void {
  for (const form of document.querySelectorAll<HTMLFormElement>(":not(.dash-form) > m-form > form")) visitOf(form);
}

const formOf = (event: Event) => (event.target instanceof Element ? event.target.closest("form") : null);

function watch(): void {
  document.addEventListener("focusin", (event) => {
    const field = event.target instanceof Element ? event.target.closest<HTMLElement>("[data-field]")?.dataset.field : undefined;
    const visit = visitOf(formOf(event));
    if (present !== visit) present?.enter("");
    present = visit;
    visit?.enter(field ?? "");
  });
  for (const type of ["input", "change"]) {
    document.addEventListener(type, (event) => {
      const visit = visitOf(formOf(event));
      visit?.touch();
      visit?.alive();
    });
  }
  for (const type of ["keydown", "pointerdown", "scroll"]) document.addEventListener(type, () => present?.alive(), { capture: true, passive: true });
  document.addEventListener("htmx:after:request", (event) => {
    const { sourceElement, response, hx } = (event as CustomEvent<{ ctx: Answered }>).detail.ctx;
    const visit = sourceElement instanceof HTMLFormElement ? visitOf(sourceElement) : undefined;
    const codes = response?.headers.get("mortise-refused");
    if (codes) visit?.refused(codes);
    else if (response?.raw.ok && hx?.redirect) {
      visit?.saved();
      // The page goes on at once; what it says when it is gone already may get lost on the way through the worker.
      send();
    }
  });
  // Kept on the phone, it is done for whoever typed it.
  document.addEventListener("m-kept", (event) => visitOf(event.target as HTMLFormElement)?.saved(), true);
  document.addEventListener("htmx:after:swap", lookAround);
  document.addEventListener("visibilitychange", () => {
    for (const visit of visits.values()) document.visibilityState === "hidden" ? visit.pause() : visit.resume();
    if (document.visibilityState === "hidden") send();
  });
  window.addEventListener("pagehide", () => {
    for (const visit of visits.values()) visit.pause();
    send();
  });
  lookAround();
}

/** A request of htmx with its answer. */
interface Answered {
  sourceElement?: Element;
  response?: { headers: Headers; raw: Response };
  hx?: { redirect?: string };
}

if (document.querySelector('meta[name="mortise-watched"]')) watch();
