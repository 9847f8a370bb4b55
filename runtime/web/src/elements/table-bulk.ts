// One value for many rows, and many rows into the trash: written through the API in parts, with a bar that says how far it is, a
// way to stop, and in the end what was refused and why.

import { base, element, fetchJson } from "../page";
import { part, type Table } from "./table";

/** Records of one part: some hundred milliseconds of work, so that stopping takes effect soon. */
const PART = 200;
/** Refusals that are listed; more are counted. */
const REFUSALS = 100;
/** Ids of one request when all rows of a list are meant. */
const IDS = 1000;
/** Above so many rows, the trash is filled in parts, too. */
const AT_ONCE = 200;

interface Outcome {
  results: ({ id: string } | { problem: { title: string; detail?: string; issues?: { message?: string }[] } })[];
}

type Operation = { op: "update"; id: string; values: Record<string, unknown> } | { op: "delete"; id: string };

export class Bulk {
  private readonly dialog: HTMLDialogElement | null;
  private stopped = false;
  private running = false;
  private changed = 0;
  private title = "";

  constructor(private readonly table: Table) {
    this.dialog = table.querySelector<HTMLDialogElement>("#bulk-edit");
    const button = table.querySelector<HTMLButtonElement>("[data-bulk-edit]");
    if (!this.dialog || !button) {
      // Without the dialog nobody could follow how far it is: then only rows that are chosen one by one are meant.
      table.querySelector("[data-everything]")?.remove();
      return;
    }
    this.title = this.part("#bulk-edit-title").textContent ?? "";
    button.hidden = false;
    button.addEventListener("click", () => this.open());
    this.part<HTMLSelectElement>("select").addEventListener("change", (event) => void this.chosen((event.target as HTMLSelectElement).value));
    this.part("[data-bulk-start]").addEventListener("click", () => void this.start());
    this.part("[data-bulk-stop]").addEventListener("click", () => this.stop());
    this.part("[data-bulk-close]").addEventListener("click", () => this.close());
    this.dialog.addEventListener("cancel", (event) => {
      event.preventDefault();
      if (this.running) this.stop();
      else this.close();
    });
    // A click beside it must not hide what goes on.
    this.dialog.addEventListener("click", (event) => {
      if (event.target !== this.dialog) return;
      event.stopPropagation();
      if (!this.running) this.close();
    });
    this.dialog.querySelector("form")!.addEventListener("submit", (event) => event.preventDefault());
    // Many rows, or all of a list, are too much for one request.
    table.querySelector<HTMLFormElement>("#bulk")?.addEventListener("submit", (event) => {
      if (!table.rows.everything && table.rows.count <= AT_ONCE) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      table.querySelector<HTMLDialogElement>("#bulk-dialog")?.close();
      this.open(true);
      this.part("#bulk-edit-title").textContent = table.text("bulk_deleting");
      void this.run((id) => ({ op: "delete", id }));
    }, true);
  }

  private part<E extends HTMLElement = HTMLElement>(selector: string): E {
    return this.dialog!.querySelector<E>(selector)!;
  }

  private open(running = false): void {
    this.changed = 0;
    this.part("#bulk-edit-title").textContent = this.title;
    this.part("[data-bulk-count]").textContent = this.table.text("bulk_count", { count: this.table.rows.count });
    this.part("[data-bulk-choose]").hidden = running;
    this.part("[data-bulk-progress]").hidden = !running;
    this.part("[data-bulk-report]").hidden = true;
    this.part("[data-bulk-start]").hidden = running;
    this.part("[data-bulk-stop]").hidden = true;
    this.part<HTMLButtonElement>("[data-bulk-close]").textContent = this.table.text("cancel");
    this.part("[data-bulk-problem]").hidden = true;
    this.dialog!.showModal();
  }

  private close(): void {
    this.dialog!.close();
    // What was changed may be elsewhere in the list, or nowhere in it.
    if (this.changed > 0) location.reload();
  }

  private stop(): void {
    this.stopped = true;
    this.part<HTMLButtonElement>("[data-bulk-stop]").disabled = true;
  }

  private async chosen(field: string): Promise<void> {
    const [place, start] = [this.part("[data-bulk-widget]"), this.part<HTMLButtonElement>("[data-bulk-start]")];
    start.disabled = true;
    this.complain("");
    if (!field) return place.replaceChildren();
    const response = await part(`${this.table.dataset.url}/bulk/${field}`).catch(() => null);
    if (!response?.ok) return this.complain(this.table.text("failed"));
    const template = document.createElement("template");
    template.innerHTML = await response.text();
    if (this.part<HTMLSelectElement>("select").value !== field) return;
    place.replaceChildren(template.content);
    start.disabled = false;
  }

  private complain(words: string): void {
    const place = this.part("[data-bulk-problem]");
    place.textContent = words;
    place.hidden = !words;
  }

  private async start(): Promise<void> {
    const field = this.part<HTMLSelectElement>("select").value;
    const body = new URLSearchParams(new FormData(this.part<HTMLFormElement>("form")) as unknown as Record<string, string>);
    const response = await fetch(`${this.table.dataset.url}/bulk/${field}`, { method: "POST", body }).catch(() => null);
    const answer = (await response?.json().catch(() => null)) as { value?: unknown; message?: string } | null;
    if (!response?.ok || !answer) return this.complain(answer?.message ?? this.table.text("failed"));
    this.complain("");
    await this.run((id) => ({ op: "update", id, values: { [field]: answer.value ?? null } }));
  }

  /** Ids of the rows that are meant. */
  private async ids(): Promise<string[]> {
    if (!this.table.rows.everything) return this.table.rows.chosen();
    const list = new URL(this.table.dataset.rows!, location.href).searchParams;
    const ids: string[] = [];
    for (let cursor: string | null = ""; cursor !== null && !this.stopped; ) {
      const query = new URLSearchParams(list);
      if (query.get("view") === "-") query.delete("view");
      else if (!query.get("view") && this.table.dataset.choice?.startsWith("columns:")) this.view(query);
      // Parameters of pages that the API does not know.
      for (const name of ["at", "span"]) query.delete(name);
      query.set("fields", "id");
      query.set("limit", String(IDS));
      query.set("total", "false");
      if (cursor) query.set("cursor", cursor);
      const page: { rows: { id: string }[]; next: string | null } = await fetchJson(`${base}/api/v1/records/${this.table.dataset.entity}?${query}`);
      ids.push(...page.rows.map(({ id }) => id));
      cursor = page.next;
    }
    return ids;
  }

  /** A list without a named view shows the first one of its entity: the API is told which. */
  private view(query: URLSearchParams): void {
    const key = this.table.dataset.choice!.slice("columns:".length);
    if (key !== this.table.dataset.entity) query.set("view", key);
  }

  private async run(operation: (id: string) => Operation): Promise<void> {
    [this.stopped, this.running] = [false, true];
    for (const [selector, hidden] of [["choose", true], ["progress", false], ["start", true], ["stop", false], ["close", true]] as const) {
      this.part(`[data-bulk-${selector}]`).hidden = hidden;
    }
    this.part<HTMLButtonElement>("[data-bulk-stop]").disabled = false;
    const bar = this.part<HTMLProgressElement>("progress");
    const status = this.part("[data-bulk-status]");
    const refused: [string, string][] = [];
    let done = 0;
    try {
      const ids = await this.ids();
      bar.max = Math.max(1, ids.length);
      while (done < ids.length && !this.stopped) {
        const some = ids.slice(done, done + PART);
        refused.push(...(await this.send(some.map(operation))));
        done += some.length;
        this.changed = done - refused.length;
        bar.value = done;
        status.textContent = this.table.text("bulk_running", { done, total: ids.length });
      }
      const key = this.stopped && done < ids.length ? "bulk_stopped" : "bulk_done";
      status.textContent = this.table.text(key, { done: this.changed, failed: refused.length, left: ids.length - done });
    } catch {
      status.textContent = this.table.text("bulk_broken", { done: this.changed });
    }
    this.running = false;
    this.report(refused);
    this.part("[data-bulk-stop]").hidden = true;
    const close = this.part<HTMLButtonElement>("[data-bulk-close]");
    close.hidden = false;
    close.textContent = this.table.text("close");
    close.focus();
  }

  /** Writes a part; gives back what was refused, with the reason. A part that got lost on the way is sent again by its key. */
  private async send(operations: Operation[]): Promise<[string, string][]> {
    const url = `${base}/api/v1/records/${this.table.dataset.entity}/batch`;
    const headers = { "content-type": "application/json", "idempotency-key": crypto.randomUUID() };
    const body = JSON.stringify({ atomic: false, operations });
    const once = () => fetch(url, { method: "POST", headers, body });
    const response = await once().catch(() => once());
    if (!response.ok) throw new Error(String(response.status));
    const { results } = (await response.json()) as Outcome;
    return results.flatMap((result, index): [string, string][] => {
      if (!("problem" in result)) return [];
      const { title, issues } = result.problem;
      const why = issues?.map(({ message }) => message).filter(Boolean).join(" ");
      return [[operations[index]!.id, why || title]];
    });
  }

  private report(refused: [string, string][]): void {
    const list = this.part(".bulk-refused");
    const title = (id: string) => this.table.querySelector(`tr[data-id="${id}"] .row-link`)?.textContent ?? id.slice(-6);
    const line = ([id, why]: [string, string]) =>
      element("li", {}, element("a", { href: `${this.table.dataset.url}/${id}`, target: "_blank" }, title(id)), " ", element("span", { class: "small" }, why));
    list.replaceChildren(...refused.slice(0, REFUSALS).map(line));
    if (refused.length > REFUSALS) list.append(element("li", { class: "faint" }, this.table.text("bulk_more", { count: refused.length - REFUSALS })));
    this.part("[data-bulk-report]").hidden = refused.length === 0;
  }
}
