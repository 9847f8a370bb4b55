// Width and order of columns: by dragging the edge or the heading (a finger holds it first), or by keys: on the edge, arrows
// change the width; on a heading, Ctrl+Shift+arrows move the column. Kept for the person on the server.

import { base, debounce, fetchJson } from "../page";
import { toast } from "../toasts";
import { say } from "./rows";
import type { Table } from "./table";

/** Narrowest and widest column, in pixels. */
const [NARROW, WIDE] = [60, 900];
/** Change of width by one key, in pixels. */
const STEP = 16;
/** A heading is dragged once the pointer has moved so far, in pixels. */
const MOVED = 8;
/** A finger holds a heading so long before it moves, in milliseconds. */
const HOLD = 350;

interface Liking {
  order?: string[];
  width?: Record<string, number>;
  hidden?: string[];
}

/** Columns in the order in which they are shown; hidden ones keep their place behind the one before them. */
function woven(shown: string[], all: string[]): string[] {
  const order = [...shown];
  all.forEach((key, index) => {
    if (!shown.includes(key)) order.splice(index === 0 ? 0 : order.indexOf(all[index - 1]!) + 1, 0, key);
  });
  return order;
}

export class Columns {
  private liking: Promise<Liking> | undefined;
  private readonly keep = debounce(500, () => void this.save());
  private suppress = false;

  constructor(private readonly table: Table) {
    for (const grip of this.head.querySelectorAll<HTMLElement>(".col-grip")) {
      grip.hidden = false;
      grip.tabIndex = 0;
      grip.addEventListener("pointerdown", (event) => this.widen(event, grip));
      grip.addEventListener("keydown", (event) => this.widenByKey(event, grip));
      grip.addEventListener("dblclick", () => this.fit(grip));
    }
    for (const heading of this.headings()) {
      heading.addEventListener("pointerdown", (event) => this.grab(event, heading));
      heading.addEventListener("keydown", (event) => this.moveByKey(event, heading));
      // A drag is no click: the list is not put in another order by it.
      heading.addEventListener("click", (event) => {
        if (!this.suppress) return;
        event.preventDefault();
        event.stopPropagation();
      }, true);
      heading.querySelector("a")?.setAttribute("draggable", "false");
    }
  }

  private get head(): HTMLTableRowElement {
    return this.table.table.tHead!.rows[0]!;
  }

  private headings(): HTMLTableCellElement[] {
    return [...this.head.cells].filter((cell) => cell.dataset.col);
  }

  private col(key: string): HTMLElement {
    return this.table.table.querySelector<HTMLElement>(`col[data-col="${CSS.escape(key)}"]`)!;
  }

  private width(key: string): number {
    return this.headings().find((cell) => cell.dataset.col === key)!.offsetWidth;
  }

  /** From now on every column is as wide as it says: nothing is stretched. */
  private fix(): void {
    if (this.table.table.classList.contains("is-sized")) return;
    const widths = this.headings().map((cell) => [cell.dataset.col!, cell.offsetWidth] as const);
    for (const [key, width] of widths) this.col(key).setAttribute("width", String(width));
    this.table.table.classList.add("is-sized");
  }

  private set(grip: HTMLElement, width: number): void {
    const key = grip.closest("th")!.dataset.col!;
    const fitting = Math.round(Math.min(WIDE, Math.max(NARROW, width)));
    this.col(key).setAttribute("width", String(fitting));
    grip.ariaValueNow = String(fitting);
    this.keep();
  }

  private widen(event: PointerEvent, grip: HTMLElement): void {
    if (event.button !== 0) return;
    event.preventDefault();
    event.stopPropagation();
    this.fix();
    const [from, width] = [event.clientX, this.width(grip.closest("th")!.dataset.col!)];
    grip.setPointerCapture(event.pointerId);
    grip.classList.add("is-dragged");
    const move = (moved: PointerEvent) => this.set(grip, width + moved.clientX - from);
    const end = () => {
      grip.removeEventListener("pointermove", move);
      grip.classList.remove("is-dragged");
      this.afterClick();
    };
    grip.addEventListener("pointermove", move);
    grip.addEventListener("pointerup", end, { once: true });
    grip.addEventListener("pointercancel", end, { once: true });
  }

  private widenByKey(event: KeyboardEvent, grip: HTMLElement): void {
    const way = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!way || event.ctrlKey) return;
    event.preventDefault();
    event.stopPropagation();
    this.fix();
    this.set(grip, this.width(grip.closest("th")!.dataset.col!) + way * STEP * (event.shiftKey ? 4 : 1));
  }

  /** As wide as the widest value that is shown. */
  private fit(grip: HTMLElement): void {
    this.fix();
    const key = grip.closest("th")!.dataset.col!;
    const cells = this.table.table.querySelectorAll<HTMLElement>(`tr > [data-col="${CSS.escape(key)}"] .cell > *`);
    const widest = [...cells].reduce((width, cell) => Math.max(width, cell.scrollWidth), 0);
    this.set(grip, widest + 34);
  }

  private grab(event: PointerEvent, heading: HTMLTableCellElement): void {
    if (event.button !== 0 || (event.target as Element).closest(".col-grip") || heading.matches(".cell-title")) return;
    const from = event.clientX;
    let held = event.pointerType !== "touch";
    const timer = window.setTimeout(() => {
      held = true;
      heading.classList.add("is-held");
    }, HOLD);
    const move = (moved: PointerEvent) => {
      if (moved.pointerId !== event.pointerId) return;
      const far = Math.abs(moved.clientX - from) > MOVED;
      if (!held) {
        if (far) end();
        return;
      }
      if (!far && !heading.classList.contains("is-moved")) return;
      heading.classList.add("is-moved");
      const over = this.headings().find((other) => {
        const box = other.getBoundingClientRect();
        return moved.clientX >= box.left && moved.clientX < box.right;
      });
      if (!over || over === heading || over.matches(".cell-title")) return;
      const box = over.getBoundingClientRect();
      const behind = heading.cellIndex < over.cellIndex;
      // Only past its middle, so that columns of unlike width do not jump to and fro.
      if (behind ? moved.clientX > box.left + box.width / 2 : moved.clientX < box.left + box.width / 2) {
        this.move(heading.cellIndex, over.cellIndex);
      }
    };
    // A finger that holds a heading does not scroll.
    const still = (touch: TouchEvent) => held && touch.preventDefault();
    const end = () => {
      window.clearTimeout(timer);
      document.removeEventListener("pointermove", move);
      document.removeEventListener("touchmove", still);
      if (heading.classList.contains("is-moved")) {
        this.afterClick();
        this.keep();
      }
      heading.classList.remove("is-moved", "is-held");
    };
    document.addEventListener("pointermove", move);
    document.addEventListener("touchmove", still, { passive: false });
    document.addEventListener("pointerup", end, { once: true });
    document.addEventListener("pointercancel", end, { once: true });
  }

  private afterClick(): void {
    this.suppress = true;
    window.setTimeout(() => (this.suppress = false), 50);
  }

  private moveByKey(event: KeyboardEvent, heading: HTMLTableCellElement): void {
    const way = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!way || !event.ctrlKey || !event.shiftKey || heading.matches(".cell-title")) return;
    event.preventDefault();
    event.stopPropagation();
    const over = this.head.cells[heading.cellIndex + way];
    if (!over?.dataset.col || over.matches(".cell-title")) return;
    const inside = document.activeElement as HTMLElement | null;
    this.move(heading.cellIndex, over.cellIndex);
    inside?.focus();
    const at = this.headings().indexOf(heading) + 1;
    say(this.table.text("moved", { label: heading.querySelector(".clip")?.textContent ?? "", at, of: this.headings().length }));
    this.keep();
  }

  /** Moves a column in all rows that are there; those that come are in the new order. */
  private move(from: number, to: number): void {
    const width = this.head.cells.length;
    const shift = (cells: HTMLCollection) => {
      const [cell, other] = [cells[from]!, cells[to]!];
      if (from < to) other.after(cell);
      else other.before(cell);
    };
    shift(this.table.table.querySelector("colgroup")!.children);
    for (const row of this.table.table.rows) if (row.cells.length === width) shift(row.cells);
    this.arrange();
  }

  /** The drawer where columns are chosen has them in the same order. */
  private arrange(): void {
    const list = document.querySelector<HTMLElement>("#columns .column-list");
    if (!list) return;
    const lines = new Map([...list.children].map((line) => [line.querySelector<HTMLInputElement>("input[name=column]")!.value, line]));
    const order = woven(this.headings().map((cell) => cell.dataset.col!), [...lines.keys()]);
    list.append(...order.map((key) => lines.get(key)).filter((line) => line !== undefined));
  }

  private async save(): Promise<void> {
    const url = `${base}/api/v1/choices/${encodeURIComponent(this.table.dataset.choice!)}`;
    this.liking ??= fetchJson<{ value: Liking | null }>(url).then(({ value }) => value ?? {});
    try {
      const liking = await this.liking;
      const shown = this.headings().map((cell) => cell.dataset.col!);
      liking.order = woven(shown, liking.order ?? []);
      if (this.table.table.classList.contains("is-sized")) {
        liking.width = { ...liking.width, ...Object.fromEntries(shown.map((key) => [key, Number(this.col(key).getAttribute("width"))])) };
      }
      const headers = { "content-type": "application/json" };
      const answer = await fetch(url, { method: "PUT", headers, body: JSON.stringify({ value: liking }) });
      if (!answer.ok) throw new Error(String(answer.status));
    } catch {
      this.liking = undefined;
      toast(this.table.text("not_kept"), "error");
    }
  }
}
