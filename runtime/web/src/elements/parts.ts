// `<m-parts>`: the parts of a form one at a time, as tabs in any order or as steps that are checked before the next one. Which
// part stands first is said by the server, so that nothing jumps; without script all of them stand below each other.

import { text } from "../page";

/** What a form around the parts can check. */
interface Checks extends HTMLElement {
  check?(part: HTMLElement): Promise<boolean>;
}

class Parts extends HTMLElement {
  private sections: HTMLElement[] = [];
  private form!: HTMLFormElement;
  /** The furthest step that was reached. */
  private reached = 0;
  private readonly watch = new MutationObserver(() => this.paint());

  connectedCallback(): void {
    this.sections = [...this.querySelectorAll<HTMLElement>("[data-section]")];
    this.form = this.closest("form")!;
    // On a card only the first part is asked.
    if (this.closest(".dash-form")) return;
    this.reached = this.dataset.open !== undefined ? this.sections.length - 1 : this.at;
    this.addEventListener("click", (event) => this.pressed(event));
    this.addEventListener("keydown", (event) => this.key(event));
    this.form.addEventListener("click", (event) => this.led(event));
    // Before everybody else who hears of forms that are sent: a step in between is not the end.
    window.addEventListener("submit", this.onSubmit, true);
    for (const section of this.sections) this.watch.observe(section, { attributes: true, attributeFilter: ["hidden"] });
    this.paint();
  }

  disconnectedCallback(): void {
    window.removeEventListener("submit", this.onSubmit, true);
    this.watch.disconnect();
  }

  private get steps(): boolean {
    return this.dataset.flow === "steps";
  }

  private get at(): number {
    return Math.max(0, this.sections.findIndex((section) => section.classList.contains("is-current")));
  }

  private get shown(): number[] {
    return this.sections.map((_, index) => index).filter((index) => !this.sections[index]!.hidden);
  }

  private button(index: number): HTMLButtonElement {
    return this.querySelector<HTMLButtonElement>(`button[data-part="${index}"]`)!;
  }

  /** The part beside the present one, if there is one. */
  private beside(step: number): number | undefined {
    const shown = this.shown;
    return shown[shown.indexOf(this.at) + step];
  }

  private readonly onSubmit = (event: SubmitEvent) => {
    if (event.target !== this.form || !this.steps || this.beside(1) === undefined) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    void this.next();
  };

  private pressed(event: MouseEvent): void {
    const button = (event.target as Element).closest<HTMLElement>("button[data-part]");
    if (button) void this.go(Number(button.dataset.part), !this.steps);
  }

  /** Links to fields, and the buttons below the form. */
  private led(event: MouseEvent): void {
    const target = event.target as Element;
    if (target.closest("[data-next]")) return void this.next();
    const before = target.closest("[data-back]") ? this.beside(-1) : undefined;
    if (before !== undefined) return this.open(before, true);
    const hash = target.closest<HTMLAnchorElement>('a[href^="#"]')?.hash;
    const field = hash ? document.getElementById(decodeURIComponent(hash.slice(1))) : null;
    const part = field ? this.sections.findIndex((section) => section.contains(field)) : -1;
    if (part < 0 || !field) return;
    event.preventDefault();
    this.open(part, false);
    field.scrollIntoView({ block: "center" });
    field.focus();
  }

  private key(event: KeyboardEvent): void {
    const target = event.target as Element;
    if (event.defaultPrevented || event.isComposing) return;
    if (target.matches('[role="tab"]')) return this.tabKey(event);
    // Enter goes on, as in any form: to the next step while there is one.
    const typed = target instanceof HTMLInputElement && !["button", "submit", "file"].includes(target.type);
    if (event.key !== "Enter" || !this.steps || !typed || this.beside(1) === undefined) return;
    event.preventDefault();
    void this.next();
  }

  private tabKey(event: KeyboardEvent): void {
    const shown = this.shown;
    const here = shown.indexOf(this.at);
    const to = { ArrowRight: here + 1, ArrowLeft: here - 1, Home: 0, End: shown.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const part = shown[(to + shown.length) % shown.length]!;
    this.open(part, false);
    this.button(part).focus();
  }

  private async next(): Promise<void> {
    const next = this.beside(1);
    if (next !== undefined) await this.go(next, true);
  }

  /** Goes to a part; forward only when the present step is in order. */
  private async go(part: number, focus: boolean): Promise<void> {
    if (this.steps && part > this.at) {
      const button = this.form.querySelector<HTMLButtonElement>("[data-next]");
      button?.classList.add("is-busy");
      const fine = await (this.closest<Checks>("m-form")?.check?.(this.sections[this.at]!) ?? true);
      button?.classList.remove("is-busy");
      if (!fine) return;
    }
    this.open(part, this.steps && focus);
  }

  private open(part: number, focus: boolean): void {
    this.sections.forEach((section, index) => section.classList.toggle("is-current", index === part));
    this.reached = Math.max(this.reached, part);
    this.paint();
    this.button(part).scrollIntoView({ block: "nearest", inline: "nearest" });
    if (!focus) return;
    const section = this.sections[part]!;
    this.scrollIntoView({ block: "nearest" });
    // With a keyboard at hand, typing can go on at once; else the heading says where one is.
    const first = matchMedia("(pointer: fine)").matches ? section.querySelector<HTMLElement>(".field:not([hidden]) :is(input:not([type=hidden]), textarea, select)") : null;
    (first ?? section.querySelector<HTMLElement>("h2"))?.focus();
  }

  private paint(): void {
    // What was shown may have been taken away by a condition.
    if (this.sections[this.at]?.hidden && this.shown.length > 0) {
      const near = this.shown.find((index) => index > this.at) ?? this.shown.at(-1)!;
      this.sections.forEach((section, index) => section.classList.toggle("is-current", index === near));
    }
    const at = this.at;
    this.sections.forEach((section, index) => {
      const button = this.button(index);
      (this.steps ? button.parentElement! : button).hidden = section.hidden;
      const wrong = section.querySelectorAll(".field.has-error").length;
      const mark = button.querySelector<HTMLElement>("[data-wrong]")!;
      mark.hidden = wrong === 0;
      mark.querySelector("[data-count]")!.textContent = String(wrong);
      if (this.steps) {
        button.disabled = index > this.reached;
        button.classList.toggle("is-done", index < at);
        if (index === at) button.setAttribute("aria-current", "step");
        else button.removeAttribute("aria-current");
      } else {
        button.setAttribute("aria-selected", String(index === at));
        button.tabIndex = index === at ? 0 : -1;
      }
    });
    if (!this.steps) return;
    const place = [this.beside(-1) === undefined && "first", this.beside(1) === undefined && "last"].filter(Boolean).join(" ");
    this.form.querySelector<HTMLElement>(".form-actions")!.dataset.place = place;
    const shown = this.shown;
    const where = this.querySelector<HTMLElement>("[data-where]")!;
    const words = text("step_of", { number: shown.indexOf(at) + 1, count: shown.length });
    if (where.textContent !== words) where.textContent = words;
    this.style.setProperty("--done", String((shown.indexOf(at) + 1) / Math.max(1, shown.length)));
  }

  /** Marks what is wrong anew: messages have changed. */
  refresh(): void {
    this.paint();
  }
}

customElements.define("m-parts", Parts);
