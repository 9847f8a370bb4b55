// `<m-pick>`: a record, a user or a department, found while typing. The server searches; it answers only what the person may see.

import { debounce, fetchJson, text } from "../page";
import { Combo, type Option } from "./combo";

interface Found {
  items: { id: string; title: string; detail?: string }[];
}

class Pick extends Combo {
  private turn = 0;
  private readonly ask = debounce(160, (query: string) => void this.load(query));

  protected override search(query: string): void {
    if (!this.options.length) this.show([], text("loading"));
    this.ask(query);
  }

  /** Picks what has exactly this name; other words stay as typed, for the person to pick. */
  async take(words: string): Promise<boolean> {
    if (words === "") return this.write("");
    const url = new URL(this.dataset.src!, location.href);
    url.searchParams.set("q", words);
    const found = await fetchJson<Found>(url.href).catch(() => ({ items: [] }) as Found);
    const same = found.items.filter((item) => item.title.trim().toLowerCase() === words.toLowerCase());
    if (same.length !== 1) return this.write(words);
    this.choose({ value: same[0]!.id, title: same[0]!.title });
    return true;
  }

  private async load(query: string): Promise<void> {
    const turn = ++this.turn;
    const url = new URL(this.dataset.src!, location.href);
    url.searchParams.set("q", query);
    try {
      const found = await fetchJson<Found>(url.href);
      // A slow answer to an older question is dropped.
      if (turn !== this.turn || !this.isOpen) return;
      this.show(found.items.map((item): Option => ({ value: item.id, title: item.title, detail: item.detail })));
    } catch {
      if (turn === this.turn) this.show([], text("unreachable"));
    }
  }
}

customElements.define("m-pick", Pick);
