// `<m-form>`: a form that lives: fields appear and become required while typing, calculated values follow, likely duplicates are
// named, and what was typed outlives a failed save, a lost connection and a closed tab.

import { debounce, element, fetchJson, icon, text } from "../page";
import { freshen, isTaken, opened } from "../offline/form";
import { store } from "../offline/outbox";
import { FormRules, type Known } from "../rules";
import { difference, findDraft, forgetDraft, keepDraft, restore, snapshot, type Snapshot } from "../drafts";

/** What the server says about the present values. */
interface State {
  visible: Record<string, boolean>;
  sections: boolean[];
  required: Record<string, boolean>;
  issues: Record<string, string[]>;
  computed: Record<string, string>;
  suspects?: { title: string; href: string; facts: { label: string; text: string }[]; hint: boolean }[];
}

const nameOf = (event: Event) => (event.target as Element).closest<HTMLElement>("[data-field]")?.dataset.field;

/** What htmx tells of a request that was answered. */
interface Request {
  response: { raw: Response; headers: Headers };
}

/** Child rows, once their element is there. */
interface Rows extends HTMLElement {
  texts?(): Record<string, string[]>[];
  calculated?(rows: Record<string, string>[]): void;
}

class LiveForm extends HTMLElement {
  private form!: HTMLFormElement;
  private initial: Snapshot = {};
  private turn = 0;
  private sent = false;
  private taken = false;
  /** The rules of the form, once they are loaded. */
  private rules: FormRules | undefined;
  /** How far the server's clock is ahead of this device's. */
  private ahead = 0;
  /** Fields that were left, and fields in which something was changed. */
  private readonly touched = new Set<string>();
  private readonly edited = new Set<string>();
  /** Fields of parts that somebody wanted to leave: what is empty there is told. */
  private readonly demanded = new Set<string>();
  private readonly refresh = debounce(350, () => void this.ask());
  /** What is on its way to be saved is no draft any more. */
  private readonly keep = debounce(400, () => void (this.sent || this.keepNow()));

  connectedCallback(): void {
    this.form = this.querySelector("form")!;
    if (this.dataset.fresh !== undefined) freshen(this.form);
    this.initial = snapshot(this.form);
    // What waits and is opened again is not the new record that was begun here.
    const waiting = new URLSearchParams(location.search).get("_outbox");
    if (waiting && this.dataset.draft) this.dataset.draft += `#${waiting}`;
    this.form.addEventListener("m-lay", (event) => Object.assign(this.initial, (event as CustomEvent<Snapshot>).detail));
    opened(this.form, this.initial, this.dataset.draft, this.dataset.fresh !== undefined);
    for (const type of ["input", "change"]) this.form.addEventListener(type, (event) => this.changed(event));
    this.form.addEventListener("focusout", (event) => {
      const name = nameOf(event);
      if (!name || this.touched.has(name)) return;
      this.touched.add(name);
      // What was held back while it was typed is said now.
      this.follow();
    });
    this.form.addEventListener("submit", () => {
      this.keepNow();
      this.sent = true;
    });
    this.form.addEventListener("m-kept", () => (this.sent = true));
    // What is typed while a save is on its way would be in no answer.
    this.form.addEventListener("htmx:before:request", () => (this.form.inert = true));
    this.form.addEventListener("htmx:after:request", (event) => this.answered((event as CustomEvent<{ ctx: Request }>).detail.ctx));
    this.form.addEventListener("htmx:finally:request", () => {
      this.sent = this.taken;
      this.form.inert = this.form.dataset.kept !== undefined;
    });
    window.addEventListener("pagehide", this.onHide);
    if (this.dataset.fresh !== undefined) this.offerDraft();
    // A form that came back with errors shows the person's values, which are the draft.
    else this.initial = {};
    // On a card among others nothing is asked for, and nothing takes the focus, before somebody begins.
    if (this.closest(".dash-form")) return this.addEventListener("focusin", () => this.begin(), { once: true });
    this.begin();
    const summary = this.querySelector<HTMLElement>(".form-summary[tabindex]");
    if (summary) summary.focus();
    // With a keyboard at hand, typing can begin at once; on a phone the keyboard would cover the form.
    else if (matchMedia("(pointer: fine)").matches) this.form.querySelector<HTMLElement>(".field input:not([type=hidden]), .field textarea")?.focus();
  }

  disconnectedCallback(): void {
    window.removeEventListener("pagehide", this.onHide);
  }

  private begin(): void {
    // Widgets upgrade after this element; the state of defaults is asked for when they stand.
    if (this.dataset.live !== undefined && this.dataset.fresh !== undefined) queueMicrotask(() => void this.ask());
    void this.loadRules();
  }

  /** The server has it, even if the page that would say so never comes. */
  private answered({ response }: Request): void {
    if (!response.raw.ok || !response.headers.has("hx-redirect")) return;
    this.sent = this.taken = true;
    if (this.dataset.draft) forgetDraft(this.dataset.draft);
  }

  private readonly onHide = () => {
    if (!this.sent) this.keepNow();
  };

  private changed(event: Event): void {
    const name = nameOf(event);
    if (name) this.edited.add(name);
    // On a page that comes back after its save, something is begun anew.
    this.sent = this.taken = false;
    this.keep();
    // What the server says to what stood here before comes too late.
    this.turn++;
    // What is known here is shown at once; the server is asked for the rest, or for all of it.
    if (this.follow()?.ask ?? true) this.refresh();
  }

  private async loadRules(): Promise<void> {
    const { rules, evaluator, zone } = this.dataset;
    if (!rules || !evaluator) return;
    this.rules = await FormRules.open(evaluator, rules, zone ?? "UTC");
    // "Today" is the server's today, as far as that is known.
    this.ahead = await store().then((shelf) => shelf.offset(), () => 0);
    if (this.isConnected && this.follow()) this.classList.add("follows");
  }

  /** Brings the form in line with what was typed, as far as that is known without the server. */
  private follow(): Known | undefined {
    if (!this.rules) return undefined;
    const lists = [...this.form.querySelectorAll<Rows>("m-lines")];
    const rows = Object.fromEntries(lists.map((list) => [list.dataset.name!, list.texts?.() ?? []]));
    const known = this.rules.state(snapshot(this.form), Date.now() + this.ahead, rows);
    if (!known) return undefined;
    this.apply(known);
    for (const list of lists) list.calculated?.(known.rows[list.dataset.name!] ?? []);
    return known;
  }

  private keepNow(): void {
    if (this.dataset.draft) keepDraft(this.dataset.draft, difference(this.initial, snapshot(this.form)));
  }

  private offerDraft(): void {
    const key = this.dataset.draft;
    const draft = key ? findDraft(key) : undefined;
    if (!key || !draft) return;
    restore(this.form, draft.values);
    const time = new Date(draft.at).toLocaleString(document.documentElement.lang, { dateStyle: "short", timeStyle: "short" });
    const drop = element("button", { type: "button", class: "link-button" }, text("draft_drop"));
    const note = element("div", { class: "alert form-summary", role: "status" }, icon("alert-circle"), element("span", { class: "grow" }, text("draft_restored", { time })), drop);
    const forget = () => {
      // Or leaving the page would keep it again.
      this.sent = true;
      forgetDraft(key);
      location.reload();
    };
    drop.addEventListener("click", forget);
    this.form.prepend(note);
    void isTaken(key, draft.at).then((taken) => taken && forget(), () => undefined);
  }

  private async ask(): Promise<void> {
    const url = this.dataset.state;
    if (!url) return;
    const turn = ++this.turn;
    const body = new URLSearchParams();
    for (const [name, value] of new FormData(this.form)) if (typeof value === "string") body.append(name, value);
    try {
      const state = await fetchJson<State>(url, { method: "POST", body });
      if (turn === this.turn) this.apply(state);
    } catch {
      // Offline or busy: the form stays as it is; the server checks again when it is saved.
    }
  }

  private apply(state: State | Known): void {
    const values = snapshot(this.form);
    for (const field of this.form.querySelectorAll<HTMLElement>("[data-field]")) {
      const name = field.dataset.field!;
      if (name in state.visible) field.hidden = !state.visible[name];
      if (name in state.required) {
        field.classList.toggle("is-required", state.required[name]);
        field.querySelector("input:not([type=hidden]), select, textarea")?.setAttribute("aria-required", String(state.required[name]));
      }
      const computed = field.querySelector("[data-computed]");
      if (computed && name in state.computed) computed.textContent = state.computed[name] || "—";
      // Without the server nothing is said about what it alone can judge.
      if (!("ask" in state) || name in state.issues) this.tell(field, name, state.issues[name] ?? [], values);
    }
    this.form.querySelectorAll<HTMLElement>("[data-section]").forEach((section) => {
      const shown = state.sections[Number(section.dataset.section)];
      // Not known here: as it was.
      if (shown === null) return;
      section.hidden = shown === false || ![...section.querySelectorAll<HTMLElement>("[data-field]")].some((field) => !field.hidden);
    });
    this.querySelector<HTMLElement & { refresh?(): void }>("m-parts")?.refresh?.();
    if (!("ask" in state)) this.warn(state.suspects ?? []);
  }

  /** Whether a part of the form is in order; what is not is told beside its field, and the first of it gets the focus. */
  async check(part: HTMLElement): Promise<boolean> {
    const fields = [...part.querySelectorAll<HTMLElement>("[data-field]")].filter((field) => !field.hidden);
    for (const field of fields) {
      this.touched.add(field.dataset.field!);
      this.demanded.add(field.dataset.field!);
      // What was said before may have been mended, even where nobody can be asked.
      field.querySelector(":scope > .field-error[data-live]")?.remove();
      if (!field.querySelector(":scope > .field-error")) field.classList.remove("has-error");
    }
    await this.ask();
    const values = snapshot(this.form);
    for (const field of fields) if (this.isMissing(field, values)) this.say(field, [text("required")]);
    const wrong = fields.find((field) => field.classList.contains("has-error"));
    this.querySelector<HTMLElement & { refresh?(): void }>("m-parts")?.refresh?.();
    wrong?.querySelector<HTMLElement>("input:not([type=hidden]), select, textarea, button")?.focus();
    return !wrong;
  }

  /** Whether a field has to be filled in, was asked for, and is empty. */
  private isMissing(field: HTMLElement, values: Snapshot): boolean {
    const name = field.dataset.field!;
    if (!this.demanded.has(name) || !field.classList.contains("is-required")) return false;
    const own = Object.entries(values).filter(([known]) => known === name || known.startsWith(`${name}/`));
    return own.every(([, texts]) => texts.every((text) => text === ""));
  }

  /** Messages beside a field: only once the person has left it with something in it, so that nobody is told off for an empty page. */
  private tell(field: HTMLElement, name: string, messages: string[], values: Snapshot): void {
    const box = field.querySelector<HTMLElement>(":scope > .field-error[data-live]");
    const value = values[name]?.join("") ?? "";
    const known = field.querySelector(":scope > .field-error:not([data-live])");
    // What the server said holds until the field is changed.
    if (known && messages.length === 0 && this.edited.has(name)) {
      known.remove();
      field.classList.remove("has-error");
    }
    const missing = this.isMissing(field, values);
    const speak = missing || (messages.length > 0 && !known && this.touched.has(name) && value !== "");
    field.classList.toggle("has-error", speak || (known?.isConnected ?? false));
    if (speak) this.say(field, missing ? [text("required")] : messages);
    else box?.remove();
  }

  private say(field: HTMLElement, messages: string[]): void {
    const box = field.querySelector<HTMLElement>(":scope > .field-error[data-live]");
    field.classList.add("has-error");
    const line = box ?? element("p", { class: "field-error", "data-live": true, role: "status" });
    line.replaceChildren(icon("alert-circle", "icon icon-s"), element("span", {}, messages.join(" ")));
    if (!box) field.append(line);
  }

  private warn(suspects: NonNullable<State["suspects"]>): void {
    const box = this.form.querySelector<HTMLElement>("[data-suspects]");
    if (!box) return;
    if (box.hidden && suspects.length > 0) this.bringNear(box);
    box.hidden = suspects.length === 0;
    // Names that many people share only give a hint, and hold nothing up.
    const onlyHints = suspects.every((suspect) => suspect.hint);
    box.querySelectorAll<HTMLElement>("[data-strong]").forEach((part) => (part.hidden = onlyHints));
    box.querySelectorAll<HTMLElement>("[data-hint]").forEach((part) => (part.hidden = !onlyHints));
    const rows = suspects.map(({ title, href, facts }) => {
      const link = href ? element("a", { href, target: "_blank" }, title) : element("span", {}, title);
      return element("li", {}, link, ...facts.map((fact) => element("span", {}, element("span", { class: "faint" }, fact.label), ` ${fact.text}`)));
    });
    box.querySelector("ul")?.replaceChildren(...rows);
  }

  /** Puts the likely duplicates below the row that is being typed into: they are seen there, and nothing moves under the fingers. */
  private bringNear(box: HTMLElement): void {
    const field = document.activeElement?.closest<HTMLElement>(".form-grid > [data-field]");
    // A part that is left would take them along.
    if (!field || !this.contains(field) || field.closest("m-parts")) return;
    const row = [...field.parentElement!.children].filter((other) => (other as HTMLElement).offsetTop === field.offsetTop);
    row.at(-1)!.after(box);
  }
}

customElements.define("m-form", LiveForm);
