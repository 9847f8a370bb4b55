// The behaviour that pickers share: an input with a list below it, used by mouse, touch and keyboard (ARIA combobox pattern).

import { element, freshId, icon, text } from "../page";

/** One entry of the list. */
export interface Option {
  value: string;
  title: string;
  detail?: string | undefined;
  /** Something lies below this entry (trees). */
  more?: boolean;
  /** Shown but not to be chosen. */
  disabled?: boolean;
}

/** An input with hidden value and title, a clear button and a list. */
export abstract class Combo extends HTMLElement {
  protected input!: HTMLInputElement;
  protected options: Option[] = [];
  private value!: HTMLInputElement;
  private title_!: HTMLInputElement;
  private box!: HTMLElement;
  private panel!: HTMLElement;
  private list!: HTMLUListElement;
  private active = -1;

  /** Fills the list for what was typed; calls `show`. */
  protected abstract search(query: string): void;
  /** What stands above the list (the path in a tree). */
  protected header(): Node | undefined {
    return undefined;
  }
  /** Goes one level down or up in a tree. */
  protected descend(_option: Option): void {}
  protected ascend(): void {}

  connectedCallback(): void {
    if (this.panel) return;
    const [value, title] = this.querySelectorAll<HTMLInputElement>('input[type="hidden"]');
    this.value = value!;
    this.title_ = title!;
    this.box = this.querySelector<HTMLElement>(".pick-box")!;
    this.input = this.box.querySelector("input")!;
    this.list = element("ul", { class: "pick-list", role: "listbox", id: freshId("pick") });
    this.list.setAttribute("aria-label", this.input.getAttribute("aria-label") ?? this.input.placeholder);
    this.panel = element("div", { class: "pick-panel", hidden: true }, this.list);
    this.append(this.panel);
    this.input.setAttribute("aria-controls", this.list.id);
    if (this.input.disabled) return;
    this.input.addEventListener("focus", () => this.input.select());
    this.input.addEventListener("click", () => this.open());
    this.input.addEventListener("input", () => {
      this.value.value = "";
      this.title_.value = this.input.value;
      this.paint();
      this.search(this.input.value.trim());
    });
    this.input.addEventListener("keydown", (event) => this.key(event));
    this.box.querySelector(".pick-clear")?.addEventListener("click", () => {
      this.choose({ value: "", title: "" });
      this.input.focus();
    });
    // Pressing a button of the list must not take the focus away from the input.
    this.panel.addEventListener("mousedown", (event) => event.preventDefault());
    this.list.addEventListener("click", (event) => this.pressed(event));
    this.addEventListener("focusout", (event) => {
      if (this.contains(event.relatedTarget as Node | null)) return;
      this.close();
      requestAnimationFrame(() => this.paint(true));
    });
    this.closest("form")?.addEventListener("m-restore", () => this.paint());
    this.paint(true);
  }

  private paint(keepText = false): void {
    this.box.classList.toggle("has-value", this.value.value !== "");
    const left = document.activeElement !== this.input;
    if (!keepText && left) this.input.value = this.title_.value;
    // Of a path that is too long the end says most.
    const tail = left && this.input.value.includes(" / ");
    this.input.classList.toggle("is-tail", tail);
    if (tail) this.input.scrollLeft = this.input.scrollWidth;
  }

  protected get isOpen(): boolean {
    return !this.panel.hidden;
  }

  protected open(): void {
    if (this.isOpen) return;
    this.panel.hidden = false;
    this.input.setAttribute("aria-expanded", "true");
    this.search(this.value.value ? "" : this.input.value.trim());
  }

  protected close(): void {
    this.panel.hidden = true;
    this.active = -1;
    this.input.setAttribute("aria-expanded", "false");
    this.input.removeAttribute("aria-activedescendant");
  }

  /** Draws the list; with no options, the note says why. */
  protected show(options: Option[], note = text("nothing_found")): void {
    if (!this.isOpen) {
      this.panel.hidden = false;
      this.input.setAttribute("aria-expanded", "true");
    }
    this.options = options;
    this.panel.querySelector(".pick-path")?.remove();
    const header = this.header();
    if (header) this.panel.prepend(header);
    const items = options.map((option, index) => this.draw(option, index));
    this.list.replaceChildren(...(items.length ? items : [element("li", { class: "pick-note", role: "option", "aria-disabled": "true" }, note)]));
    this.activate(options.findIndex((option) => option.value === this.value.value && option.value !== ""));
  }

  private draw(option: Option, index: number): HTMLLIElement {
    const words = element("span", { class: "grow" }, option.title);
    if (option.detail) words.append(element("span", { class: "detail" }, option.detail));
    const item = element("li", { class: "pick-option", role: "option", id: `${this.list.id}-${index}`, "data-index": index }, words);
    item.setAttribute("aria-selected", String(option.value === this.value.value));
    if (option.disabled && !option.more) item.setAttribute("aria-disabled", "true");
    if (option.more) {
      item.append(element("button", { class: "pick-down", type: "button", tabindex: -1, "aria-label": text("open_level") }, icon("chevron-right", "icon icon-s")));
    }
    return item;
  }

  private activate(index: number): void {
    this.active = index;
    this.list.querySelectorAll(".pick-option").forEach((item, at) => item.classList.toggle("is-active", at === index));
    const item = index >= 0 ? document.getElementById(`${this.list.id}-${index}`) : null;
    if (item) this.input.setAttribute("aria-activedescendant", item.id);
    else this.input.removeAttribute("aria-activedescendant");
    item?.scrollIntoView({ block: "nearest" });
  }

  private pressed(event: MouseEvent): void {
    const target = event.target as Element;
    const index = target.closest<HTMLElement>("[data-index]")?.dataset.index;
    const option = index === undefined ? undefined : this.options[Number(index)];
    if (!option) return;
    if (target.closest(".pick-down") || (option.disabled && option.more)) this.descend(option);
    else if (!option.disabled) this.choose(option);
  }

  private key(event: KeyboardEvent): void {
    const option = this.options[this.active];
    const last = this.options.length - 1;
    switch (event.key) {
      case "ArrowDown":
      case "ArrowUp":
        event.preventDefault();
        if (!this.isOpen) return this.open();
        return this.activate(event.key === "ArrowDown" ? Math.min(last, this.active + 1) : Math.max(0, this.active - 1));
      case "ArrowRight":
        if (this.isOpen && option?.more) {
          event.preventDefault();
          this.descend(option);
        }
        return;
      case "ArrowLeft":
        if (this.isOpen && this.input.selectionStart === 0) this.ascend();
        return;
      case "Enter":
        // Never sends the form by accident while something is being picked.
        if (this.isOpen) event.preventDefault();
        if (this.isOpen && option?.disabled && option.more) this.descend(option);
        else if (this.isOpen && option && !option.disabled) this.choose(option);
        return;
      case "Escape":
        if (!this.isOpen) return;
        event.stopPropagation();
        this.close();
    }
  }

  protected choose(option: Option): void {
    this.value.value = option.value;
    this.title_.value = option.value ? this.titleOf(option) : "";
    this.input.value = this.title_.value;
    this.close();
    this.paint(true);
    this.value.dispatchEvent(new Event("change", { bubbles: true }));
  }

  /** Words that nothing was picked for: kept beside no value, as if they had been typed. */
  protected write(words: string): boolean {
    this.value.value = "";
    this.title_.value = words;
    this.input.value = words;
    this.paint(true);
    this.value.dispatchEvent(new Event("change", { bubbles: true }));
    return words === "";
  }

  /** How the chosen entry is named in the closed input. */
  protected titleOf(option: Option): string {
    return option.title;
  }

  /** The chosen value. */
  protected get chosen(): string {
    return this.value.value;
  }
}
