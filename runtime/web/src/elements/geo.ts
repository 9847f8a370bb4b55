// `<m-geo>`: a place as "latitude, longitude"; the device can say where it is.

import { text } from "../page";
import { toast } from "../toasts";

/** Indoors a position takes a while; longer than this, people give up. */
const PATIENCE_MS = 15_000;

class Geo extends HTMLElement {
  connectedCallback(): void {
    const button = this.querySelector<HTMLButtonElement>("button");
    const input = this.querySelector("input")!;
    if (!button) return;
    button.hidden = !("geolocation" in navigator);
    button.addEventListener("click", () => {
      button.classList.add("is-busy");
      navigator.geolocation.getCurrentPosition(
        ({ coords }) => {
          button.classList.remove("is-busy");
          input.value = `${coords.latitude.toFixed(6)}, ${coords.longitude.toFixed(6)}`;
          input.dispatchEvent(new Event("change", { bubbles: true }));
        },
        (error) => {
          button.classList.remove("is-busy");
          toast(text(error.code === error.PERMISSION_DENIED ? "location_denied" : "location_failed"), "error");
        },
        { enableHighAccuracy: true, timeout: PATIENCE_MS, maximumAge: 60_000 },
      );
    });
  }
}

customElements.define("m-geo", Geo);
