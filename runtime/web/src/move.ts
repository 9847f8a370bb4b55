// Moving cards between columns of a board or days of a calendar: by mouse, by finger (after a long press, so that swiping still
// scrolls) and by keyboard. Every way ends in the same request; what the server says against it is shown, and the card goes back.

import htmx from "htmx.org";
import { text } from "./page";
import { toast } from "./toasts";

/** A finger that rests so long takes a card. */
const PRESS_MS = 380;
/** Further than this it was no rest, and a mouse means to drag. */
const SLACK = 7;
/** So near to an edge the board scrolls by itself, and so fast. */
const EDGE = 56;
const SPEED = 14;

/** What the server makes of a move. */
interface Answer {
  kind: "done" | "stale" | "refused" | "form" | "choose";
  message?: string;
  html?: string;
  href?: string;
  card?: string;
  lane?: string;
  heads?: { id: string; count: string; sum?: string }[];
  /** Of a problem. */
  title?: string;
}

/** A card under way. */
interface Carried {
  card: HTMLElement;
  from: HTMLElement;
  to: HTMLElement;
  ghost?: HTMLElement;
  keyboard: boolean;
}

/** Markup of our own server, in which every text is escaped. */
function built(html: string): HTMLElement | null {
  const holder = document.createElement("template");
  holder.innerHTML = html;
  return holder.content.firstElementChild as HTMLElement | null;
}

export class Mover {
  private readonly over = new AbortController();
  private readonly words: Record<string, string>;
  private carried: Carried | undefined;
  private pressed: { card: HTMLElement; x: number; y: number; touch: boolean; timer: number } | undefined;
  private pointer = { x: 0, y: 0 };
  private frame = 0;
  /** When a card was put down last. */
  private settledAt = 0;

  /** `row` is how many lanes stand side by side where there are several rows of them. */
  constructor(private readonly host: HTMLElement, private readonly row = 0) {
    this.words = JSON.parse(host.dataset.texts ?? "{}") as Record<string, string>;
    const { signal } = this.over;
    host.addEventListener("pointerdown", (event) => this.press(event), { signal });
    host.addEventListener("keydown", (event) => this.key(event), { signal });
    host.addEventListener("keyup", (event) => {
      if (event.key === " " && (event.target as Element).closest("[data-grip]")) event.preventDefault();
    }, { signal });
    host.addEventListener("focusout", (event) => {
      if (this.carried?.keyboard && event.target === this.grip(this.carried.card)) this.cancel();
    }, { signal });
    // A card that is carried must not scroll the page below it.
    host.addEventListener("touchmove", (event) => {
      if (this.carried && event.cancelable) event.preventDefault();
    }, { signal, passive: false });
    host.addEventListener("contextmenu", (event) => {
      if (this.carried || this.pressed?.touch) event.preventDefault();
    }, { signal });
    host.addEventListener("click", (event) => this.click(event), { signal, capture: true });
    document.addEventListener("pointermove", (event) => this.moved(event), { signal });
    document.addEventListener("pointerup", () => this.release(), { signal });
    document.addEventListener("pointercancel", () => this.lose(), { signal });
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && this.carried) {
        event.preventDefault();
        event.stopPropagation();
        this.cancel();
      }
    }, { signal, capture: true });
  }

  /** Lets go of everything. */
  stop(): void {
    this.drop();
    this.over.abort();
  }

  // By pointer.

  private press(event: PointerEvent): void {
    const card = (event.target as Element).closest<HTMLElement>("[data-card]");
    if (!card || event.button !== 0 || this.carried || card.ariaBusy === "true") return;
    const touch = event.pointerType !== "mouse";
    const grip = (event.target as Element).closest("[data-grip]") !== null;
    this.pointer = { x: event.clientX, y: event.clientY };
    const timer = touch ? window.setTimeout(() => this.pressed && this.lift(), grip ? 120 : PRESS_MS) : 0;
    this.pressed = { card, x: event.clientX, y: event.clientY, touch, timer };
  }

  private moved(event: PointerEvent): void {
    this.pointer = { x: event.clientX, y: event.clientY };
    if (this.carried && !this.carried.keyboard) {
      this.follow();
      return;
    }
    const pressed = this.pressed;
    if (!pressed || Math.hypot(event.clientX - pressed.x, event.clientY - pressed.y) < SLACK) return;
    // A finger that moves before it rested is swiping.
    if (pressed.touch) this.lose();
    else this.lift();
  }

  private lift(): void {
    const { card, touch } = this.pressed!;
    window.clearTimeout(this.pressed!.timer);
    this.pressed = undefined;
    if (!this.take(card, false)) return;
    if (touch) navigator.vibrate?.(12);
    const box = card.getBoundingClientRect();
    const ghost = card.cloneNode(true) as HTMLElement;
    ghost.classList.remove("is-carried");
    ghost.classList.add("is-ghost");
    this.grip(ghost)?.removeAttribute("aria-pressed");
    ghost.removeAttribute("data-card");
    ghost.setAttribute("aria-hidden", "true");
    ghost.inert = true;
    ghost.style.width = `${box.width}px`;
    ghost.style.setProperty("--grab-x", `${this.pointer.x - box.left}px`);
    ghost.style.setProperty("--grab-y", `${this.pointer.y - box.top}px`);
    document.body.append(ghost);
    this.carried!.ghost = ghost;
    this.follow();
    this.frame = requestAnimationFrame(() => this.scroll());
  }

  private follow(): void {
    const carried = this.carried!;
    carried.ghost!.style.setProperty("--at-x", `${this.pointer.x}px`);
    carried.ghost!.style.setProperty("--at-y", `${this.pointer.y}px`);
    const below = document.elementFromPoint(this.pointer.x, this.pointer.y)?.closest<HTMLElement>("[data-lane]");
    if (below && this.host.contains(below)) this.aim(below);
  }

  /** Near its edges the board scrolls below the card. */
  private scroll(): void {
    if (!this.carried?.ghost) return;
    const lanes = this.scroller();
    const box = lanes.getBoundingClientRect();
    const { x, y } = this.pointer;
    if (x > box.right - EDGE) lanes.scrollLeft += SPEED;
    else if (x < box.left + EDGE) lanes.scrollLeft -= SPEED;
    if (y > innerHeight - EDGE) window.scrollBy(0, SPEED);
    else if (y < EDGE) window.scrollBy(0, -SPEED);
    this.follow();
    this.frame = requestAnimationFrame(() => this.scroll());
  }

  private release(): void {
    if (this.carried && !this.carried.keyboard) {
      const { card, from, to } = this.carried;
      this.drop();
      this.settledAt = performance.now();
      if (to !== from) void this.send(card, from, to);
      else this.say("cancelled", card);
    }
    this.lose();
  }

  private lose(): void {
    if (this.pressed) window.clearTimeout(this.pressed.timer);
    this.pressed = undefined;
    if (this.carried && !this.carried.keyboard) this.cancel();
  }

  // By keyboard.

  private key(event: KeyboardEvent): void {
    const grip = (event.target as Element).closest<HTMLElement>("[data-grip]");
    const card = grip?.closest<HTMLElement>("[data-card]");
    if (!grip || !card) return;
    const takes = event.key === " " || event.key === "Enter";
    if (!this.carried) {
      if (takes && card.ariaBusy !== "true" && this.take(card, true)) event.preventDefault();
      return;
    }
    const steps: Record<string, number> = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -this.row, ArrowDown: this.row };
    const step = steps[event.key];
    if (takes) {
      event.preventDefault();
      const { card: moved, from, to } = this.carried;
      this.drop();
      if (to === from) this.say("cancelled", moved);
      else void this.send(moved, from, to, { focus: true });
    } else if (step !== undefined) {
      event.preventDefault();
      const lanes = this.lanes();
      const next = lanes[lanes.indexOf(this.carried.to) + step];
      if (next && step !== 0) {
        this.aim(next);
        next.scrollIntoView({ block: "nearest", inline: "nearest" });
        this.say("over", card, next);
      }
    }
  }

  // Whichever way.

  private lanes(): HTMLElement[] {
    return [...this.host.querySelectorAll<HTMLElement>("[data-lane]")];
  }

  private scroller(): HTMLElement {
    return this.host.querySelector<HTMLElement>(".vboard-lanes, .cal-scroll") ?? this.host;
  }

  private grip(card: HTMLElement): HTMLElement | null {
    return card.querySelector<HTMLElement>("[data-grip]");
  }

  private take(card: HTMLElement, keyboard: boolean): boolean {
    const from = card.closest<HTMLElement>("[data-lane]");
    if (!from) return false;
    this.carried = { card, from, to: from, keyboard };
    card.classList.add("is-carried");
    this.host.classList.add("is-moving");
    this.grip(card)?.setAttribute("aria-pressed", "true");
    this.say("picked", card, from);
    return true;
  }

  private aim(lane: HTMLElement): void {
    const carried = this.carried!;
    if (carried.to === lane && lane.classList.contains("is-target")) return;
    carried.to.classList.remove("is-target");
    carried.to = lane;
    lane.classList.toggle("is-target", lane !== carried.from);
  }

  private drop(): void {
    cancelAnimationFrame(this.frame);
    const carried = this.carried;
    this.carried = undefined;
    this.host.classList.remove("is-moving");
    if (!carried) return;
    carried.ghost?.remove();
    carried.to.classList.remove("is-target");
    carried.card.classList.remove("is-carried");
    this.grip(carried.card)?.removeAttribute("aria-pressed");
  }

  private cancel(): void {
    const card = this.carried?.card;
    this.drop();
    if (card) this.say("cancelled", card);
  }

  private fill(key: string, card: HTMLElement, lane?: HTMLElement): string {
    const words = this.words[key] ?? key;
    return words.replaceAll("{title}", card.dataset.title ?? "").replaceAll("{lane}", lane?.dataset.label ?? "");
  }

  /** Tells those who do not see the board. */
  private say(key: string, card: HTMLElement, lane?: HTMLElement): void {
    this.tell(this.fill(key, card, lane));
  }

  private tell(words: string): void {
    const said = this.host.querySelector("[data-said]");
    if (said) said.textContent = words;
  }

  // What the server makes of it.

  private async send(card: HTMLElement, from: HTMLElement, to: HTMLElement, how: { focus?: boolean; transition?: string } = {}): Promise<void> {
    const next = card.nextElementSibling;
    to.querySelector("[data-cards]")!.prepend(card);
    card.ariaBusy = "true";
    this.say("working", card);
    const back = () => {
      from.querySelector("[data-cards]")!.insertBefore(card, next?.isConnected && from.contains(next) ? next : null);
      card.ariaBusy = "false";
      if (how.focus) this.grip(card)?.focus();
    };
    const { url, view, here } = this.host.dataset;
    const body = new URLSearchParams({ here: here ?? "", view: view ?? "", to: to.dataset.lane!, version: card.dataset.version! });
    if (how.transition) body.set("transition", how.transition);
    let answer: Answer;
    try {
      const response = await fetch(`${url}/${card.dataset.card}/move`, { method: "POST", body, headers: { Accept: "application/json" } });
      answer = (await response.json()) as Answer;
    } catch {
      back();
      const words = this.fill("failed", card);
      this.tell(words);
      toast(words, "error");
      return;
    }
    switch (answer.kind) {
      case "done":
        this.settle(card, answer, how.focus === true);
        this.say(answer.card ? "done" : "left", card, to);
        if (!answer.card) toast(this.fill("left", card, to));
        return;
      case "stale":
        back();
        this.settle(card, answer, how.focus === true);
        this.tell(answer.message ?? "");
        toast(answer.message ?? "", "error");
        return;
      case "form":
        back();
        await this.ask(answer.href!);
        return;
      case "choose":
      case "refused":
        back();
        this.tell(answer.message ?? "");
        this.open(answer.html ?? "", (transition) => void this.send(card, from, to, { ...how, transition }));
        return;
      default:
        back();
        toast(answer.title ?? text("unreachable"), "error");
    }
  }

  /** Puts the card as it is now where it is now, and the figures above the columns. */
  private settle(card: HTMLElement, answer: Answer, focus: boolean): void {
    const fresh = answer.card ? built(answer.card) : null;
    if (fresh) {
      const lane = this.lanes().find((one) => one.dataset.lane === answer.lane);
      if (lane && !lane.contains(card)) lane.querySelector("[data-cards]")!.prepend(card);
      card.replaceWith(fresh);
      fresh.classList.add("is-fresh");
      if (focus) this.grip(fresh)?.focus();
    } else {
      card.remove();
    }
    if (!answer.heads?.length && !this.host.querySelector("[data-count]")) return;
    for (const lane of this.lanes()) {
      const head = answer.heads?.find((one) => one.id === lane.dataset.lane);
      const [count, sum] = [lane.querySelector("[data-count]"), lane.querySelector("[data-sum]")];
      if (count) count.textContent = head?.count ?? "0";
      if (sum) sum.textContent = head?.sum ?? "";
    }
  }

  private dialog(): HTMLDialogElement {
    return this.host.querySelector<HTMLDialogElement>("[data-dialog-move]")!;
  }

  private open(html: string, choose: (transition: string) => void): void {
    const dialog = this.dialog();
    const body = dialog.querySelector<HTMLElement>("[data-dialog-body]")!;
    body.innerHTML = html;
    for (const way of body.querySelectorAll<HTMLElement>("[data-transition]")) {
      way.addEventListener("click", () => {
        dialog.close();
        choose(way.dataset.transition!);
      });
    }
    dialog.showModal();
  }

  /** Shows the form that asks for what the step needs, here; where that does not work, on its own page. */
  private async ask(href: string): Promise<void> {
    const response = await fetch(href, { headers: { Accept: "text/html" } }).catch(() => undefined);
    const page = response?.ok ? await response.text() : "";
    const dialog = this.dialog();
    const body = dialog.querySelector<HTMLElement>("[data-dialog-body]")!;
    const frame = this.host.querySelector<HTMLTemplateElement>("[data-dialog-form]")!.content.cloneNode(true);
    body.replaceChildren(frame);
    if (!this.put(page)) {
      location.assign(href);
      return;
    }
    dialog.showModal();
    body.querySelector<HTMLElement>(".field input:not([type=hidden]), .field select, .field textarea")?.focus();
  }

  /** Puts the form of a page into the dialog. */
  private put(page: string): boolean {
    const found = new DOMParser().parseFromString(page, "text/html");
    const form = found.querySelector("m-form");
    const place = this.dialog().querySelector<HTMLElement>("[data-form]");
    if (!form || !place) return false;
    const heading = found.querySelector("h1")?.textContent;
    const title = this.dialog().querySelector("#move-dialog-title");
    if (heading && title) title.textContent = heading;
    const inner = form.querySelector("form")!;
    for (const name of ["hx-post", "hx-target", "hx-select", "hx-swap"]) inner.removeAttribute(name);
    place.replaceChildren(document.importNode(form, true));
    place.querySelector("form")!.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.submit(event.currentTarget as HTMLFormElement, event.submitter);
    });
    // The way back of the form's page is closing the dialog.
    for (const link of place.querySelectorAll<HTMLElement>(".form-actions a")) {
      link.addEventListener("click", (event) => {
        event.preventDefault();
        this.dialog().close();
      });
    }
    return true;
  }

  private async submit(form: HTMLFormElement, submitter: HTMLElement | null): Promise<void> {
    const body = new URLSearchParams();
    for (const [name, value] of new FormData(form, submitter)) if (typeof value === "string") body.append(name, value);
    try {
      const response = await fetch(form.action, { method: "POST", body, headers: { "HX-Request": "true", Accept: "text/html" } });
      if (response.headers.has("hx-redirect")) {
        this.dialog().close();
        // The list is read again, with what changed.
        await htmx.ajax("GET", location.href, { target: "#list", select: "#list", swap: "outerHTML" });
        return;
      }
      if (!this.put(await response.text())) location.reload();
    } catch {
      toast(text("unreachable"), "error");
    } finally {
      delete form.dataset.busy;
      document.documentElement.classList.remove("is-loading");
      for (const button of form.querySelectorAll(".is-busy")) button.classList.remove("is-busy");
    }
  }

  private click(event: MouseEvent): void {
    // The click that ends a drag is not meant for the link on the card.
    if (performance.now() - this.settledAt < 300) {
      event.preventDefault();
      event.stopPropagation();
    }
  }
}
