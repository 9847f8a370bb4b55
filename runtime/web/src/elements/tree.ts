// `<m-tree>`: a node of a tree (industry, region): level by level, or by search over all levels. Values are paths: `C/C39/C391`.
// The server gives a level or what was found; a tree is never loaded as a whole.

import { debounce, element, fetchJson, icon, text } from "../page";
import { Combo, type Option } from "./combo";

/** A node as the server sends it, with the names of all nodes above it, from the top. */
interface Found {
  path: string;
  label: string;
  above: string[];
  leaf: boolean;
}

interface Answer {
  nodes: Found[];
  /** There are more, which only a search shows. */
  more: boolean;
}

/** Answers never change under their address, so each is asked for once. */
const answers = new Map<string, Promise<Answer>>();

const parentOf = (path: string) => path.slice(0, Math.max(0, path.lastIndexOf("/")));
const join = (names: string[]) => names.join(" / ");

class Tree extends Combo {
  /** Names along the path, by path, of every node that was seen. */
  private names = new Map<string, string[]>();
  private level = "";
  private query = "";
  private turn = 0;
  private more = false;
  private readonly ask = debounce(160, () => void this.load());

  protected override search(query: string): void {
    const typed = query !== this.query;
    this.query = query;
    if (typed && query) this.ask();
    else void this.load();
  }

  protected override open(): void {
    this.level = this.chosen ? parentOf(this.chosen) : "";
    super.open();
  }

  /** Picks the node of this name, or of this path of names; other words stay as typed. */
  async take(words: string): Promise<boolean> {
    const parts = words.split(/\s*[/／>]\s*/).filter(Boolean);
    const last = parts.at(-1);
    if (last === undefined) return this.write("");
    const url = new URL(this.dataset.src!, location.href);
    url.searchParams.set("q", last);
    const answer = await fetchJson<Answer>(url.href).catch(() => ({ nodes: [], more: false }) as Answer);
    const fits = ({ label, above }: Found) => label === last && parts.slice(0, -1).every((part) => above.includes(part));
    const found = answer.nodes.filter((node) => fits(node) && (this.dataset.leafOnly === undefined || node.leaf));
    if (found.length !== 1) return this.write(words);
    this.learn(found[0]!);
    this.choose({ value: found[0]!.path, title: found[0]!.label });
    return true;
  }

  private async load(): Promise<void> {
    const turn = ++this.turn;
    const url = new URL(this.dataset.src!, location.href);
    if (this.query) url.searchParams.set("q", this.query);
    else if (this.level) url.searchParams.set("under", this.level);
    if (!answers.has(url.href)) {
      if (!this.options.length) this.show([], text("loading"));
      answers.set(url.href, fetchJson<Answer>(url.href));
    }
    try {
      const answer = await answers.get(url.href)!;
      // A slow answer to an older question is dropped.
      if (turn === this.turn && this.isOpen) this.fill(answer);
    } catch {
      answers.delete(url.href);
      if (turn === this.turn) this.show([], text("unreachable"));
    }
  }

  private fill(answer: Answer): void {
    this.more = answer.more;
    for (const node of answer.nodes) this.learn(node);
    this.show(
      answer.nodes.map(({ path, label, above, leaf }) => ({
        value: path,
        title: label,
        detail: this.query ? join(above) : undefined,
        more: !leaf,
        disabled: this.dataset.leafOnly !== undefined && !leaf,
      })),
    );
  }

  /** Keeps the names of a node and of those above it. */
  private learn({ path, label, above }: Found): void {
    const names = [...above, label];
    const codes = path.split("/");
    codes.forEach((_, index) => this.names.set(codes.slice(0, index + 1).join("/"), names.slice(0, index + 1)));
  }

  protected override titleOf(option: Option): string {
    const names = this.names.get(option.value);
    return names ? join(names) : option.title;
  }

  protected override header(): Node | undefined {
    const levels = !this.query && this.level;
    if (!levels && !this.more) return undefined;
    const bar = element("div", { class: "pick-path" });
    if (levels) this.addLevels(bar);
    if (this.more) bar.append(element("span", { class: "small faint" }, text("type_for_more")));
    return bar;
  }

  private addLevels(bar: HTMLElement): void {
    const go = (path: string, label: string) =>
      element("button", { type: "button", tabindex: -1, onclick: () => this.go(path) }, label);
    bar.append(go("", text("all")));
    const parts = this.level.split("/");
    parts.forEach((_, index) => {
      const path = parts.slice(0, index + 1).join("/");
      bar.append(icon("chevron-right", "icon icon-s"), go(path, this.names.get(path)?.at(-1) ?? path));
    });
  }

  private go(level: string): void {
    this.level = level;
    this.query = "";
    void this.load();
  }

  protected override descend(option: Option): void {
    this.go(option.value);
  }

  protected override ascend(): void {
    if (!this.query && this.level) this.go(parentOf(this.level));
  }
}

customElements.define("m-tree", Tree);
