// Changing a cell where it stands, with the field's own widget: Enter or F2 begins, typing replaces; Enter saves and goes down,
// Tab saves and goes on to the next cell that can be changed, Escape leaves everything as it was.

import { toast } from "../toasts";
import { text } from "../page";
import { say } from "./rows";
import { beside, cellsOf, focus } from "./table-grid";
import { part, type Table } from "./table";

/** Where to go after a save. */
type Way = "stay" | "down" | "next" | "back";

const FIRST = "input:not([type=hidden]):not([disabled]), select, textarea";

export class Editing {
  private cell: HTMLTableCellElement | undefined;
  private form: HTMLFormElement | undefined;
  private before = "";
  private busy = false;
  /** What is typed before the widget is there. */
  private ahead = "";

  constructor(private readonly table: Table) {
    table.addEventListener("dblclick", (event) => {
      const cell = this.editable(event.target);
      if (!cell) return;
      event.preventDefault();
      void this.open(cell);
    });
    // The second click on a cell begins, as does a tap on one that the first tap has chosen.
    table.addEventListener("click", (event) => {
      const cell = this.editable(event.target);
      if (cell && cell === document.activeElement && cell.dataset.stood) void this.open(cell);
    });
    table.addEventListener("focusin", (event) => {
      const cell = event.target as HTMLElement;
      if (cell.matches("td.is-editable")) window.setTimeout(() => (cell.dataset.stood = "1"), 250);
    });
    table.addEventListener("focusout", (event) => delete (event.target as HTMLElement).dataset.stood);
    table.addEventListener("keydown", (event) => this.pressed(event));
  }

  private editable(target: EventTarget | null): HTMLTableCellElement | null {
    const on = target as Element;
    if (on.closest("a, button, input, label, .cell-form")) return null;
    // On a phone records are cards, and are changed on their own page.
    return matchMedia("(min-width: 768px)").matches ? on.closest<HTMLTableCellElement>(".is-editable") : null;
  }

  private pressed(event: KeyboardEvent): void {
    if (event.defaultPrevented || event.isComposing) return;
    if (this.form?.contains(event.target as Node)) return this.within(event);
    const cell = event.target as HTMLTableCellElement;
    if (!cell.matches?.(".is-editable") || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Enter" || event.key === "F2") {
      event.preventDefault();
      void this.open(cell);
    } else if (event.key.length === 1 && event.key !== " ") {
      event.preventDefault();
      event.stopPropagation();
      this.ahead += event.key;
      if (!this.busy) void this.open(cell, true);
    }
  }

  private within(event: KeyboardEvent): void {
    const target = event.target as HTMLElement;
    const open = target.getAttribute("aria-expanded") === "true";
    if (event.key === "Escape" && !open) {
      event.preventDefault();
      event.stopPropagation();
      this.close(true);
    } else if (event.key === "Enter" && !open && target.tagName !== "BUTTON" && (target.tagName !== "TEXTAREA" || event.ctrlKey)) {
      event.preventDefault();
      event.stopPropagation();
      void this.save("down");
    } else if (event.key === "Tab") {
      event.preventDefault();
      void this.save(event.shiftKey ? "back" : "next");
    }
  }

  /** Shows the widget of a cell; what was typed meanwhile replaces what is there. */
  private async open(cell: HTMLTableCellElement, typing = false): Promise<void> {
    if (!typing) this.ahead = "";
    if (this.form) await this.save("stay");
    if (this.form || this.busy) return;
    this.busy = true;
    try {
      const response = await part(this.address(cell));
      if (!response.ok) return toast(this.table.text(response.status === 403 ? "closed" : "failed"), "error");
      this.put(cell, await response.text());
      const input = this.form!.querySelector<HTMLInputElement>(FIRST);
      if (typing && input?.matches("input:not([type=radio]):not([type=checkbox]):not([type^=date]), textarea")) {
        input.value = this.ahead;
        input.dispatchEvent(new InputEvent("input", { bubbles: true }));
      } else if (input instanceof HTMLInputElement && /^(text|number|tel|email|url|)$/.test(input.type)) input.select();
    } catch {
      toast(text("unreachable"), "error");
    } finally {
      [this.busy, this.ahead] = [false, ""];
    }
  }

  private put(cell: HTMLTableCellElement, html: string): void {
    const template = document.createElement("template");
    template.innerHTML = html;
    const form = template.content.querySelector("form")!;
    this.form?.remove();
    cell.classList.add("is-editing");
    // Saved by hand: the page must not be left.
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      event.stopPropagation();
      void this.save("stay");
    });
    form.addEventListener("focusout", (event) => {
      const to = (event as FocusEvent).relatedTarget as Node | null;
      // The window lost the focus, not the cell.
      if (!document.hasFocus() || form.contains(to) || this.busy || this.form !== form) return;
      window.setTimeout(() => {
        if (this.form === form && !form.contains(document.activeElement)) void this.save("stay", true);
      }, 120);
    });
    form.querySelector("[data-leave]")?.addEventListener("click", () => {
      const row = cell.closest("tr")!;
      this.close(true);
      this.table.reload(row);
    });
    cell.append(form);
    [this.cell, this.form] = [cell, form];
    this.before = this.written();
    (form.querySelector<HTMLElement>("input:checked") ?? form.querySelector<HTMLElement>(FIRST))?.focus();
  }

  private written(): string {
    return new URLSearchParams(new FormData(this.form!) as unknown as Record<string, string>).toString();
  }

  private address(cell: HTMLTableCellElement): string {
    return `${this.table.dataset.url}/${cell.closest("tr")!.dataset.id}/cell/${cell.dataset.col}`;
  }

  private close(back: boolean): void {
    const cell = this.cell;
    const form = this.form;
    [this.cell, this.form] = [undefined, undefined];
    form?.remove();
    cell?.classList.remove("is-editing");
    if (back) focus(cell);
  }

  private async save(way: Way, left = false): Promise<void> {
    const { form, cell } = this;
    if (!form || !cell || this.busy) return;
    const note = form.querySelector(".cell-note");
    if (this.written() === this.before && !note) {
      this.close(!left && way === "stay");
      return this.go(cell.closest("tr")!, cell.dataset.col!, way);
    }
    this.busy = true;
    form.classList.add("is-busy");
    let row: string;
    try {
      const body = new URLSearchParams(new FormData(form) as unknown as Record<string, string>);
      body.set("_list", this.table.dataset.list ?? "");
      const response = await part(this.address(cell), { method: "POST", body });
      row = await response.text();
      if (response.status === 422 || response.status === 409) return this.put(cell, row);
      if (!response.ok) return toast(this.table.text("failed"), "error");
    } catch {
      return toast(text("unreachable"), "error");
    } finally {
      this.busy = false;
      form.classList.remove("is-busy");
    }
    // Not before all of this is over: the next cell may be opened by it.
    this.saved(cell, row, way, left);
  }

  private saved(cell: HTMLTableCellElement, html: string, way: Way, left: boolean): void {
    const row = cell.closest("tr")!;
    const column = cell.dataset.col!;
    this.close(false);
    this.table.changed();
    const fresh = this.table.body(html).rows[0];
    say(this.table.text("saved"));
    if (!fresh) {
      row.classList.add("is-gone");
      toast(this.table.text("gone"), "good");
      return this.go(row, column, way);
    }
    fresh.ariaRowIndex = row.ariaRowIndex;
    row.replaceWith(fresh);
    this.table.dressed(fresh.parentElement!);
    if (way === "stay" && !left) focus(fresh.querySelector<HTMLTableCellElement>(`[data-col="${CSS.escape(column)}"]`));
    this.go(fresh, column, way);
  }

  /** Goes on after a save. */
  private go(row: HTMLTableRowElement, column: string, way: Way): void {
    const cells = cellsOf(row);
    const at = cells.findIndex((cell) => cell.dataset.col === column);
    if (way === "down") return focus(beside(row, true, at) ?? cells[at]);
    if (way !== "next" && way !== "back") return;
    const ahead = way === "next";
    const inRow = (line: HTMLTableRowElement) => cellsOf(line).filter((cell) => cell.matches(".is-editable"));
    const here = ahead ? cells.slice(at + 1) : cells.slice(0, at).reverse();
    let found = here.find((cell) => cell.matches(".is-editable"));
    for (let line: HTMLTableRowElement | undefined = row; !found && line; ) {
      line = beside(line, ahead, 0)?.closest("tr") ?? undefined;
      if (line) found = ahead ? inRow(line)[0] : inRow(line).at(-1);
    }
    if (found) void this.open(found);
    else focus(cells[at]);
  }
}
