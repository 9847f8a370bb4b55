// `<m-rows>`: choosing rows of a list (one, all of the page, a range with Shift) and the bar with what can be done to them.

import { text } from "../page";

class Rows extends HTMLElement {
  private last: HTMLInputElement | undefined;

  connectedCallback(): void {
    this.addEventListener("change", () => this.paint());
    this.addEventListener("click", (event) => {
      const box = event.target as HTMLInputElement;
      if (box.matches?.("input[data-all]")) this.boxes().forEach((other) => (other.checked = box.checked));
      else if (box.matches?.('input[name="id"]')) {
        if ((event as MouseEvent).shiftKey && this.last) this.range(this.last, box);
        this.last = box;
      } else if (box.closest?.("[data-none]")) this.boxes().forEach((other) => (other.checked = false));
      else return;
      this.paint();
    });
    this.paint();
  }

  private boxes(): HTMLInputElement[] {
    return [...this.querySelectorAll<HTMLInputElement>('input[name="id"]')];
  }

  private range(from: HTMLInputElement, to: HTMLInputElement): void {
    const boxes = this.boxes();
    const [start, end] = [boxes.indexOf(from), boxes.indexOf(to)].sort((a, b) => a - b) as [number, number];
    for (const box of boxes.slice(start, end + 1)) box.checked = to.checked;
  }

  private paint(): void {
    const boxes = this.boxes();
    const chosen = boxes.filter((box) => box.checked);
    for (const box of boxes) box.closest("tr")?.classList.toggle("is-selected", box.checked);
    const all = this.querySelector<HTMLInputElement>("input[data-all]");
    if (all) {
      all.checked = chosen.length > 0 && chosen.length === boxes.length;
      all.indeterminate = chosen.length > 0 && chosen.length < boxes.length;
    }
    const bar = this.querySelector<HTMLElement>(".bulk-bar");
    if (bar) bar.hidden = chosen.length === 0;
    for (const count of this.querySelectorAll("[data-count]")) count.textContent = text("rows_chosen", { count: chosen.length });
  }
}

customElements.define("m-rows", Rows);
