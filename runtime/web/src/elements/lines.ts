// `<m-lines>`: child rows as a grid that is filled in like a spreadsheet: arrows and Enter move, a row that is begun makes the next
// one, a block from a spreadsheet is pasted cell by cell, what is removed comes back. Rows come from a template whose names
// carry `__row__`; the last one, which nobody has begun, has no names yet, so that it is not sent.

import { element, text } from "../page";
import type { Snapshot } from "../drafts";
import { block, fill } from "./cells";

/** The server takes so many. */
const ROWS_MAX = 500;

type Control = HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement;
const CONTROL = "input:not([type=hidden]), select, textarea";

class Lines extends HTMLElement {
  private next = 0;

  connectedCallback(): void {
    this.next = this.rows().length;
    this.addEventListener("click", (event) => {
      const target = event.target as Element;
      if (target.closest("[data-add]")) this.begin();
      const row = target.closest("[data-remove]")?.closest<HTMLElement>("tr");
      if (row) this.remove_(row);
    });
    this.addEventListener("keydown", (event) => this.key(event));
    this.addEventListener("paste", (event) => void this.paste(event));
    for (const type of ["input", "change"]) this.addEventListener(type, (event) => this.typed(event));
    this.closest("form")?.addEventListener("m-before-restore", (event) => this.makeRoom((event as CustomEvent<Snapshot>).detail));
    this.closest("form")?.addEventListener("m-restore", () => this.paint());
    this.offer();
    this.paint();
  }

  private get body(): HTMLElement {
    return this.querySelector("tbody")!;
  }

  private rows(): HTMLElement[] {
    return [...this.querySelectorAll<HTMLElement>("tbody > tr")];
  }

  /** Rows that are there: neither removed nor only offered. */
  private present(): HTMLElement[] {
    return this.rows().filter((row) => !row.classList.contains("row-removed") && !this.isOffered(row));
  }

  private isOffered(row: Element): boolean {
    return row.classList.contains("row-offered");
  }

  private get offered(): HTMLElement | null {
    return this.querySelector<HTMLElement>("tbody > tr.row-offered");
  }

  /** Offers an empty row below the others. */
  private offer(): void {
    const template = this.querySelector("template");
    if (!template || this.offered || this.rows().length >= ROWS_MAX) return;
    const holder = document.createElement("tbody");
    holder.innerHTML = template.innerHTML.replaceAll("__row__", String(this.next++));
    const row = holder.firstElementChild as HTMLElement;
    row.classList.add("row-offered");
    for (const control of row.querySelectorAll<HTMLInputElement>("[name]")) {
      control.dataset.held = control.name;
      control.removeAttribute("name");
    }
    this.body.append(row);
  }

  /** Somebody begins the row that was offered: from now on it is one, and the next is offered. */
  private accept(row: HTMLElement): void {
    row.classList.remove("row-offered");
    for (const control of row.querySelectorAll<HTMLInputElement>("[data-held]")) {
      control.name = control.dataset.held!;
      delete control.dataset.held;
    }
    this.offer();
  }

  private begin(): void {
    const row = this.offered;
    if (!row) return;
    this.accept(row);
    row.querySelector<HTMLElement>(CONTROL)?.focus();
    this.tellForm();
  }

  private typed(event: Event): void {
    const row = (event.target as Element).closest<HTMLElement>("tr");
    if (row && this.isOffered(row)) this.accept(row);
    this.paint();
  }

  private key(event: KeyboardEvent): void {
    const at = event.target as Element;
    const row = at.closest<HTMLElement>("tbody > tr");
    if (!row || event.defaultPrevented || event.isComposing || event.altKey) return;
    const control = event.ctrlKey || event.metaKey;
    if (control && event.key === "Delete" && !this.isOffered(row)) {
      event.preventDefault();
      return this.remove_(row);
    }
    if (control || !at.matches(CONTROL)) return;
    const way = this.way(event, at as Control);
    if (!way) return;
    event.preventDefault();
    this.go(row, at as Control, way);
  }

  /** How far a key goes, in rows and cells; keys that mean something inside of the cell go nowhere. */
  private way({ key, shiftKey }: KeyboardEvent, at: Control): [number, number] | undefined {
    const line = at instanceof HTMLInputElement;
    if (key === "Enter" && line) return [shiftKey ? -1 : 1, 0];
    if (shiftKey) return undefined;
    // Selects, days and boxes of text use these keys themselves.
    const plain = line && ["text", "tel", "email", "url", "checkbox"].includes(at.type);
    if (!plain) return undefined;
    const caret = at.type === "checkbox" ? 0 : at.selectionStart;
    const alone = at.type === "checkbox" || at.selectionStart === at.selectionEnd || at.selectionEnd! - at.selectionStart! === at.value.length;
    const begin = at.type === "checkbox" || (alone && caret === 0);
    const end = at.type === "checkbox" || (alone && at.selectionEnd === at.value.length);
    if (key === "ArrowDown") return [1, 0];
    if (key === "ArrowUp") return [-1, 0];
    if (key === "ArrowRight" && end) return [0, 1];
    if (key === "ArrowLeft" && begin) return [0, -1];
    return undefined;
  }

  private go(row: HTMLElement, at: Element, [down, right]: [number, number]): void {
    const column = [...row.children].indexOf(at.closest("td")!);
    const shown = () => this.rows().filter((other) => !other.classList.contains("row-removed") && other.offsetParent !== null);
    // On a phone the next row is not shown before somebody goes there.
    if (down > 0 && shown().at(-1) === row && this.offered && this.offered !== row) this.accept(this.offered);
    const rows = shown();
    const target = down === 0 ? row : rows[rows.indexOf(row) + down];
    let cell = target?.children[column + right];
    while (right !== 0 && cell && !cell.querySelector(CONTROL)) cell = right > 0 ? (cell.nextElementSibling ?? undefined) : (cell.previousElementSibling ?? undefined);
    const control = cell?.querySelector<HTMLElement>(CONTROL);
    control?.focus();
    if (control instanceof HTMLInputElement && control.type !== "checkbox") control.select();
  }

  /** A block of cells goes into the cells from this one on, to the right and down; a single text goes where it always goes. */
  private async paste(event: ClipboardEvent): Promise<void> {
    const from = (event.target as Element).closest<HTMLElement>("tbody > tr > td");
    const rows = block(event.clipboardData?.getData("text/plain") ?? "");
    if (!from || !rows || this.querySelector("template") === null) return;
    event.preventDefault();
    const first = from.closest("tr")!;
    const column = [...first.children].indexOf(from);
    let row: HTMLElement | null = first;
    let [taken, left] = [0, 0];
    const waits: Promise<boolean>[] = [];
    for (const texts of rows) {
      if (!row) break;
      if (this.isOffered(row)) this.accept(row);
      taken++;
      texts.forEach((words, index) => {
        const cell = row!.children[column + index];
        if (cell?.querySelector(CONTROL)) waits.push(fill(cell as HTMLElement, words));
        else if (words.trim() !== "") left++;
      });
      row = this.below(row);
    }
    this.tellForm();
    left += (await Promise.all(waits)).filter((fits) => !fits).length;
    this.tell(text(left || taken < rows.length ? "rows_pasted_partly" : "rows_pasted", { count: taken, left: left + (rows.length - taken) }));
    this.tellForm();
  }

  private below(row: HTMLElement): HTMLElement | null {
    let next = row.nextElementSibling;
    while (next?.classList.contains("row-removed")) next = next.nextElementSibling;
    return next as HTMLElement | null;
  }

  private remove_(row: HTMLElement): void {
    const gone = row.querySelector<HTMLInputElement>("input[data-remove-flag]");
    const [before, near] = [row.nextSibling, this.below(row) ?? row.previousElementSibling];
    const hadFocus = row.contains(document.activeElement);
    if (gone) {
      gone.value = "1";
      row.classList.add("row-removed");
    } else row.remove();
    if (hadFocus) near?.querySelector<HTMLElement>(CONTROL)?.focus();
    const undo = element("button", { type: "button", class: "link-button" }, text("undo"));
    undo.addEventListener("click", () => {
      if (gone) {
        gone.value = "";
        row.classList.remove("row-removed");
      } else this.body.insertBefore(row, before?.parentNode === this.body ? before : this.offered);
      this.querySelector(".lines-foot .small")?.remove();
      row.querySelector<HTMLElement>(CONTROL)?.focus();
      this.tellForm();
    });
    this.tell(text("row_removed"), " ", undo);
    this.tellForm();
  }

  /** One word below the rows; the next takes its place. */
  private tell(...words: (Node | string)[]): void {
    this.querySelector(".lines-foot .small")?.remove();
    this.querySelector(".lines-foot")?.append(element("span", { class: "small muted", role: "status" }, ...words));
  }

  /** A draft may hold more rows than the page. */
  private makeRoom(values: Snapshot): void {
    const prefix = `${this.dataset.name}/`;
    const numbers = Object.keys(values).filter((name) => name.startsWith(prefix)).map((name) => Number(name.slice(prefix.length).split("/")[0]));
    const last = Math.max(-1, ...numbers.filter((number) => Number.isInteger(number) && number < 2 * ROWS_MAX));
    // The row that is offered has the last number.
    while (this.next <= last + 1 && this.offered) this.accept(this.offered);
    this.paint();
  }

  /** What was typed into each row, by column. */
  texts(): Record<string, string[]>[] {
    return this.present().map((row) => {
      const texts: Record<string, string[]> = {};
      for (const control of row.querySelectorAll<HTMLInputElement>("[name]")) {
        const column = control.name.split("/").at(-1)!;
        if (control.type === "checkbox" && !control.checked) continue;
        const name = control.name.startsWith("_title/") ? `_title/${column}` : column;
        (texts[name] ??= []).push(control.value);
      }
      return texts;
    });
  }

  /** Shows what rows calculate, in their order; what is not known stays as it was. */
  calculated(rows: Record<string, string>[]): void {
    this.present().forEach((row, index) => {
      for (const shown of row.querySelectorAll<HTMLElement>("[data-computed]")) {
        const words = rows[index]?.[shown.parentElement!.id.split("-").at(-1)!];
        if (words !== undefined) shown.textContent = words || "—";
      }
    });
    this.paint();
  }

  private tellForm(): void {
    this.paint();
    this.dispatchEvent(new Event("change", { bubbles: true }));
  }

  private paint(): void {
    const present = this.present();
    this.classList.toggle("has-no-rows", present.length === 0);
    for (const total of this.querySelectorAll<HTMLElement>("tfoot [data-total]")) {
      const column = [...total.parentElement!.children].indexOf(total);
      const numbers = present.map((row) => {
        const cell = row.children[column];
        const typed = cell?.querySelector<HTMLInputElement>(CONTROL)?.value ?? cell?.querySelector("[data-computed]")?.textContent;
        return numberIn((typed ?? "").replace("—", ""));
      });
      const digits = Number(total.dataset.total);
      const sum = numbers.reduce<number>((sum, number) => sum + (number ?? 0), 0);
      // What cannot be read here is read by the server; a sum without it would be wrong.
      const words = numbers.includes(undefined) ? "…" : sum.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
      const shown = total.querySelector("output")!;
      if (shown.textContent !== words) shown.textContent = words;
    }
  }
}

/** A number as most people write it; nothing is 0, anything else is not known. */
function numberIn(typed: string): number | undefined {
  const plain = typed.trim().replace(/(?<=\d),(?=\d{3}(\D|$))/g, "");
  if (plain === "") return 0;
  return /^-?\d+(\.\d+)?$/.test(plain) ? Number(plain) : undefined;
}

customElements.define("m-lines", Lines);
