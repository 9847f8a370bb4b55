// `<m-rows>`: choosing rows of a list (one, all that are shown, a range with Shift, all that there are) and the bar with what
// can be done to them. Rows come and go while one scrolls: what is chosen is kept by id.

import { element, text } from "../page";

export class Rows extends HTMLElement {
  private readonly ids = new Set<string>();
  private last: HTMLInputElement | undefined;
  /** All that were shown were chosen by one click: all that there are can be chosen, too. */
  private shown = false;
  /** Every row of the list is meant, also those that were never shown. */
  everything = false;

  connectedCallback(): void {
    this.addEventListener("change", () => this.collect());
    this.addEventListener("click", (event) => {
      const box = event.target as HTMLInputElement;
      if (box.matches?.("input[data-all]")) {
        this.shown = box.checked;
        this.boxes().forEach((other) => (other.checked = box.checked));
      } else if (box.matches?.('input[name="id"]')) {
        this.shown = false;
        if ((event as MouseEvent).shiftKey && this.last) this.range(this.last, box);
        this.last = box;
      } else if (box.closest?.("[data-none]")) return this.clear();
      else if (box.closest?.("[data-everything]")) {
        this.everything = true;
        return this.paint();
      } else return;
      this.everything = false;
      this.collect();
    });
    // What is chosen but not on the page goes with the form.
    this.querySelector("form")?.addEventListener("formdata", (event) => {
      const there = new Set(event.formData.getAll("id").map(String));
      for (const id of this.ids) if (!there.has(id)) event.formData.append("id", id);
    });
    this.paint();
  }

  /** Ids of the chosen rows, in the order in which they were chosen. */
  chosen(): string[] {
    return [...this.ids];
  }

  /** How many rows are meant. */
  get count(): number {
    return this.everything ? this.total : this.ids.size;
  }

  /** How many rows the list has. */
  get total(): number {
    return Number(this.closest<HTMLElement>("m-table")?.dataset.total ?? 0);
  }

  clear(): void {
    this.ids.clear();
    this.everything = this.shown = false;
    this.boxes().forEach((box) => (box.checked = false));
    this.paint();
  }

  /** Rows have come: those that are chosen say so. */
  restore(within: ParentNode): void {
    for (const box of within.querySelectorAll<HTMLInputElement>('input[name="id"]')) {
      box.checked = this.everything || this.ids.has(box.value);
      box.closest("tr")?.classList.toggle("is-selected", box.checked);
    }
  }

  private boxes(): HTMLInputElement[] {
    return [...this.querySelectorAll<HTMLInputElement>('input[name="id"]')];
  }

  private range(from: HTMLInputElement, to: HTMLInputElement): void {
    const boxes = this.boxes();
    const [start, end] = [boxes.indexOf(from), boxes.indexOf(to)].sort((a, b) => a - b) as [number, number];
    if (start < 0) return;
    for (const box of boxes.slice(start, end + 1)) box.checked = to.checked;
  }

  private collect(): void {
    for (const box of this.boxes()) {
      if (box.checked) this.ids.add(box.value);
      else this.ids.delete(box.value);
    }
    this.paint();
  }

  private paint(): void {
    const boxes = this.boxes();
    const shown = boxes.filter((box) => box.checked).length;
    for (const box of boxes) {
      if (this.everything) box.checked = true;
      box.closest("tr")?.classList.toggle("is-selected", box.checked);
    }
    const all = this.querySelector<HTMLInputElement>("input[data-all]");
    if (all) {
      all.checked = this.everything || (shown > 0 && shown === boxes.length);
      all.indeterminate = !all.checked && this.ids.size > 0;
    }
    const bar = this.querySelector<HTMLElement>(".bulk-bar");
    if (bar) bar.hidden = this.count === 0;
    const more = this.querySelector<HTMLElement>("[data-everything]");
    if (more) more.hidden = this.everything || !(this.shown || shown === boxes.length) || this.total <= this.ids.size;
    for (const count of this.querySelectorAll("[data-count]")) {
      if (count.closest("tbody")) continue;
      count.textContent = text("rows_chosen", { count: this.count });
    }
    this.dispatchEvent(new CustomEvent("m:chosen"));
  }
}

customElements.define("m-rows", Rows);

/** A region whose words screen readers say. */
export const say = (() => {
  let region: HTMLElement | undefined;
  return (words: string) => {
    region ??= document.body.appendChild(element("div", { role: "status", class: "sr-only" }));
    region.textContent = "";
    window.setTimeout(() => (region!.textContent = words), 60);
  };
})();
