// `<m-tenants>`: the other organisations of this server where this browser is signed in. The server cannot tell: its cookies are
// each for one of them. So the browser remembers where somebody signed in, and asks each whether that still holds.

import { base, element, icon, tenant, user } from "../page";

interface Known {
  base: string;
  name: string;
}

/** Not below `mortise.`, which is emptied when one of them is left. */
const KEY = "mortise-tenants";
/** More would be a list to search in. */
const MOST = 12;

function known(): Known[] {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? "[]") as Known[];
  } catch {
    return [];
  }
}

function keep(list: Known[]): void {
  try {
    localStorage.setItem(KEY, JSON.stringify(list.slice(0, MOST)));
  } catch {
    // Storage is full or forbidden: there is no list of other organisations then.
  }
}

/** Forgets one of them: this person signed out. */
export function leaveTenant(): void {
  keep(known().filter((one) => one.base !== base));
}

async function stillSignedIn(one: Known): Promise<boolean> {
  try {
    return (await fetch(`${one.base}/api/v1/session`, { headers: { Accept: "application/json" } })).ok;
  } catch {
    return false;
  }
}

class Tenants extends HTMLElement {
  connectedCallback(): void {
    if (user) keep([{ base, name: tenant }, ...known().filter((one) => one.base !== base)]);
    // Asked only when somebody looks.
    this.closest("details")?.addEventListener("toggle", () => void this.draw(), { once: true });
  }

  private async draw(): Promise<void> {
    const others = known().filter((one) => one.base !== base);
    const open = await Promise.all(others.map(stillSignedIn));
    const shown = others.filter((_, index) => open[index]);
    if (shown.length === 0) return;
    const links = shown.map((one) => element("a", { class: "menu-item", href: `${one.base}/` }, icon("building"), element("span", { class: "clip" }, one.name)));
    this.querySelector("[data-list]")!.replaceChildren(...links);
    this.hidden = false;
  }
}

customElements.define("m-tenants", Tenants);
