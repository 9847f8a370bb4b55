// `<m-files>`: files and photos, uploaded at once with progress; the form carries only their ids.

import { base, element, icon, text } from "../page";
import type { Snapshot } from "../drafts";
import { store } from "../offline/outbox";
import type { Waits } from "../settle";
import { gap } from "../sentences";
import { whereNow } from "./place";
import { upload, type Stored } from "./upload";

const MIB = 1024 * 1024;

class Files extends HTMLElement {
  private list!: HTMLUListElement;
  /** What is being uploaded. */
  private readonly underway = new Set<Promise<boolean>>();

  connectedCallback(): void {
    this.list = this.querySelector("ul")!;
    const input = this.querySelector<HTMLInputElement>('input[type="file"]');
    if (!input) return;
    const zone = this.querySelector<HTMLElement>(".file-drop")!;
    // Finding the place takes as long as taking the photo.
    input.addEventListener("click", () => this.dataset.place !== undefined && void whereNow());
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
      this.querySelectorAll(".field-warning").forEach((note) => note.remove());
      this.changed();
    });
    this.closest("form")?.addEventListener("m-settle", (event) => (event as CustomEvent<Waits>).detail.push(...this.underway));
    this.closest("form")?.addEventListener("m-before-restore", (event) => this.redraw((event as CustomEvent<Snapshot>).detail));
    this.paint();
  }

  private get many(): boolean {
    return this.dataset.many !== undefined;
  }

  private take(files: File[]): void {
    for (const file of this.many ? files : files.slice(0, 1)) {
      const sending = this.send(file);
      this.underway.add(sending);
      void sending.finally(() => this.underway.delete(sending));
    }
  }

  /** Sends a file; whether it arrived. */
  private async send(file: File): Promise<boolean> {
    const limit = Number(this.dataset.maxMib ?? 25);
    const bar = element("progress", { max: 1, value: 0, "aria-label": file.name });
    const item = element("li", { class: "file-item" }, icon("file"), element("span", { class: "grow clip" }, file.name), bar);
    if (!this.many) this.list.replaceChildren();
    this.list.append(item);
    const fail = (message: string) => {
      item.classList.add("has-failed");
      bar.replaceWith(element("span", { class: "small danger-text", role: "alert" }, message), this.removeButton(file.name));
      return false;
    };
    if (file.size > limit * MIB) return fail(text("file_too_large", { limit }));
    if (this.dataset.image !== undefined && !file.type.startsWith("image/")) return fail(text("file_not_image"));
    try {
      const stored = await upload(file, file.name, (share) => (bar.value = share), await this.told(item, file));
      item.replaceWith(this.item(stored.id, stored.name));
      this.warn(stored);
      this.changed();
      return true;
    } catch (error) {
      return fail((error as Error).message);
    }
  }

  /** What is told about a photo: its field, when and where it was taken. */
  private async told(item: HTMLElement, file: File): Promise<Record<string, string> | undefined> {
    const field = this.dataset.for;
    if (!field) return undefined;
    const offset = await store().then((shelf) => shelf.offset(), () => 0);
    // A picture that was on the device before is as old as its file.
    const taken = Math.min(Date.now(), file.lastModified || Date.now());
    const told: Record<string, string> = { for: field, at: new Date(taken + offset).toISOString() };
    const record = this.closest<HTMLElement>("m-form")?.dataset.record;
    if (record) told.record = record;
    if (this.dataset.place === undefined) return told;
    const wait = element("span", { class: "small muted", role: "status" }, text("photo_locating"));
    item.append(wait);
    const found = await whereNow();
    wait.remove();
    if (typeof found !== "string") return { ...told, ...found };
    this.note("photo-place", text(found === "denied" ? "photo_no_place" : "photo_place_failed"));
    return told;
  }

  /** Where the picture is used already. */
  private warn(stored: Stored): void {
    const { used = [], used_elsewhere: hidden = 0 } = stored;
    if (used.length + hidden === 0) return;
    const links = used.map(({ entity, record, title }) => element("a", { href: `${base}/a/${entity.replace(".", "/")}/${record}`, target: "_blank" }, title));
    const said = text(used.some(({ same }) => same) || used.length === 0 ? "photo_used" : "photo_alike");
    const [words, between]: [(Node | string)[], string] = [[said, gap(said)], text("list_separator")];
    links.forEach((link, index) => words.push(...(index > 0 ? [between, link] : [link])));
    if (hidden > 0) words.push(links.length > 0 ? between : "", text("photo_used_hidden"));
    this.note("photo-used", ...words);
  }

  /** Something to know about the files, until it is known better. */
  private note(kind: string, ...words: (Node | string)[]): void {
    this.querySelector(`.${kind}`)?.remove();
    this.append(element("p", { class: `field-warning ${kind}`, role: "alert" }, icon("alert-circle", "icon icon-s"), element("span", {}, ...words)));
  }

  private removeButton(name: string): HTMLElement {
    return element("button", { class: "btn btn-quiet btn-s btn-icon", type: "button", "data-remove": true, "aria-label": text("remove_file", { name }) }, icon("x", "icon icon-s"));
  }

  private item(id: string, name: string): HTMLLIElement {
    const address = `${base}/api/v1/files/${id}`;
    const picture = this.dataset.image !== undefined ? element("img", { src: `${address}/preview`, alt: "" }) : icon("file");
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
