// Keys of a table, as in a spreadsheet: arrows go from cell to cell, Home and End along the row, with Ctrl to the first and
// last row, Page up and down by a screen; Enter opens what stands in the cell or begins to change it, Space chooses the row.

import type { Table } from "./table";

type Cell = HTMLTableCellElement;

export class Grid {
  constructor(private readonly table: Table) {
    table.table.setAttribute("role", "grid");
    table.table.ariaColCount = String(table.width - 1);
    table.addEventListener("keydown", (event) => void this.pressed(event));
    // A click beside the words of a cell that can be changed puts the keys there; elsewhere it opens the record.
    table.addEventListener("click", (event) => {
      const on = event.target as Element;
      const cell = on.closest<Cell>("tbody.rows :is(td, th)");
      if (!cell || on.closest("a, button, input, label, .cell-form, .col-check")) return;
      if (cell.matches(".is-editable") && matchMedia("(min-width: 768px)").matches) focus(cell);
      else if (getSelection()?.isCollapsed !== false) cell.closest("tr")?.querySelector<HTMLElement>(".row-link")?.click();
    });
  }

  private async pressed(event: KeyboardEvent): Promise<void> {
    const target = event.target as HTMLElement;
    if (event.defaultPrevented || event.altKey || target.closest(".cell-form, .bulk-bar, dialog, thead")) return;
    if (target === this.table.wrap) {
      if (!["ArrowDown", "Enter"].includes(event.key)) return;
      event.preventDefault();
      const first = this.table.table.querySelector<HTMLTableRowElement>("tbody.rows > tr[data-id]");
      return focus(first && cellsOf(first)[0]);
    }
    const cell = target.closest<Cell>("td, th");
    const row = cell?.closest("tr");
    if (!cell || !row) return;
    const column = cellsOf(row).indexOf(cell);
    const jump = event.ctrlKey || event.metaKey;
    switch (event.key) {
      case "ArrowLeft":
      case "ArrowRight":
        event.preventDefault();
        return focus(cellsOf(row)[column + (event.key === "ArrowRight" ? 1 : -1)]);
      case "ArrowDown":
      case "ArrowUp":
        event.preventDefault();
        return focus(beside(row, event.key === "ArrowDown", column));
      case "PageDown":
      case "PageUp": {
        event.preventDefault();
        const many = Math.max(1, Math.floor(this.table.wrap.clientHeight / this.table.rowHeight) - 2);
        let at: Cell | undefined = cell;
        for (let step = 0; step < many && at; step++) {
          const next: Cell | undefined = beside(at.closest("tr")!, event.key === "PageDown", column);
          if (!next) break;
          at = next;
        }
        return focus(at);
      }
      case "Home":
      case "End": {
        event.preventDefault();
        const line = jump ? await this.table.reach(event.key === "End") : row;
        const cells = line ? cellsOf(line) : [];
        return focus(jump ? cells[column] : event.key === "End" ? cells.at(-1) : cells[0]);
      }
      case " ": {
        const box = row.querySelector<HTMLInputElement>('input[name="id"]');
        if (target !== cell || !box) return;
        event.preventDefault();
        return box.click();
      }
      case "Enter":
        if (target !== cell || cell.matches(".is-editable")) return;
        event.preventDefault();
        return cell.querySelector<HTMLElement>("a, button, input")?.click();
    }
  }
}

/** Cells of a row that one can stand on. */
export function cellsOf(row: HTMLTableRowElement): Cell[] {
  return [...row.cells].filter((cell) => !cell.matches(".col-rest") && cell.offsetParent !== null);
}

/** The cell above or below, over headings of groups and gaps. */
export function beside(row: HTMLTableRowElement, down: boolean, column: number): Cell | undefined {
  const rows = [...row.closest("table")!.querySelectorAll<HTMLTableRowElement>("tbody > tr")].filter((line) => line.matches("[data-id], .group-head > tr"));
  const next = rows[rows.indexOf(row) + (down ? 1 : -1)];
  return next && cellsOf(next)[column];
}

/** Puts the keys on a cell. */
export function focus(cell: Cell | null | undefined): void {
  if (!cell) return;
  cell.tabIndex = -1;
  cell.focus({ preventScroll: true });
  cell.scrollIntoView({ block: "nearest", inline: "nearest" });
}
