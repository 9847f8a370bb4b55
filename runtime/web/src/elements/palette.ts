// `<m-palette>`: search over records, pages and actions from the keyboard (ARIA combobox pattern). Pages and actions come once
// and are sifted here, at once; records are asked for while one types and stand below them, so that nothing moves away
// under somebody's eyes. Everything listed is drawn by the server; only what was opened last is known to this browser alone.

import { base, debounce, element, fetchPart, icon, text } from "../page";
import { visits } from "./recent";

/** What was opened last: one glance. */
const RECENT_MAX = 6;
/** Pages and actions beside records; with nothing typed there are all of them. */
const COMMANDS_MAX = 6;
/** Quick typists press a key so often; the server is asked when they pause. */
const PAUSE_MS = 140;

/** How well an entry fits: lower is better, none when it does not. */
function fit(entry: HTMLElement, words: string[]): number | undefined {
  const title = entry.querySelector(".found-words > .clip")?.textContent?.toLowerCase() ?? "";
  const all = `${title} ${entry.querySelector(".found-detail")?.textContent?.toLowerCase() ?? ""}`;
  if (!words.every((word) => all.includes(word))) return undefined;
  const first = words[0] ?? "";
  if (title.startsWith(first)) return 0;
  return title.includes(` ${first}`) ? 1 : 2;
}

class Palette extends HTMLElement {
  private dialog!: HTMLDialogElement;
  private input!: HTMLInputElement;
  private recent!: HTMLElement;
  private commands!: HTMLElement;
  private hits!: HTMLElement;
  private note!: HTMLElement;
  private options: HTMLAnchorElement[] = [];
  private active: HTMLAnchorElement | undefined;
  private loaded = false;
  private question: AbortController | undefined;
  private readonly askSoon = debounce(PAUSE_MS, () => void this.ask());

  connectedCallback(): void {
    const part = (name: string) => this.querySelector<HTMLElement>(`[data-${name}]`)!;
    this.dialog = this.closest("dialog")!;
    this.input = this.querySelector("input")!;
    [this.recent, this.commands, this.hits, this.note] = [part("recent"), part("commands"), part("hits"), part("note")];
    this.input.addEventListener("focus", () => void this.begin());
    // While Chinese is being composed there are only the letters of its sounds.
    this.input.addEventListener("input", (event) => (event as InputEvent).isComposing || this.typed());
    this.input.addEventListener("compositionend", () => this.typed());
    this.input.addEventListener("keydown", (event) => this.key(event));
    const list = this.querySelector<HTMLElement>("[role=listbox]")!;
    // Pressing an entry must not take the focus away from the input.
    list.addEventListener("mousedown", (event) => event.preventDefault());
    list.addEventListener("click", (event) => (event.target as Element).closest("a") && this.dialog.close());
    this.dialog.addEventListener("close", () => this.end());
  }

  private get query(): string {
    return this.input.value.trim();
  }

  private async begin(): Promise<void> {
    if (this.loaded) return;
    this.loaded = true;
    this.drawRecent();
    this.sift();
    try {
      this.commands.innerHTML = await fetchPart(this.dataset.src!);
      this.sift();
    } catch {
      this.loaded = false;
      this.say(text("search_failed"));
    }
  }

  /** The next time begins with nothing typed, and with what was opened in the meantime. */
  private end(): void {
    this.question?.abort();
    this.input.value = "";
    this.hits.replaceChildren();
    this.loaded = false;
    this.busy(false);
  }

  private drawRecent(): void {
    const entries = visits().slice(0, RECENT_MAX).map((visit) =>
      element("a", { class: "found-item", role: "option", "aria-selected": "false", tabindex: -1, href: visit.href }, icon("history"),
        element("span", { class: "found-words" }, element("span", { class: "clip" }, visit.title), element("span", { class: "found-detail clip" }, visit.kind))),
    );
    const title = element("div", { class: "found-title", "aria-hidden": "true" }, text("recent"));
    this.recent.replaceChildren(...(entries.length ? [element("div", { class: "found", role: "group", "aria-label": text("recent") }, title, ...entries)] : []));
  }

  private typed(): void {
    this.question?.abort();
    if (this.query) this.askSoon();
    else this.hits.replaceChildren();
    this.busy(this.query !== "");
    this.sift();
  }

  /** Shows those pages and actions that fit; the best few once something is typed. */
  private sift(): void {
    const words = this.query.toLowerCase().split(/\s+/).filter(Boolean);
    this.recent.hidden = words.length > 0;
    const entries = [...this.commands.querySelectorAll<HTMLElement>(".found-item")];
    const fitting = entries.map((entry) => ({ entry, at: fit(entry, words) })).filter(({ at }) => at !== undefined);
    const best = words.length ? fitting.sort((one, other) => one.at! - other.at!).slice(0, COMMANDS_MAX) : fitting;
    const shown = new Set(best.map(({ entry }) => entry));
    for (const entry of entries) entry.hidden = !shown.has(entry);
    for (const group of this.commands.querySelectorAll<HTMLElement>(".found")) group.hidden = !group.querySelector(".found-item:not([hidden])");
    this.number();
  }

  private async ask(): Promise<void> {
    const query = this.query;
    if (!query || !this.dialog.open) return;
    this.question?.abort();
    const question = (this.question = new AbortController());
    try {
      const found = await fetchPart(`${this.dataset.src}?q=${encodeURIComponent(query)}`, { signal: question.signal });
      if (question.signal.aborted) return;
      this.hits.innerHTML = found;
      this.number();
      this.say(this.options.length ? "" : text("nothing_found"), text(this.options.length ? "found" : "nothing_found", { count: this.options.length }));
    } catch {
      if (question.signal.aborted) return;
      this.hits.replaceChildren();
      this.number();
      this.say(text("search_failed"));
    }
    this.busy(false);
  }

  /** What stands there when nothing is listed, and what is read out. */
  private say(words: string, aloud = words): void {
    this.note.textContent = words;
    this.note.hidden = words === "";
    this.querySelector("[data-status]")!.textContent = aloud;
  }

  private busy(on: boolean): void {
    this.querySelector<HTMLElement>("[data-busy]")!.hidden = !on;
  }

  /** Counts what is listed now; the entry that was chosen stays so while it is there. */
  private number(): void {
    this.options = [...this.querySelectorAll<HTMLAnchorElement>("[role=option]")].filter((option) => !option.closest("[hidden]"));
    this.options.forEach((option, index) => (option.id = `palette-${index}`));
    this.note.hidden = true;
    this.choose(this.active && this.options.includes(this.active) && this.query ? this.active : this.options[0]);
  }

  private choose(option: HTMLAnchorElement | undefined): void {
    this.active?.classList.remove("is-active");
    this.active?.setAttribute("aria-selected", "false");
    this.active = option;
    option?.classList.add("is-active");
    option?.setAttribute("aria-selected", "true");
    option?.scrollIntoView({ block: "nearest" });
    if (option) this.input.setAttribute("aria-activedescendant", option.id);
    else this.input.removeAttribute("aria-activedescendant");
  }

  private key(event: KeyboardEvent): void {
    // Enter that ends the composing of Chinese means the text, not the entry.
    if (event.isComposing || event.keyCode === 229) return;
    const at = this.active ? this.options.indexOf(this.active) : -1;
    const last = this.options.length - 1;
    switch (event.key) {
      case "ArrowDown":
        event.preventDefault();
        return this.choose(this.options[at >= last ? 0 : at + 1]);
      case "ArrowUp":
        event.preventDefault();
        return this.choose(this.options[at <= 0 ? last : at - 1]);
      case "Enter":
        event.preventDefault();
        event.stopPropagation();
        if (this.active && (event.ctrlKey || event.metaKey)) window.open(this.active.href);
        else if (this.active) this.active.click();
        else if (this.query) location.assign(`${base}/search?q=${encodeURIComponent(this.query)}`);
    }
  }
}

customElements.define("m-palette", Palette);
