// `<m-gallery>`: a picture in large, and from it to the ones before and after.

import { icon } from "../page";

interface Shown {
  address: string;
  title: string;
}

class Gallery extends HTMLElement {
  private pictures: Shown[] = [];
  private at = 0;

  connectedCallback(): void {
    // Not every file is a picture.
    this.addEventListener("error", (event) => this.broken(event.target), true);
    for (const image of this.querySelectorAll<HTMLImageElement>(".vpicture-frame img")) if (image.complete && image.naturalWidth === 0) this.broken(image);
    this.addEventListener("click", (event) => {
      const target = event.target as Element;
      const frame = target.closest<HTMLAnchorElement>("a[data-images]");
      if (frame && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
        event.preventDefault();
        this.open(frame);
      } else if (target.closest("[data-large-previous]")) this.show(this.at - 1);
      else if (target.closest("[data-large-next]")) this.show(this.at + 1);
    });
    this.addEventListener("keydown", (event) => {
      if (!this.dialog().open) return;
      if (event.key === "ArrowLeft") this.show(this.at - 1);
      if (event.key === "ArrowRight") this.show(this.at + 1);
    });
  }

  /** What cannot be drawn is a file, and opened as one. */
  private broken(image: EventTarget | null): void {
    const frame = image instanceof HTMLImageElement ? image.closest<HTMLAnchorElement>("a.vpicture-frame") : null;
    if (!frame) return;
    frame.removeAttribute("data-images");
    frame.target = "_blank";
    frame.querySelector("img")!.replaceWith(icon("file"));
    frame.classList.add("vpicture-none");
  }

  private dialog(): HTMLDialogElement {
    return this.querySelector<HTMLDialogElement>("[data-large]")!;
  }

  private open(frame: HTMLAnchorElement): void {
    const frames = [...this.querySelectorAll<HTMLAnchorElement>("a[data-images]")];
    const of = (one: HTMLAnchorElement) => one.dataset.images!.split(" ").map((address) => ({ address, title: one.dataset.title ?? "" }));
    this.pictures = frames.flatMap(of);
    const before = frames.slice(0, frames.indexOf(frame)).flatMap(of).length;
    this.dialog().showModal();
    this.show(before);
  }

  private show(at: number): void {
    const picture = this.pictures[at];
    if (!picture) return;
    this.at = at;
    const image = this.querySelector<HTMLImageElement>("[data-large-image]")!;
    image.src = picture.address;
    image.alt = picture.title;
    this.querySelector("[data-large-title]")!.textContent = picture.title;
    this.querySelector<HTMLButtonElement>("[data-large-previous]")!.disabled = at === 0;
    this.querySelector<HTMLButtonElement>("[data-large-next]")!.disabled = at === this.pictures.length - 1;
  }
}

customElements.define("m-gallery", Gallery);
