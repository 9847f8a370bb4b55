// `<m-table>`: a table of any length. The browser has only the rows around those that can be seen; gaps above and below are as
// high as the rows that they stand for, so that the scroll bar is right. Rows come in windows by their place in the order,
// forwards and backwards, and by their position only after a jump. Without this script the table has pages.

import { debounce, element, fetchJson } from "../page";
import { Columns } from "./table-columns";
import { Bulk } from "./table-bulk";
import { Editing } from "./table-edit";
import { Grid } from "./table-grid";
import type { Rows } from "./rows";

/** Height of a row before any was measured, in pixels. */
const ROW_GUESS = 42;
/** Rows that are kept ready above and below what can be seen, in heights of the screen. */
const AHEAD = 1;
/** Where the table scrolls by itself; the style sheet says the same. */
const BOUNDED = "(min-width: 768px) and (min-height: 520px)";
/** After a jump, rows are asked for when scrolling has paused so long, in milliseconds. */
const PAUSE = 90;

/** Rows that belong together: all of them, or those of a group. */
class Section {
  /** Rows in all. */
  count: number;
  open = true;
  readonly heights: number[] = [];
  readonly shown = new Map<number, HTMLTableSectionElement>();
  readonly places = new Map<number, { next: string | undefined; previous: string | undefined }>();
  readonly above: HTMLTableSectionElement;
  readonly below: HTMLTableSectionElement;
  readonly waiting = new Map<number, AbortController>();

  constructor(
    private readonly table: Table,
    readonly head: HTMLTableSectionElement | null,
    readonly first: HTMLTableSectionElement,
    start: number,
  ) {
    const { size } = table;
    [this.above, this.below] = [gap(table.width), gap(table.width)];
    this.count = Number(first.dataset.count ?? table.dataset.total);
    const index = Math.floor(start / size);
    const source = head ? first.dataset : table.dataset;
    first.before(this.above);
    first.after(this.below);
    if (first.rows.length > 0) {
      this.shown.set(index, first);
      this.places.set(index, { next: source.next, previous: source.previous });
      this.heights[index] = first.offsetHeight;
    } else first.remove();
  }

  get chunks(): number {
    return Math.ceil(this.count / this.table.size);
  }

  /** Where its rows begin on the screen. */
  get top(): number {
    if (this.head) return this.head.getBoundingClientRect().bottom;
    // A hidden gap has no place: what stands next to it has.
    const start = this.above.hidden ? (this.above.nextElementSibling ?? this.above) : this.above;
    return start.getBoundingClientRect().top;
  }

  /** Rows of a chunk: the last one may have fewer. */
  rowsOf(index: number): number {
    return Math.min(this.table.size, this.count - index * this.table.size);
  }

  heightOf(index: number): number {
    return this.heights[index] ?? this.rowsOf(index) * this.table.rowHeight;
  }

  /** Shows the chunks that lie between two heights below the beginning of the section. */
  show(from: number, to: number): void {
    if (!this.open) return this.clear();
    let [y, a, b] = [0, -1, -1];
    for (let index = 0; index < this.chunks; index++) {
      const height = this.heightOf(index);
      if (y + height > from && y < to) {
        if (a < 0) a = index;
        b = index;
      }
      y += height;
    }
    for (const [index, body] of this.shown) if (a < 0 || index < a || index > b) this.drop(index, body);
    let before: Element = this.above;
    for (let index = a; a >= 0 && index <= b; index++) {
      let body = this.shown.get(index);
      if (!body) {
        body = this.placeholder(index);
        this.shown.set(index, body);
        before.after(body);
        this.load(index);
      }
      before = body;
    }
    this.stretch(a, b);
  }

  /** Takes all rows away, as those of a group that is closed. */
  clear(): void {
    for (const [index, body] of this.shown) this.drop(index, body);
    setHeight(this.above, 0);
    setHeight(this.below, 0);
  }

  private stretch(a: number, b: number): void {
    let [above, below] = [0, 0];
    for (let index = 0; index < this.chunks; index++) {
      if (a < 0 || index < a) above += this.heightOf(index);
      else if (index > b) below += this.heightOf(index);
    }
    setHeight(this.above, above);
    setHeight(this.below, below);
  }

  private drop(index: number, body: HTMLTableSectionElement): void {
    // Somebody is writing there: it stays until they are done.
    if (body.contains(document.activeElement) && body.querySelector(".cell-form")) return;
    if (!body.dataset.waiting) this.heights[index] = body.offsetHeight;
    this.waiting.get(index)?.abort();
    this.waiting.delete(index);
    this.shown.delete(index);
    body.remove();
  }

  private placeholder(index: number): HTMLTableSectionElement {
    const cell = element("td", { colspan: this.table.width, class: "row-waiting" });
    cell.style.height = `${this.heightOf(index)}px`;
    return element("tbody", { class: "rows", "data-waiting": "1", "aria-hidden": "true" }, element("tr", {}, cell));
  }

  /** By which way a chunk is found: its neighbours know its place; otherwise its position is counted. */
  private way(index: number): [Record<string, string>, boolean] {
    const [before, after] = [this.places.get(index - 1), this.places.get(index + 1)];
    if (index === 0) return [{}, false];
    if (before?.next) return [{ cursor: before.next }, false];
    if (after?.previous) return [{ before: after.previous }, false];
    return [{ offset: String(index * this.table.size) }, true];
  }

  private load(index: number): void {
    const stop = new AbortController();
    this.waiting.set(index, stop);
    const [way, jump] = this.way(index);
    window.setTimeout(async () => {
      if (stop.signal.aborted) return;
      try {
        const body = await this.table.window(this.query(), { ...way, limit: String(this.table.size) }, stop.signal);
        this.arrived(index, body);
      } catch (error) {
        if (!stop.signal.aborted) this.failed(index, error);
      }
    }, jump ? PAUSE : 0);
  }

  /** Reads a chunk again. */
  reload(row: Element): void {
    for (const [index, body] of this.shown) if (body.contains(row)) this.load(index);
  }

  private query(): URLSearchParams {
    return new URLSearchParams(this.first.dataset.with ?? "");
  }

  private arrived(index: number, body: HTMLTableSectionElement): void {
    const old = this.shown.get(index);
    if (!old) return;
    this.waiting.delete(index);
    const { next, previous } = body.dataset;
    this.places.set(index, { next, previous });
    body.className = "rows";
    old.replaceWith(body);
    this.shown.set(index, body);
    this.heights[index] = body.offsetHeight;
    this.table.dressed(body);
    // The list has become shorter meanwhile.
    if (body.rows.length < this.rowsOf(index) && !next) this.count = index * this.table.size + body.rows.length;
    this.table.refresh();
  }

  private failed(index: number, error: unknown): void {
    const old = this.shown.get(index);
    const cell = old?.querySelector("td");
    if (!old || !cell) return;
    console.warn(error);
    old.removeAttribute("aria-hidden");
    const again = element("button", { class: "btn btn-s", type: "button", onclick: () => this.load(index) }, this.table.text("retry"));
    cell.replaceChildren(element("span", { role: "alert" }, this.table.text("failed"), " ", again));
  }
}

/** A part of a page; whoever has to sign in first is sent there. */
export async function part(url: string | URL, init: RequestInit = {}): Promise<Response> {
  const response = await fetch(url, { ...init, headers: { "HX-Request": "true" } });
  const elsewhere = response.headers.get("hx-redirect");
  if (!elsewhere) return response;
  location.href = elsewhere;
  return new Promise(() => undefined);
}

function gap(width: number): HTMLTableSectionElement {
  const body = element("tbody", { class: "row-gap", "aria-hidden": "true" }, element("tr", {}, element("td", { colspan: width })));
  body.hidden = true;
  return body;
}

function setHeight(body: HTMLTableSectionElement, height: number): void {
  body.hidden = height <= 0;
  body.rows[0]!.cells[0]!.style.height = `${height}px`;
}

export class Table extends HTMLElement {
  sections: Section[] = [];
  rowHeight = ROW_GUESS;
  wrap!: HTMLElement;
  table!: HTMLTableElement;
  private texts: Record<string, string> = {};
  private drawn = 0;
  private readonly scrolled = () => {
    this.drawn ||= requestAnimationFrame(() => {
      this.drawn = 0;
      this.refresh();
    });
  };
  private readonly sized = new ResizeObserver(this.scrolled);
  private readonly figuresLater = debounce(400, () => void this.figures());

  connectedCallback(): void {
    // Of what htmx has brought, this comes to life before what is in it.
    customElements.upgrade(this);
    this.wrap = this.querySelector(".table-wrap")!;
    this.table = this.querySelector("table")!;
    this.texts = JSON.parse(this.dataset.texts ?? "{}") as Record<string, string>;
    const first = this.querySelector<HTMLElement>("tbody.rows > tr");
    if (first) this.rowHeight = first.offsetHeight || ROW_GUESS;
    this.takeOver();
    new Grid(this);
    new Editing(this);
    new Columns(this);
    new Bulk(this);
    this.wrap.addEventListener("scroll", this.scrolled, { passive: true });
    window.addEventListener("scroll", this.scrolled, { passive: true });
    this.sized.observe(this.wrap);
    document.querySelector<HTMLElement>("#pager .pager-nav")?.setAttribute("hidden", "");
    if (this.dataset.exact === undefined) void this.countAll();
    this.dressed(this.table);
    this.refresh();
  }

  disconnectedCallback(): void {
    window.removeEventListener("scroll", this.scrolled);
    this.sized.disconnect();
    for (const section of this.sections) for (const stop of section.waiting.values()) stop.abort();
  }

  /** Words with details. */
  text(key: string, args: Record<string, string | number> = {}): string {
    return Object.entries(args).reduce((words, [name, value]) => words.replace(`{${name}}`, String(value)), this.texts[key] ?? key);
  }

  get size(): number {
    return Math.max(1, Number(this.dataset.size));
  }

  /** Cells of a row. */
  get width(): number {
    return this.table.tHead!.rows[0]!.cells.length;
  }

  get rows(): Rows {
    return this.querySelector<Rows>("m-rows")!;
  }

  get total(): number {
    return Number(this.dataset.total);
  }

  private takeOver(): void {
    const bodies = [...this.table.querySelectorAll<HTMLTableSectionElement>("tbody.rows")];
    this.sections = bodies.map((body) => {
      const head = body.previousElementSibling;
      const group = head instanceof HTMLTableSectionElement && head.matches(".group-head") ? head : null;
      return new Section(this, group, body, group ? 0 : Number(this.dataset.start));
    });
    for (const section of this.sections) {
      const toggle = section.head?.querySelector<HTMLButtonElement>(".group-toggle");
      if (!toggle) continue;
      toggle.hidden = false;
      toggle.addEventListener("click", () => {
        section.open = !section.open;
        toggle.setAttribute("aria-expanded", String(section.open));
        this.refresh();
      });
    }
    // On a page other than the first, what comes before is above.
    const start = Number(this.dataset.start);
    if (start > 0 && this.scroller() === this.wrap) {
      this.refresh();
      this.wrap.scrollTop = start * this.rowHeight;
    }
  }

  /** What scrolls: the table on a wide screen, the page on a phone. */
  private scroller(): HTMLElement | null {
    return matchMedia(BOUNDED).matches ? this.wrap : null;
  }

  private viewport(): [number, number] {
    const scroller = this.scroller();
    if (!scroller) return [0, window.innerHeight];
    const { top } = scroller.getBoundingClientRect();
    return [top, top + scroller.clientHeight];
  }

  /** Shows what can be seen and a little more, and says which rows these are. */
  refresh(): void {
    const [top, bottom] = this.viewport();
    const ahead = (bottom - top) * AHEAD;
    for (const section of this.sections) {
      const y = section.top;
      section.show(top - ahead - y, bottom + ahead - y);
    }
    this.number();
    this.range(top, bottom);
  }

  /** Numbers the rows for screen readers. */
  private number(): void {
    let row = 2;
    for (const section of this.sections) {
      if (section.head) section.head.rows[0]!.ariaRowIndex = String(row++);
      for (const [index, body] of section.shown) {
        if (body.dataset.waiting) continue;
        [...body.rows].forEach((line, at) => (line.ariaRowIndex = String(row + index * this.size + at)));
      }
      row += section.open ? section.count : 0;
    }
    this.table.ariaRowCount = String(row - 1);
  }

  private range(top: number, bottom: number): void {
    const shown = document.querySelector("#pager [data-range]");
    if (!shown || this.dataset.grouped !== undefined) return;
    const seen = [...this.table.querySelectorAll<HTMLTableRowElement>("tbody.rows > tr[data-id]")].filter((row) => {
      const box = row.getBoundingClientRect();
      return box.bottom > top + 40 && box.top < bottom - 8;
    });
    const [first, last] = [seen[0]?.ariaRowIndex, seen.at(-1)?.ariaRowIndex];
    if (!first || !last) return;
    const number = (value: number) => value.toLocaleString("en-US");
    shown.textContent = this.text("range", { from: number(Number(first) - 1), to: number(Number(last) - 1), total: number(this.total) });
  }

  /** Asks for a window of rows. */
  async window(query: URLSearchParams, way: Record<string, string>, signal?: AbortSignal): Promise<HTMLTableSectionElement> {
    const url = new URL(this.dataset.rows!, location.href);
    for (const [name, value] of [...query, ...Object.entries(way)]) url.searchParams.set(name, value);
    const response = await part(url, { signal: signal ?? null });
    if (!response.ok) throw new Error(`${response.status} ${response.statusText}`);
    return this.body(await response.text());
  }

  /** The rows in an answer. */
  body(html: string): HTMLTableSectionElement {
    const template = document.createElement("template");
    template.innerHTML = html;
    return template.content.querySelector("tbody") ?? document.createElement("tbody");
  }

  /** Rows have come: they are as chosen and as numbered as the others. */
  dressed(within: ParentNode): void {
    this.rows.restore(within);
    this.dispatchEvent(new CustomEvent("m:rows", { detail: within }));
  }

  private async countAll(): Promise<void> {
    const body = await this.window(new URLSearchParams(), { limit: "1", total: "exact" }).catch(() => null);
    const total = Number(body?.dataset.total);
    if (!Number.isFinite(total) || this.sections.length !== 1) return;
    this.dataset.total = String(total);
    this.sections[0]!.count = total;
    this.refresh();
  }

  /** Something was changed: counts and figures are asked for again, once things are quiet. */
  changed(): void {
    if (this.dataset.grouped !== undefined || this.table.tFoot) this.figuresLater();
  }

  private async figures(): Promise<void> {
    /** Figures by their columns. */
    type Totals = Record<string, string>;
    interface Group {
      with: string;
      count: number;
      text: string;
      totals: Totals;
    }
    const found = await fetchJson<{ groups: Group[]; totals: Totals }>(this.dataset.figures!).catch(() => null);
    if (!found || !this.isConnected) return;
    const fill = (within: Element | null | undefined, totals: Totals) => {
      for (const figure of within?.querySelectorAll<HTMLElement>("[data-figure]") ?? []) figure.textContent = totals[figure.dataset.figure!] ?? "";
    };
    fill(this.table.tFoot, found.totals);
    for (const section of this.sections.filter(({ head }) => head)) {
      const group = found.groups.find((group) => group.with === section.first.dataset.with);
      section.count = group?.count ?? 0;
      section.head!.querySelector("[data-group-count]")!.textContent = group?.text ?? "0";
      fill(section.head, group?.totals ?? {});
    }
    this.refresh();
  }

  /** Reads the rows around this one again. */
  reload(row: Element): void {
    for (const section of this.sections) section.reload(row);
  }

  /** Brings the first or last row into view. */
  async reach(end: boolean): Promise<HTMLTableRowElement | null> {
    const scroller = this.scroller() ?? document.scrollingElement!;
    scroller.scrollTop = end ? scroller.scrollHeight : 0;
    this.refresh();
    for (let tries = 0; tries < 60; tries++) {
      const waiting = this.table.querySelector("tbody[data-waiting]");
      const rows = this.table.querySelectorAll<HTMLTableRowElement>("tbody.rows > tr[data-id]");
      if (!waiting) return (end ? rows[rows.length - 1] : rows[0]) ?? null;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return null;
  }
}

customElements.define("m-table", Table);
