// `<m-tree>`: a node of a tree (industry, region): level by level, or by search over all levels. Values are paths: `C/C39/C391`.

import { element, fetchJson, icon, text } from "../page";
import { Combo, type Option } from "./combo";

/** A node as the server sends it: path, name, 1 when nothing is below it. In tree order. */
type Node_ = [path: string, label: string, leaf: 0 | 1];

/** More search results than this help nobody. */
const MOST_RESULTS = 60;
const loaded = new Map<string, Promise<Node_[]>>();

const parentOf = (path: string) => path.slice(0, Math.max(0, path.lastIndexOf("/")));

class Tree extends Combo {
  private nodes: Node_[] = [];
  private labels = new Map<string, string>();
  private level = "";
  private query = "";

  protected override search(query: string): void {
    this.query = query;
    if (this.nodes.length) return this.fill();
    const source = this.dataset.src!;
    if (!loaded.has(source)) loaded.set(source, fetchJson<Node_[]>(source));
    this.show([], text("loading"));
    loaded.get(source)!.then(
      (nodes) => {
        this.nodes = nodes;
        this.labels = new Map(nodes.map(([path, label]) => [path, label]));
        this.level = this.chosen ? parentOf(this.chosen) : "";
        if (this.isOpen) this.fill();
      },
      () => {
        loaded.delete(source);
        this.show([], text("unreachable"));
      },
    );
  }

  protected override open(): void {
    if (this.nodes.length) this.level = this.chosen ? parentOf(this.chosen) : "";
    super.open();
  }

  private fill(): void {
    this.show(this.query ? this.found() : this.children_());
  }

  private option([path, label, leaf]: Node_, detail?: string): Option {
    return { value: path, title: label, detail, more: !leaf, disabled: this.dataset.leafOnly !== undefined && !leaf };
  }

  private children_(): Option[] {
    const prefix = this.level ? `${this.level}/` : "";
    return this.nodes
      .filter(([path]) => path.startsWith(prefix) && path !== this.level && !path.slice(prefix.length).includes("/"))
      .map((node) => this.option(node));
  }

  private found(): Option[] {
    const query = this.query.toLowerCase();
    const hits = this.nodes.filter(([path, label]) => label.toLowerCase().includes(query) || path.toLowerCase().endsWith(query));
    // Names that begin with what was typed come first; the order of the tree decides among equals.
    hits.sort((a, b) => Number(b[1].toLowerCase().startsWith(query)) - Number(a[1].toLowerCase().startsWith(query)));
    return hits.slice(0, MOST_RESULTS).map((node) => this.option(node, this.words(parentOf(node[0]))));
  }

  /** The names along a path. */
  private words(path: string): string {
    if (!path) return "";
    const parts = path.split("/");
    return parts.map((_, index) => this.labels.get(parts.slice(0, index + 1).join("/")) ?? "").join(" / ");
  }

  protected override titleOf(option: Option): string {
    return this.words(option.value) || option.title;
  }

  protected override header(): Node | undefined {
    if (this.query || !this.level) return undefined;
    const bar = element("div", { class: "pick-path" });
    const go = (path: string, label: string) =>
      element("button", { type: "button", tabindex: -1, onclick: () => { this.level = path; this.fill(); } }, label);
    bar.append(go("", text("all")));
    const parts = this.level.split("/");
    parts.forEach((_, index) => {
      const path = parts.slice(0, index + 1).join("/");
      bar.append(icon("chevron-right", "icon icon-s"), go(path, this.labels.get(path) ?? path));
    });
    return bar;
  }

  protected override descend(option: Option): void {
    this.level = option.value;
    this.query = "";
    this.fill();
  }

  protected override ascend(): void {
    if (this.query || !this.level) return;
    this.level = parentOf(this.level);
    this.fill();
  }
}

customElements.define("m-tree", Tree);
