// `<m-visited>` notes the record that is being looked at; `<m-recent>` lists the last ones. Kept in this browser only.

import { element, user } from "../page";

/** A record that was looked at. */
export interface Visit {
  href: string;
  title: string;
  kind: string;
}

const KEY = `mortise.recent.${user}`;
/** One glance takes in this many. */
const MOST = 8;

/** The last ones, newest first. */
export function visits(): Visit[] {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? "[]") as Visit[];
  } catch {
    return [];
  }
}

class Visited extends HTMLElement {
  connectedCallback(): void {
    const visit: Visit = { href: location.pathname, title: this.dataset.title ?? "", kind: this.dataset.kind ?? "" };
    const rest = visits().filter((other) => other.href !== visit.href);
    try {
      localStorage.setItem(KEY, JSON.stringify([visit, ...rest].slice(0, MOST)));
    } catch {
      // Storage is full or forbidden: there is no list of recent records then.
    }
  }
}

class Recent extends HTMLElement {
  connectedCallback(): void {
    const list = visits();
    if (list.length === 0) return;
    this.hidden = false;
    const items = list.map((visit) =>
      element("a", { class: "related-item", href: visit.href }, element("span", { class: "grow clip" }, visit.title), element("span", { class: "small faint" }, visit.kind)),
    );
    this.querySelector("[data-list]")?.replaceChildren(...items);
  }
}

customElements.define("m-visited", Visited);
customElements.define("m-recent", Recent);
