// `<m-sandbox>`: around the form that looks ahead. It asks for the answer line by line, tells how far it is, and puts the
// report in its place; whoever leaves the page or presses "Cancel" ends the simulation.

import { text } from "../page";
import { toast } from "../toasts";

interface News {
  day?: number;
  days?: number;
  text?: string;
  html?: string;
}

/** The lines of an answer as they come. */
async function* lines(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const reader = body.pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const parts = (rest + value).split("\n");
    rest = parts.pop() ?? "";
    yield* parts.filter((line) => line !== "");
  }
}

class Sandbox extends HTMLElement {
  private running: AbortController | null = null;
  private readonly leave = (): void => this.running?.abort();
  private readonly unfold = (): void => {
    for (const details of this.querySelectorAll<HTMLDetailsElement>(".sandbox-records")) details.open = true;
  };

  connectedCallback(): void {
    const form = this.querySelector("form")!;
    // A press, not the form's own event: this is no way to another page.
    this.piece("run").addEventListener("click", (event) => {
      event.preventDefault();
      if (!this.running && form.reportValidity()) void this.run(form);
    });
    this.piece("stop").addEventListener("click", this.leave);
    for (const choice of this.querySelectorAll<HTMLButtonElement>("[data-days]")) {
      choice.hidden = false;
      choice.addEventListener("click", () => (form.querySelector<HTMLInputElement>("[name=days]")!.value = choice.dataset.days!));
    }
    this.addEventListener("click", (event) => {
      if ((event.target as Element).closest("[data-print]")) window.print();
    });
    window.addEventListener("pagehide", this.leave);
    window.addEventListener("beforeprint", this.unfold);
    this.dress();
  }

  disconnectedCallback(): void {
    this.leave();
    window.removeEventListener("pagehide", this.leave);
    window.removeEventListener("beforeprint", this.unfold);
  }

  private piece(name: string): HTMLElement {
    return this.querySelector<HTMLElement>(`[data-${name}]`)!;
  }

  /** What only works with a script is shown by it. */
  private dress(): void {
    for (const button of this.querySelectorAll<HTMLElement>("[data-print]")) button.hidden = false;
  }

  private async run(form: HTMLFormElement): Promise<void> {
    const running = new AbortController();
    this.running = running;
    this.busy(true);
    this.piece("outcome").replaceChildren();
    try {
      const answer = await fetch(form.action, {
        method: "POST",
        body: new FormData(form),
        headers: { Accept: "application/x-ndjson" },
        signal: running.signal,
      });
      if (!answer.ok || !answer.body) throw new Error(`${answer.status}`);
      for await (const line of lines(answer.body)) this.tell(JSON.parse(line) as News);
    } catch {
      if (!running.signal.aborted) toast(text("unreachable"), "error");
    } finally {
      this.running = null;
      this.busy(false);
    }
  }

  private busy(busy: boolean): void {
    this.piece("progress").hidden = !busy;
    this.piece("stop").hidden = !busy;
    this.piece("run").classList.toggle("is-busy", busy);
    this.piece("text").textContent = "";
    this.querySelector("progress")!.removeAttribute("value");
  }

  private tell(news: News): void {
    if (news.html !== undefined) {
      const outcome = this.piece("outcome");
      // Markup of our own server, in which every text is escaped.
      outcome.innerHTML = news.html;
      this.dress();
      outcome.focus({ preventScroll: true });
      outcome.scrollIntoView({ block: "start", behavior: "smooth" });
      return;
    }
    const bar = this.querySelector("progress")!;
    if (news.day) {
      bar.max = news.days ?? 1;
      bar.value = news.day - 1;
    }
    this.piece("text").textContent = news.text ?? "";
  }
}

customElements.define("m-sandbox", Sandbox);
