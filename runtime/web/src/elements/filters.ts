// `<m-filter>`: rows of field, comparison and value, and groups of them. The server writes the expression, checks it and says it
// as a sentence; an expression that cannot be shown as rows stays text and is not touched.

import { debounce, element, freshId, icon } from "../page";

interface Field {
  name: string;
  label: string;
  kind: "text" | "number" | "date" | "bool" | "choice" | "choices" | "pick" | "tree";
  ops: string[];
  options: [string, string][];
  source: string;
}

interface Row {
  field: string;
  op: string;
  value: string;
  title: string;
}

interface Group {
  join: "and" | "or";
  items: (Row | Group)[];
}

/** Comparisons that need no value. */
const BARE = ["empty", "filled", "yes", "no", "mine"];
/** Comparisons whose value is a number of days. */
const DAYS = ["last", "within"];

class Filter extends HTMLElement {
  private fields: Field[] = [];
  private texts: Record<string, string> = {};
  private top: Group | undefined;
  private asked = 0;
  private readonly tell = debounce(250, () => void this.ask());

  connectedCallback(): void {
    this.fields = JSON.parse(this.dataset.fields ?? "[]") as Field[];
    this.texts = JSON.parse(this.dataset.texts ?? "{}") as Record<string, string>;
    if (!this.dataset.rows || this.fields.length === 0) return;
    this.top = JSON.parse(this.dataset.rows) as Group;
    const place = this.querySelector<HTMLElement>("[data-builder-rows]")!;
    place.hidden = false;
    this.draw();
    // The address has the expression, not the widgets that it was chosen with.
    this.closest("form")?.addEventListener("formdata", ({ formData }) => {
      for (const name of [...formData.keys()]) if (name.startsWith("_builder/")) formData.delete(name);
    });
    // Who writes the expression by hand has the rows no more.
    this.expression.addEventListener("input", () => {
      this.top = undefined;
      place.replaceChildren();
      this.querySelector("[data-sentence]")!.textContent = "";
      this.problem("");
      this.querySelector<HTMLElement>("[data-as-text]")!.hidden = false;
    });
  }

  private get expression(): HTMLTextAreaElement {
    return this.querySelector("textarea")!;
  }

  private word(key: string): string {
    return this.texts[key] ?? key;
  }

  private opWord(field: Field, op: string): string {
    return (field.kind === "date" ? this.texts[`op_date_${op}`] : undefined) ?? this.word(`op_${op}`);
  }

  private problem(words: string): void {
    const place = this.querySelector<HTMLElement>("[data-problem]")!;
    place.textContent = words;
    place.hidden = !words;
  }

  private draw(focus?: string): void {
    if (!this.top) return;
    const place = this.querySelector<HTMLElement>("[data-builder-rows]")!;
    place.replaceChildren(this.group(this.top, 0));
    if (focus) this.querySelector<HTMLElement>(focus)?.focus();
  }

  private group(group: Group, depth: number): HTMLElement {
    const join = element("select", { class: "form-select builder-join", "aria-label": this.word("join"), onchange: () => {
      group.join = join.value as Group["join"];
      this.tell();
    } });
    for (const value of ["and", "or"]) join.append(element("option", { value, selected: group.join === value }, this.word(`join_${value}`)));
    const rows = group.items.map((item) => ("items" in item ? this.inner(group, item, depth) : this.row(group, item)));
    const add = element("button", { class: "btn btn-quiet btn-s", type: "button", "data-add": true, onclick: () => {
      group.items.push(this.blank());
      this.draw();
      [...this.querySelectorAll<HTMLElement>(".builder-field")].at(-1)?.focus();
    } }, this.word("add"));
    const nest = element("button", { class: "btn btn-quiet btn-s", type: "button", onclick: () => {
      group.items.push({ join: group.join === "and" ? "or" : "and", items: [this.blank()] });
      this.draw();
    } }, this.word("add_group"));
    const box = element("div", { class: "builder-group", role: "group", "aria-label": this.word(depth ? "group" : "rows") });
    if (group.items.length > 1) box.append(join);
    box.append(...rows, element("div", { class: "row-flex" }, add, ...(depth === 0 && group.items.length > 0 ? [nest] : [])));
    return box;
  }

  private inner(parent: Group, group: Group, depth: number): HTMLElement {
    const box = this.group(group, depth + 1);
    const away = element("button", { class: "btn btn-quiet btn-s", type: "button", onclick: () => this.take(parent, group) }, this.word("remove_group"));
    box.lastElementChild!.append(away);
    return box;
  }

  private away(parent: Group, item: Row | Group, label: string): HTMLElement {
    return element("button", { class: "btn btn-quiet btn-icon btn-s builder-away", type: "button", "aria-label": label, title: label, onclick: () => this.take(parent, item) }, icon("x", "icon icon-s"));
  }

  /** Takes a row or a group away. */
  private take(parent: Group, item: Row | Group): void {
    parent.items.splice(parent.items.indexOf(item), 1);
    this.draw("[data-add]");
    this.tell();
  }

  private blank(): Row {
    const field = this.fields[0]!;
    return { field: field.name, op: field.ops[0]!, value: "", title: "" };
  }

  private row(group: Group, row: Row): HTMLElement {
    const field = this.fields.find(({ name }) => name === row.field) ?? this.fields[0]!;
    const name = element("select", { class: "form-select builder-field", "aria-label": this.word("field"), onchange: () => {
      const chosen = this.fields.find((other) => other.name === name.value)!;
      Object.assign(row, { field: chosen.name, op: chosen.ops[0]!, value: "", title: "" });
      box.replaceWith(this.row(group, row));
      this.tell();
    } });
    for (const other of this.fields) name.append(element("option", { value: other.name, selected: other === field }, other.label));
    const op = element("select", { class: "form-select builder-op", "aria-label": this.word("op"), onchange: () => {
      const kept = BARE.includes(op.value) || DAYS.includes(op.value) !== DAYS.includes(row.op) ? "" : row.value;
      Object.assign(row, { op: op.value, value: kept });
      box.replaceWith(this.row(group, row));
      this.tell();
    } });
    for (const value of field.ops) op.append(element("option", { value, selected: value === row.op }, this.opWord(field, value)));
    const box = element("div", { class: "builder-row", role: "group", "aria-label": field.label }, name, op);
    if (!BARE.includes(row.op)) box.append(this.value(field, row));
    box.append(this.away(group, row, this.word("remove")));
    return box;
  }

  private value(field: Field, row: Row): HTMLElement {
    const label = `${field.label} ${this.word("value")}`;
    const set = (value: string, title = "") => {
      Object.assign(row, { value, title });
      this.tell();
    };
    if (row.op === "any") {
      const chosen = new Set(row.value.split("\n").filter(Boolean));
      const list = element("div", { class: "check-list builder-value", role: "group", "aria-label": label });
      for (const [value, words] of field.options) {
        const box = element("input", { class: "form-check-input", type: "checkbox", checked: chosen.has(value), onchange: () => {
          if (box.checked) chosen.add(value);
          else chosen.delete(value);
          set([...chosen].join("\n"));
        } });
        list.append(element("label", {}, box, words));
      }
      return list;
    }
    if (field.options.length > 0) {
      const select = element("select", { class: "form-select builder-value", "aria-label": label, onchange: () => set(select.value) });
      for (const [value, words] of [["", "—"] as const, ...field.options]) select.append(element("option", { value, selected: value === row.value }, words));
      return select;
    }
    if (field.source && !DAYS.includes(row.op)) return this.picker(field, row, label, set);
    const type = DAYS.includes(row.op) || field.kind === "number" ? "number" : field.kind === "date" ? "date" : "text";
    const input = element("input", { class: "form-control builder-value", type, value: row.value, step: "any", "aria-label": label, oninput: () => set(input.value) });
    return input;
  }

  /** The widget with which forms choose a record, a person or a node of a tree. */
  private picker(field: Field, row: Row, label: string, set: (value: string, title: string) => void): HTMLElement {
    const id = freshId("builder");
    const value = element("input", { type: "hidden", name: `_builder/${id}`, value: row.value });
    const title = element("input", { type: "hidden", name: `_title/_builder/${id}`, value: row.title });
    const input = element("input", { class: "form-control", id, role: "combobox", "aria-expanded": "false", "aria-autocomplete": "list", autocomplete: "off", "aria-label": label, value: row.title });
    const clear = element("button", { class: "pick-clear", type: "button", tabindex: "-1", "aria-label": this.word("clear") }, "×");
    const open = element("span", { class: "pick-open", "aria-hidden": "true" });
    const box = element("div", { class: `pick-box${row.value ? " has-value" : ""}` }, input, clear, open);
    const pick = document.createElement(field.kind === "tree" ? "m-tree" : "m-pick");
    pick.dataset.src = field.source;
    pick.classList.add("builder-value");
    pick.append(value, title, box);
    pick.addEventListener("change", () => set(value.value, title.value || input.value));
    return pick;
  }

  /** The rows that have their values: one that is only begun is no condition yet. */
  private finished(group: Group): Group {
    const inner = group.items.map((item) => ("items" in item ? this.finished(item) : item));
    const done = (item: Row | Group) => ("items" in item ? item.items.length > 0 : BARE.includes(item.op) || item.value.trim() !== "");
    return { join: group.join, items: inner.filter(done) };
  }

  /** Tells the server the rows: the expression, its words, or what is missing. */
  private async ask(): Promise<void> {
    if (!this.top) return;
    const asked = ++this.asked;
    const response = await fetch(this.dataset.words!, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(this.finished(this.top)),
    }).catch(() => null);
    if (!response?.ok || asked !== this.asked || !this.top) return;
    const { expression, sentence, problem } = (await response.json()) as { expression: string | null; sentence: string; problem: string | null };
    this.problem(problem ?? "");
    this.querySelector("[data-sentence]")!.textContent = sentence;
    if (expression !== null) this.expression.value = expression;
  }
}

customElements.define("m-filter", Filter);
