// `<m-files>`: files and photos, uploaded at once with progress; the form carries only their ids.

import { base, element, icon, text } from "../page";
import type { Snapshot } from "../drafts";
import { upload } from "./upload";

const MIB = 1024 * 1024;

class Files extends HTMLElement {
  private list!: HTMLUListElement;

  connectedCallback(): void {
    this.list = this.querySelector("ul")!;
    const input = this.querySelector<HTMLInputElement>('input[type="file"]');
    if (!input) return;
    const zone = this.querySelector<HTMLElement>(".file-drop")!;
    input.addEventListener("change", () => {
      this.take([...(input.files ?? [])]);
      input.value = "";
    });
    for (const type of ["dragover", "dragleave", "drop"])
      zone.addEventListener(type, (event) => {
        event.preventDefault();
        zone.classList.toggle("is-over", type === "dragover");
        if (type === "drop") this.take([...((event as DragEvent).dataTransfer?.files ?? [])]);
      });
    this.addEventListener("click", (event) => {
      const item = (event.target as Element).closest("[data-remove]")?.closest("li");
      if (!item) return;
      item.remove();
      this.changed();
    });
    this.closest("form")?.addEventListener("m-before-restore", (event) => this.redraw((event as CustomEvent<Snapshot>).detail));
    this.paint();
  }

  private get many(): boolean {
    return this.dataset.many !== undefined;
  }

  private take(files: File[]): void {
    for (const file of this.many ? files : files.slice(0, 1)) void this.send(file);
  }

  private async send(file: File): Promise<void> {
    const limit = Number(this.dataset.maxMib ?? 25);
    const bar = element("progress", { max: 1, value: 0, "aria-label": file.name });
    const item = element("li", { class: "file-item" }, icon("file"), element("span", { class: "grow clip" }, file.name), bar);
    if (!this.many) this.list.replaceChildren();
    this.list.append(item);
    const fail = (message: string) => {
      item.classList.add("has-failed");
      bar.replaceWith(element("span", { class: "small danger-text", role: "alert" }, message), this.removeButton(file.name));
    };
    if (file.size > limit * MIB) return fail(text("file_too_large", { limit }));
    if (this.dataset.image !== undefined && !file.type.startsWith("image/")) return fail(text("file_not_image"));
    try {
      const stored = await upload(file, file.name, (share) => (bar.value = share));
      item.replaceWith(this.item(stored.id, stored.name));
      this.changed();
    } catch (error) {
      fail((error as Error).message);
    }
  }

  private removeButton(name: string): HTMLElement {
    return element("button", { class: "btn btn-quiet btn-s btn-icon", type: "button", "data-remove": true, "aria-label": text("remove_file", { name }) }, icon("x", "icon icon-s"));
  }

  private item(id: string, name: string): HTMLLIElement {
    const address = `${base}/api/v1/files/${id}`;
    const picture = this.dataset.image !== undefined ? element("img", { src: address, alt: "" }) : icon("file");
    return element(
      "li",
      { class: "file-item" },
      element("input", { type: "hidden", name: this.dataset.name!, value: id }),
      element("input", { type: "hidden", name: `_title/${this.dataset.name}`, value: name }),
      picture,
      element("a", { class: "grow clip", href: address, target: "_blank" }, name),
      this.removeButton(name),
    );
  }

  private redraw(values: Snapshot): void {
    const ids = values[this.dataset.name!];
    if (!ids) return;
    const names = values[`_title/${this.dataset.name}`] ?? [];
    this.list.replaceChildren(...ids.filter(Boolean).map((id, index) => this.item(id, names[index] ?? id)));
    this.paint();
  }

  private changed(): void {
    this.paint();
    this.dispatchEvent(new Event("change", { bubbles: true }));
  }

  private paint(): void {
    const full = !this.many && this.list.children.length > 0;
    this.querySelector<HTMLElement>(".file-drop")!.hidden = full;
  }
}

customElements.define("m-files", Files);
