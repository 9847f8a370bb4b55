// `<m-countdown>`: the time that is left until a moment, told anew as it passes, in the colour of how much is left. The
// server said it in words already; here it is kept true.

import { text } from "../page";

/** From this share of the limit on a clock is amber; the server's share is the same. */
const AMBER_FROM = 70;
/** Further away than this it says nothing new every second. */
const CLOSE = 120_000;

/** The present time of the tenant, which is ahead of the device's where time is moved for tests. */
function now(): number {
  return Date.now() + Number(document.documentElement.dataset.ahead ?? 0);
}

/** A length of time by its two largest units. */
function length(milliseconds: number): string {
  const seconds = Math.floor(milliseconds / 1000);
  const units: [string, number][] = [
    ["days", Math.floor(seconds / 86_400)],
    ["hours", Math.floor(seconds / 3_600) % 24],
    ["minutes", Math.floor(seconds / 60) % 60],
  ];
  const first = units.findIndex(([, count]) => count > 0);
  if (first < 0) return text("seconds", { count: seconds });
  return units.slice(first, first + 2).filter(([, count]) => count > 0).map(([unit, count]) => text(unit, { count })).join(text("duration_separator"));
}

class Countdown extends HTMLElement {
  private timer = 0;
  private due = 0;
  private used = 0;
  private since = now();

  connectedCallback(): void {
    this.due = Date.parse(this.dataset.due ?? "");
    this.used = Number(this.dataset.used ?? 0);
    this.since = now();
    if (!Number.isNaN(this.due)) this.tick();
  }

  disconnectedCallback(): void {
    window.clearTimeout(this.timer);
  }

  private tick(): void {
    const left = this.due - now();
    const told = this.querySelector("[data-left]");
    const words = left < 0 ? text("clock_over", { time: length(-left) }) : text("clock_left", { time: length(left) });
    if (told && told.textContent !== words) told.textContent = words;
    this.paint(left);
    this.timer = window.setTimeout(() => this.tick(), Math.abs(left) < CLOSE ? 1_000 : 20_000);
  }

  /** What is used runs evenly from what the server said to all of it at the limit. */
  private paint(left: number): void {
    const whole = this.due - this.since;
    const used = left <= 0 || whole <= 0 ? 100 : this.used + (100 - this.used) * (1 - left / whole);
    const bar = this.querySelector("progress");
    if (bar) bar.value = used;
    const tone = left <= 0 ? "tone-red" : used >= AMBER_FROM ? "tone-orange" : "tone-green";
    const clock = this.closest(".clock");
    if (!clock || clock.classList.contains(tone)) return;
    clock.classList.remove("tone-red", "tone-orange", "tone-green");
    clock.classList.add(tone);
  }
}

customElements.define("m-countdown", Countdown);
