// `<m-lines>`: child rows as a grid: add, remove, take back. New rows come from a template whose names carry `__row__`.

import { element, text } from "../page";
import type { Snapshot } from "../drafts";

class Lines extends HTMLElement {
  private next = 0;

  connectedCallback(): void {
    this.next = this.rows().length;
    this.addEventListener("click", (event) => {
      const target = event.target as Element;
      if (target.closest("[data-add]")) this.add(true);
      const row = target.closest("[data-remove]")?.closest<HTMLElement>("tr");
      if (row) this.remove_(row);
    });
    this.addEventListener("keydown", (event) => {
      // Enter in the last row makes the next one, as in a spreadsheet.
      const row = (event.target as Element).closest("tr");
      if (event.key !== "Enter" || event.defaultPrevented || !row || !(event.target instanceof HTMLInputElement)) return;
      event.preventDefault();
      if (row === this.rows().at(-1)) this.add(true);
    });
    this.closest("form")?.addEventListener("m-before-restore", (event) => this.makeRoom((event as CustomEvent<Snapshot>).detail));
    this.paint();
  }

  private rows(): HTMLElement[] {
    return [...this.querySelectorAll<HTMLElement>("tbody > tr")];
  }

  private add(focus: boolean): void {
    const template = this.querySelector("template")!;
    const holder = document.createElement("tbody");
    holder.innerHTML = template.innerHTML.replaceAll("__row__", String(this.next++));
    const row = holder.firstElementChild as HTMLElement;
    this.querySelector("tbody")!.append(row);
    if (focus) row.querySelector<HTMLElement>("input:not([type=hidden]), select, textarea")?.focus();
    this.tellForm();
  }

  private remove_(row: HTMLElement): void {
    const gone = row.querySelector<HTMLInputElement>("input[data-remove-flag]");
    if (gone) {
      gone.value = "1";
      row.classList.add("row-removed");
    } else row.remove();
    const undo = element("button", { type: "button", class: "link-button" }, text("undo"));
    const note = element("span", { class: "small muted", role: "status" }, text("row_removed"), " ", undo);
    undo.addEventListener("click", () => {
      if (gone) {
        gone.value = "";
        row.classList.remove("row-removed");
      } else this.querySelector("tbody")!.append(row);
      note.remove();
      this.tellForm();
    });
    this.querySelector(".lines-foot .small")?.remove();
    this.querySelector(".lines-foot")!.append(" ", note);
    this.tellForm();
  }

  /** A draft may hold more rows than the page. */
  private makeRoom(values: Snapshot): void {
    const prefix = `${this.dataset.name}/`;
    for (const name of Object.keys(values)) {
      if (!name.startsWith(prefix)) continue;
      const row = Number(name.slice(prefix.length).split("/")[0]);
      while (Number.isInteger(row) && row < 1000 && row >= this.next) this.add(false);
    }
    this.paint();
  }

  private tellForm(): void {
    this.paint();
    this.dispatchEvent(new Event("change", { bubbles: true }));
  }

  private paint(): void {
    const empty = this.rows().every((row) => row.classList.contains("row-removed"));
    this.querySelector<HTMLElement>("[data-empty]")!.hidden = !empty;
    this.querySelector<HTMLElement>("table")!.hidden = empty;
  }
}

customElements.define("m-lines", Lines);
