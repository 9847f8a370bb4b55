// Going places by two keys: `g`, then the letter of a list. The letters are taken from the addresses of the lists that this
// person has, in order, so that they stay the same as long as the apps do; the overlay behind `?` shows them.

import { base, element } from "../page";
import { mayUseKeys } from "../keys";

/** After `g`, the letter has to come within this time. */
const WAIT_MS = 1500;

/** Pages that everybody has. */
const FIXED = new Map([["h", `${base}/`], ["i", `${base}/inbox`], ["p", `${base}/profile`]]);

/** Address by letter. */
const places = new Map(FIXED);

/** The first letter that is still free: of the address first, which is the same in every language. */
function letterOf(link: HTMLAnchorElement): string | undefined {
  const name = link.pathname.split("/").at(-1)?.split(".").at(-1) ?? "";
  const letters = `${name}${link.textContent}`.toLowerCase().match(/[a-z]/g) ?? [];
  return letters.find((letter) => !places.has(letter) && letter !== "g");
}

function assign(): void {
  const list = document.querySelector("#shortcuts [data-places]");
  for (const link of document.querySelectorAll<HTMLAnchorElement>(".sidebar .nav-group > a.nav-link")) {
    const letter = letterOf(link);
    if (!letter) continue;
    places.set(letter, link.href);
    const keys = element("dd", {}, element("kbd", {}, "G"), " ", element("kbd", {}, letter.toUpperCase()));
    list?.append(element("div", {}, element("dt", {}, link.textContent?.trim() ?? ""), keys));
  }
}

let waitsUntil = 0;

// Before the keys of the page: the letter after `g` is no key of its own.
document.addEventListener("keydown", (event) => {
  if (!mayUseKeys(event)) return;
  if (event.timeStamp < waitsUntil) {
    waitsUntil = 0;
    const place = places.get(event.key.toLowerCase());
    if (!place) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    location.assign(place);
  } else if (event.key === "g") {
    waitsUntil = event.timeStamp + WAIT_MS;
  } else if (event.key === "?") {
    event.preventDefault();
    (document.getElementById("shortcuts") as HTMLDialogElement | null)?.showModal();
  }
}, true);

if (/Mac|iPhone|iPad/.test(navigator.platform)) for (const key of document.querySelectorAll("[data-mod]")) key.textContent = "⌘";
assign();
