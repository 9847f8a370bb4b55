// `<m-outbox>`: small words at the edge that something waits, is being sent, or needs the person. Says nothing when all is well.

import { base, user } from "../page";
import { toast } from "../toasts";
import { isAway, onChange, store, ending } from "./outbox";

class Outbox extends HTMLElement {
  private stop: (() => void) | undefined;
  private had = false;

  connectedCallback(): void {
    if (!user) return;
    this.stop = onChange(() => void this.paint());
    void this.paint();
    this.tellKept();
  }

  disconnectedCallback(): void {
    this.stop?.();
  }

  private async paint(): Promise<void> {
    const items = await (await store()).items();
    const waiting = items.filter(({ state }) => state === "waiting" || state === "sending").length;
    const trouble = items.length - waiting;
    const sending = items.some(({ state }) => state === "sending");
    // The page of what waits says it itself.
    this.hidden = items.length === 0 || document.querySelector("m-waiting") !== null;
    this.classList.toggle("has-trouble", trouble > 0);
    const count = (words: string | undefined, number: number) => (words ?? "").replace("{count}", String(number));
    const say = this.querySelector("[data-words]");
    const parts = [
      waiting > 0 && (sending ? this.dataset.sending : count(this.dataset.waiting, waiting)),
      trouble > 0 && count(this.dataset.trouble, trouble),
      waiting > 0 && ending.blocked === "sign-in" && this.dataset.signIn,
      waiting > 0 && ending.blocked === "other-person" && this.dataset.other,
    ];
    const words = parts.filter(Boolean).join(" · ");
    if (say && say.textContent !== words) say.textContent = words;
    if (this.had && items.length === 0 && !isAway()) toast(this.dataset.sent ?? "");
    this.had = items.length > 0;
    await this.markRecord(items.map(({ id }) => id));
  }

  /** A record's page that is older than what the person said about it tells so. */
  private async markRecord(ids: string[]): Promise<void> {
    const id = /\/a\/[^/]+\/[^/]+\/([0-9a-f-]{36})$/.exec(location.pathname)?.[1];
    const known = document.querySelector(".unsent-note");
    if (!id || !ids.includes(id)) return known?.remove();
    if (known) return;
    const note = document.createElement("p");
    note.className = "alert alert-warn unsent-note";
    const link = document.createElement("a");
    link.href = `${base}/offline`;
    link.textContent = this.dataset.unsent ?? "";
    note.append(link);
    document.querySelector("#main")?.prepend(note);
  }

  /** What the page before had to say. */
  private tellKept(): void {
    try {
      const words = sessionStorage.getItem("mortise.told");
      if (words) toast(words);
      sessionStorage.removeItem("mortise.told");
    } catch {
      // Nothing to tell.
    }
  }
}

customElements.define("m-outbox", Outbox);
