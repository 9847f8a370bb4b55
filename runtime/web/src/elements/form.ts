// `<m-form>`: a form that lives: fields appear and become required while typing, calculated values follow, likely duplicates are
// named, and what was typed outlives a failed save, a lost connection and a closed tab.

import { debounce, element, fetchJson, icon, text } from "../page";
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

class LiveForm extends HTMLElement {
  private form!: HTMLFormElement;
  private initial: Snapshot = {};
  private turn = 0;
  private sent = false;
  private readonly touched = new Set<string>();
  private readonly refresh = debounce(350, () => void this.ask());
  private readonly keep = debounce(400, () => this.keepNow());

  connectedCallback(): void {
    this.form = this.querySelector("form")!;
    this.initial = snapshot(this.form);
    this.form.addEventListener("input", () => this.changed());
    this.form.addEventListener("change", () => this.changed());
    this.form.addEventListener("focusout", (event) => {
      const name = (event.target as Element).closest<HTMLElement>("[data-field]")?.dataset.field;
      if (name) this.touched.add(name);
    });
    this.form.addEventListener("submit", () => {
      this.keepNow();
      this.sent = true;
    });
    this.form.addEventListener("htmx:finally:request", () => (this.sent = false));
    window.addEventListener("pagehide", this.onHide);
    if (this.dataset.fresh !== undefined) this.offerDraft();
    // A form that came back with errors shows the person's values, which are the draft.
    else this.initial = {};
    // Widgets upgrade after this element; the state of defaults is asked for when they stand.
    if (this.dataset.live !== undefined && this.dataset.fresh !== undefined) queueMicrotask(() => void this.ask());
    const summary = document.querySelector<HTMLElement>(".form-summary[tabindex]");
    if (summary) summary.focus();
    // With a keyboard at hand, typing can begin at once; on a phone the keyboard would cover the form.
    else if (matchMedia("(pointer: fine)").matches) this.form.querySelector<HTMLElement>(".field input:not([type=hidden]), .field textarea")?.focus();
  }

  disconnectedCallback(): void {
    window.removeEventListener("pagehide", this.onHide);
  }

  private readonly onHide = () => {
    if (!this.sent) this.keepNow();
  };

  private changed(): void {
    this.keep();
    this.refresh();
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
    drop.addEventListener("click", () => {
      // Or leaving the page would keep it again.
      this.sent = true;
      forgetDraft(key);
      location.reload();
    });
    this.form.prepend(note);
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

  private apply(state: State): void {
    for (const field of this.form.querySelectorAll<HTMLElement>("[data-field]")) {
      const name = field.dataset.field!;
      if (name in state.visible) field.hidden = !state.visible[name];
      if (name in state.required) {
        field.classList.toggle("is-required", state.required[name]);
        field.querySelector("input:not([type=hidden]), select, textarea")?.setAttribute("aria-required", String(state.required[name]));
      }
      const computed = field.querySelector("[data-computed]");
      if (computed && name in state.computed) computed.textContent = state.computed[name] || "—";
      this.tell(field, name, state.issues[name] ?? []);
    }
    this.form.querySelectorAll<HTMLElement>("[data-section]").forEach((section) => {
      const shown = state.sections[Number(section.dataset.section)] ?? true;
      section.hidden = !shown || ![...section.querySelectorAll<HTMLElement>("[data-field]")].some((field) => !field.hidden);
    });
    this.warn(state.suspects ?? []);
  }

  /** Messages beside a field: only once the person has left it with something in it, so that nobody is told off for an empty page. */
  private tell(field: HTMLElement, name: string, messages: string[]): void {
    const box = field.querySelector<HTMLElement>(":scope > .field-error[data-live]");
    const value = snapshot(this.form)[name]?.join("") ?? "";
    const known = field.querySelector(":scope > .field-error:not([data-live])");
    if (known && messages.length === 0) {
      known.remove();
      field.classList.remove("has-error");
    }
    const speak = messages.length > 0 && !known && this.touched.has(name) && value !== "";
    field.classList.toggle("has-error", speak || !!(known && messages.length));
    if (!speak) return box?.remove();
    const line = box ?? element("p", { class: "field-error", "data-live": true, role: "status" });
    line.replaceChildren(icon("alert-circle", "icon icon-s"), element("span", {}, messages.join(" ")));
    if (!box) field.append(line);
  }

  private warn(suspects: NonNullable<State["suspects"]>): void {
    const box = this.form.querySelector<HTMLElement>("[data-suspects]");
    if (!box) return;
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
}

customElements.define("m-form", LiveForm);
