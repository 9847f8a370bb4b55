// `<m-map>`: loads what draws maps, and the outlines that the map needs, on the pages that have one and nowhere else.

type Bubbles = typeof import("../bubbles");

class MapView extends HTMLElement {
  private end: (() => void) | undefined;
  private gone = false;

  connectedCallback(): void {
    this.gone = false;
    // A bubble with nothing within shows its records, as its number in the list does.
    this.addEventListener("m:place", (event) => {
      const address = (event as CustomEvent<string>).detail;
      [...this.querySelectorAll<HTMLAnchorElement>(".vmap-places a[hx-get]")].find((one) => one.getAttribute("href") === address)?.click();
    });
    // They may stand below what can be seen.
    this.addEventListener("htmx:after:swap", (event) => {
      const first = this.querySelector(".vmap-records .vcard");
      if ((event.target as Element).closest(".vmap-places td")) first?.scrollIntoView({ block: "nearest" });
    });
    void this.draw();
  }

  disconnectedCallback(): void {
    this.gone = true;
    this.end?.();
    this.end = undefined;
  }

  private async draw(): Promise<void> {
    const { src, country, cities, map } = this.dataset;
    const canvas = this.querySelector<HTMLElement>("[data-canvas]");
    if (!src || !country || !cities || !map || !canvas) return;
    try {
      const { draw } = (await import(src)) as Bubbles;
      const end = await draw(canvas, map, { country, cities });
      // Whoever went on meanwhile sees no map any more.
      if (this.gone) end();
      else this.end = end;
    } catch {
      canvas.hidden = true;
      this.querySelector<HTMLElement>("[data-undrawn]")!.hidden = false;
    }
  }
}

customElements.define("m-map", MapView);
