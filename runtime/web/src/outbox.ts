// `<m-waiting>`: the page of what waits on this device: what it is, how far it is, and what the person can do about it; both values
// of each field that two people changed; and, without network, the pages that are here.

import { base, element, icon, user } from "./page";
import { behind, type Disputed, type Item } from "./offline/item";
import { newId } from "./offline/ids";
import { resolved, type Choices } from "./offline/merge";
import { hurry, onChange, sendNow, store, told } from "./offline/outbox";
import { getPack, keptAddresses } from "./offline/pages";

class Waiting extends HTMLElement {
  private stop: (() => void) | undefined;
  private deciding = 0;

  connectedCallback(): void {
    this.stop = onChange(() => void this.paint());
    document.querySelector("[data-send-now]")?.addEventListener("click", () => void hurry());
    void this.paint();
  }

  disconnectedCallback(): void {
    this.stop?.();
  }

  private words(key: string): string {
    return this.dataset[key] ?? "";
  }

  private async paint(): Promise<void> {
    const items = await (await store()).items();
    // A choice that is being made is not drawn anew under the person's hands.
    if (this.deciding && items.some(({ seq, state }) => seq === this.deciding && state === "conflict") && this.querySelector("form")) return;
    const list = items.map((item) => this.draw(item, items));
    const nothing = element("p", { class: "empty empty-s" }, this.words("nothing"));
    const waiting = list.length ? element("ul", { class: "plain outbox-list" }, ...list) : nothing;
    const pages = await this.pages();
    // In place of a page that is not kept, that is said first.
    const instead = location.pathname !== `${base}/offline`;
    this.replaceChildren(...(instead ? [...pages, waiting] : [waiting, ...pages]));
  }

  private draw(item: Item, items: Item[]): HTMLElement {
    const state = behind(item, items) ? this.words("behind") : this.words(`state${capital(item.state)}`);
    const head = element(
      "div",
      { class: "outbox-head" },
      element("span", { class: `badge outbox-${item.state}` }, state),
      element("strong", { class: "grow clip" }, `${this.words(`kind${capital(item.kind)}`)} · ${item.title || item.shown[0]?.text || ""}`),
      element("time", { class: "faint small", datetime: new Date(item.at + item.offset).toISOString() }, this.time(item)),
    );
    // What is to be decided says it all.
    if (item.state === "conflict" && this.deciding === item.seq) return element("li", { class: "outbox-item" }, head, this.choices(item));
    const parts: Node[] = [head, this.typed(item)];
    if (item.files.length) parts.push(element("p", { class: "small muted" }, this.words("photos").replace("{count}", String(item.files.length))));
    if (item.state === "waiting" && item.attempts > 0) parts.push(element("p", { class: "small muted" }, this.words("failed")));
    if (item.refusal) parts.push(this.refusal(item));
    if (item.leftovers.length) parts.push(this.leftovers(item));
    parts.push(this.actions(item));
    return element("li", { class: "outbox-item" }, ...parts);
  }

  private time(item: Item): string {
    return new Date(item.at + item.offset).toLocaleString(document.documentElement.lang, { dateStyle: "short", timeStyle: "short" });
  }

  private typed(item: Item): HTMLElement {
    const rows = item.shown.flatMap(({ label, text }) => [element("dt", {}, label), element("dd", {}, text)]);
    return element("dl", { class: "outbox-typed" }, ...rows);
  }

  private refusal(item: Item): HTMLElement {
    const { message, issues, suspects } = item.refusal!;
    const lines = issues.map(({ label, text }) => element("li", {}, label ? this.words("named").replace("{name}", () => label).replace("{text}", () => text) : text));
    const alike = suspects.map(({ title, href }) => element("li", {}, href ? element("a", { href, target: "_blank" }, title) : title));
    return element("div", { class: "alert alert-error" }, icon("alert-circle"), element("div", {}, element("strong", {}, message), element("ul", {}, ...lines, ...alike)));
  }

  private leftovers(item: Item): HTMLElement {
    const rows = item.leftovers.flatMap(({ label, text }) => [element("dt", {}, label), element("dd", {}, text)]);
    return element("div", { class: "alert alert-warn" }, element("div", {}, element("strong", {}, this.words("leftovers")), element("dl", { class: "outbox-typed" }, ...rows)));
  }

  private actions(item: Item): HTMLElement {
    const button = (words: string, action: () => void, main = false) => element("button", { class: main ? "btn btn-primary btn-s" : "btn btn-s", type: "button", onclick: action }, words);
    const actions: Node[] = [];
    if (item.state === "done") actions.push(button(this.words("seen"), () => void this.drop(item), true));
    if (item.state === "conflict") actions.push(button(this.words("decide"), () => this.decide(item.seq), true));
    if (item.refusal?.code === "record.duplicate") actions.push(button(this.words("saveAnyway"), () => void this.again({ ...item, allowDuplicates: true }), true));
    const mend = item.state === "refused" && item.refusal?.code !== "record.duplicate";
    if (item.kind !== "comment" && (item.state === "refused" || item.state === "waiting"))
      actions.push(element("a", { class: mend ? "btn btn-primary btn-s" : "btn btn-s", href: formOf(item) }, this.words("open")));
    if (mend) actions.push(button(this.words("again"), () => void this.again(item)));
    if (item.state !== "done" && item.state !== "sending")
      actions.push(element("button", { class: "btn btn-quiet btn-s", type: "button", onclick: () => window.confirm(this.words("dropSure")) && void this.drop(item) }, this.words("drop")));
    return element("div", { class: "outbox-actions" }, ...actions);
  }

  private decide(seq: number): void {
    this.deciding = seq;
    this.replaceChildren();
    void this.paint().then(() => this.querySelector<HTMLElement>("form input")?.focus());
  }

  /** Field by field: what both began with, one's own value, the other's. */
  private choices(item: Item): HTMLElement {
    const choice = (field: Disputed, side: "mine" | "theirs") =>
      element(
        "td",
        { "data-label": this.words(side) },
        element("label", { class: "conflict-choice" }, radio(field.name, side, `${field.label}, ${this.words(side)}: ${field[side] || "—"}`), element("span", { class: "long-text" }, field[side] || "—")),
      );
    const row = (field: Disputed) =>
      element(
        "tr",
        {},
        element("th", { scope: "row" }, field.label),
        element("td", { "data-label": this.words("base") }, field.base || "—"),
        choice(field, "theirs"),
        choice(field, "mine"),
      );
    const titles = ["field", "base", "theirs", "mine"].map((key) => element("th", { scope: "col" }, this.words(key)));
    const form = element(
      "form",
      { class: "outbox-choices", method: "dialog" },
      element("div", { class: "table-card" }, element("table", { class: "plain-table conflict-table" }, element("thead", {}, element("tr", {}, ...titles)), element("tbody", {}, ...item.conflict!.map(row)))),
      element(
        "div",
        { class: "outbox-actions" },
        element("button", { class: "btn btn-primary", type: "submit" }, this.words("keepChoice")),
        element("button", { class: "btn btn-quiet", type: "button", onclick: () => this.decide(0) }, this.words("back")),
      ),
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const data = new FormData(form);
      const choices: Choices = {};
      for (const field of item.conflict!) choices[field.name] = data.get(field.name) === "theirs" ? "theirs" : "mine";
      this.deciding = 0;
      void this.put(resolved(item, choices, newId(Date.now() + item.offset)));
    });
    return form;
  }

  private again(item: Item): Promise<void> {
    return this.put({ ...item, state: "waiting", refusal: undefined, attempts: 0, notBefore: 0 });
  }

  private async put(item: Item): Promise<void> {
    await (await store()).replace(item);
    told();
    await sendNow();
  }

  private async drop(item: Item): Promise<void> {
    await (await store()).drop(item.seq);
    told();
  }

  /** Without network: the pages that are kept. Shown in place of a page that is not, it says so. */
  private async pages(): Promise<Node[]> {
    const away = document.documentElement.dataset.asOf !== undefined;
    if (!away) return [];
    const pack = await getPack(base, user);
    const here = location.pathname === `${base}/offline`;
    const known = await keptAddresses(base, user);
    const links = (pack?.pages ?? []).filter(({ href }) => known.has(new URL(href, location.href).href));
    const of = (...kinds: string[]) => links.filter(({ kind }) => kinds.includes(kind));
    const list = (pages: typeof links) =>
      element("ul", { class: "plain outbox-pages" }, ...pages.map(({ href, title }) => element("li", {}, element("a", { href }, element("span", { class: "grow clip" }, title), icon("chevron-right", "icon icon-s")))));
    const records = of("record");
    const parts: Node[] = [here ? element("h2", {}, this.words("kept")) : element("p", { class: "alert alert-warn", role: "status" }, icon("alert-circle"), element("span", {}, this.words("notKept")))];
    if (of("home", "list", "new").length) parts.push(list(of("home", "list", "new")));
    // Many: folded up, until they are wanted.
    if (records.length) parts.push(element("details", { class: "outbox-records" }, element("summary", {}, this.words("keptRecords").replace("{count}", String(records.length))), list(records)));
    return [element("section", { class: "outbox-kept" }, ...parts)];
  }
}

const capital = (word: string) => word.charAt(0).toUpperCase() + word.slice(1);

function radio(name: string, value: "mine" | "theirs", label: string): HTMLElement {
  return element("input", { class: "form-check-input", type: "radio", name, value, checked: value === "mine", "aria-label": label });
}

function formOf(item: Item): string {
  const path = `${base}/a/${item.entity.replace(".", "/")}`;
  const form = item.form ? `&_form=${encodeURIComponent(item.form)}` : "";
  if (item.kind === "create") return `${path}/new?_outbox=${item.seq}${form}`;
  if (item.kind === "transition") return `${path}/${item.id}/transitions/${item.transition}?_outbox=${item.seq}`;
  return `${path}/${item.id}/edit?_outbox=${item.seq}${form}`;
}

customElements.define("m-waiting", Waiting);
