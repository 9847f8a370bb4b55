// What every part of the script needs to know about the page: its texts, its base address, small builders of elements.

import check from "@tabler/icons/outline/check.svg";
import chevronRight from "@tabler/icons/outline/chevron-right.svg";
import cross from "@tabler/icons/outline/x.svg";
import file from "@tabler/icons/outline/file.svg";
import alertCircle from "@tabler/icons/outline/alert-circle.svg";
import building from "@tabler/icons/outline/building.svg";
import history from "@tabler/icons/outline/history.svg";

const icons = { check, "chevron-right": chevronRight, x: cross, file, "alert-circle": alertCircle, building, history };
const meta = (name: string) => document.querySelector<HTMLMetaElement>(`meta[name="mortise-${name}"]`)?.content ?? "";

/** Address prefix of the tenant: empty or `/t/<slug>`. */
export const base = meta("base");
/** Name of the tenant. */
export const tenant = meta("tenant");
/** Id of the person who is signed in; keys of local storage carry it, so that two people on one phone stay apart. */
export const user = meta("user");

const texts: Record<string, string> = JSON.parse(meta("texts") || "{}");

/** The words for `key` in the page's language. */
export function text(key: string, args: Record<string, string | number> = {}): string {
  return Object.entries(args).reduce((words, [name, value]) => words.replace(`{${name}}`, String(value)), texts[key] ?? key);
}

type Attributes = Record<string, string | number | boolean | EventListener | undefined>;

/** Builds an element; attributes that start with `on` are listeners; text is never read as HTML. */
export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== undefined) made.setAttribute(name, String(value));
  }
  made.append(...children);
  return made;
}

/** A Tabler icon. */
export function icon(name: keyof typeof icons, className = "icon"): Node {
  const holder = document.createElement("template");
  holder.innerHTML = icons[name];
  const svg = holder.content.querySelector("svg")!;
  svg.setAttribute("class", className);
  svg.setAttribute("aria-hidden", "true");
  return svg;
}

/** Calls `work` once things have been quiet for `wait` milliseconds. */
export function debounce<A extends unknown[]>(wait: number, work: (...args: A) => void): (...args: A) => void {
  let timer = 0;
  return (...args) => {
    window.clearTimeout(timer);
    timer = window.setTimeout(() => work(...args), wait);
  };
}

/** JSON from the server, or an error. */
export async function fetchJson<T>(url: string, init: RequestInit = {}): Promise<T> {
  const response = await fetch(url, { ...init, headers: { Accept: "application/json", ...init.headers } });
  if (!response.ok) throw new Error(`${response.status} ${response.statusText}`);
  return (await response.json()) as T;
}

/** A piece of a page from the server, drawn there; who has to sign in first is led to where that is done. */
export async function fetchPart(url: string, init: RequestInit = {}): Promise<string> {
  const response = await fetch(url, { ...init, headers: { "HX-Request": "true", ...init.headers } });
  const elsewhere = response.headers.get("hx-redirect");
  if (elsewhere) location.assign(elsewhere);
  if (elsewhere || !response.ok) throw new Error(`${response.status} ${response.statusText}`);
  return response.text();
}

/** An id that no other element of the page has. */
export const freshId = (() => {
  let count = 0;
  return (prefix: string) => `${prefix}-${++count}`;
})();
