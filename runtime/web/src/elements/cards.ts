// `<m-cards>`: keeps the cards of a dashboard true. When records have changed on which a card rests, it asks again: at once
// where it can be seen, else as soon as it can be, and never under somebody's hands. A card that cannot be read says so and
// can be asked again, and leaves the others alone. Also prints the page.

import htmx from "htmx.org";
import { debounce } from "../page";

/** Cards that are nearly in sight are renewed, too. */
const MARGIN = 200;

/** A request of htmx, as far as cards look at it. */
interface Asked {
  sourceElement?: Element;
  response?: { status: number; headers: Headers };
}

class Cards extends HTMLElement {
  /** Cards that show all of their rows on a phone. */
  private readonly unfolded = new Set<string>();
  private readonly look = debounce(150, () => this.renew());

  connectedCallback(): void {
    document.addEventListener("mortise:changed", this.changed);
    window.addEventListener("scroll", this.look, { passive: true, capture: true });
    window.addEventListener("online", this.online);
    this.addEventListener("focusout", this.look);
    // A card's own trouble is told in the card, not beside the page.
    this.addEventListener("htmx:error", (event) => this.troubled(event) && event.stopPropagation());
    this.addEventListener("htmx:before:response", (event) => {
      const response = (event as CustomEvent<{ ctx?: Asked }>).detail?.ctx?.response;
      // An answer that leads to the sign-in page is followed.
      if (response && response.status >= 400 && !response.headers.has("hx-redirect") && this.troubled(event)) event.preventDefault();
    });
    this.addEventListener("click", (event) => {
      const pressed = (event.target as Element).closest("[data-again], [data-rest]");
      const card = pressed?.closest<HTMLElement>(".dash-card");
      if (!card) return;
      if (pressed!.matches("[data-again]")) again(card);
      else this.unfold(card);
    });
    // What was unfolded stays so when it comes anew.
    this.addEventListener("htmx:after:swap", () => this.unfolded.forEach((id) => document.getElementById(id)?.classList.add("is-open")));
  }

  disconnectedCallback(): void {
    document.removeEventListener("mortise:changed", this.changed);
    window.removeEventListener("scroll", this.look, { capture: true });
    window.removeEventListener("online", this.online);
  }

  private readonly changed = (event: Event) => {
    const kinds = (event as CustomEvent<string[] | null>).detail;
    for (const card of this.querySelectorAll<HTMLElement>("[data-follows]")) {
      const follows = card.dataset.follows!.split(" ");
      if (!kinds || kinds.some((kind) => follows.includes(kind))) card.dataset.stale = "";
    }
    this.renew();
  };

  private readonly online = () => {
    for (const button of this.querySelectorAll("[data-again]")) again(button.closest<HTMLElement>(".dash-card")!);
  };

  private renew(): void {
    for (const card of this.querySelectorAll<HTMLElement>("[data-stale]")) {
      const { top, bottom } = card.getBoundingClientRect();
      const seen = bottom > -MARGIN && top < window.innerHeight + MARGIN;
      if (!seen || card.contains(document.activeElement) || card.querySelector("details[open]")) continue;
      delete card.dataset.stale;
      htmx.trigger(card, "refresh");
    }
  }

  private unfold(card: HTMLElement): void {
    this.unfolded.add(card.id);
    const hidden = [...card.querySelectorAll<HTMLElement>(".dash-list > li")].find((row) => row.offsetParent === null);
    card.classList.add("is-open");
    hidden?.querySelector<HTMLElement>("a, button")?.focus();
  }

  /** Whether it was a card that could not be read. One that has its figures keeps them until it can be asked again. */
  private troubled(event: Event): boolean {
    const card = (event as CustomEvent<{ ctx?: Asked }>).detail?.ctx?.sourceElement;
    if (!(card instanceof HTMLElement) || !card.matches(".dash-card")) return false;
    if (card.dataset.follows !== undefined) card.dataset.stale = "";
    else this.tell(card);
    return true;
  }

  private tell(card: HTMLElement): void {
    const words = this.querySelector<HTMLTemplateElement>("template[data-failed]")!.content.cloneNode(true);
    const body = card.querySelector(".dash-body")!;
    body.classList.remove("dash-wait");
    body.removeAttribute("aria-hidden");
    body.replaceChildren(words);
    card.removeAttribute("aria-busy");
  }
}

/** Asks for a card once more, with the room that it had before it failed. */
function again(card: HTMLElement): void {
  const body = card.querySelector(".dash-body")!;
  body.classList.add("dash-wait");
  body.setAttribute("aria-hidden", "true");
  body.replaceChildren();
  card.setAttribute("aria-busy", "true");
  htmx.trigger(card, "refresh");
}

customElements.define("m-cards", Cards);

document.addEventListener("click", (event) => {
  if ((event.target as Element).closest("[data-print]")) window.print();
});

// On paper there is light: what is dark on the screen is drawn anew before, and as it was afterwards.
let theme: string | undefined;
window.addEventListener("beforeprint", () => {
  theme = document.documentElement.dataset.theme;
  document.documentElement.dataset.theme = "light";
  document.dispatchEvent(new CustomEvent("mortise:themed"));
});
window.addEventListener("afterprint", () => {
  document.documentElement.dataset.theme = theme ?? "auto";
  document.dispatchEvent(new CustomEvent("mortise:themed"));
});
