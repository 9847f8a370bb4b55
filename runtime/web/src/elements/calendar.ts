// `<m-calendar>`: records that are moved to other days.

import { Mover } from "../move";

/** Days in a row. */
const WEEK = 7;

class Calendar extends HTMLElement {
  private mover: Mover | undefined;

  connectedCallback(): void {
    if (this.dataset.movable !== undefined) this.mover = new Mover(this, WEEK);
    // On a phone the days are a list: today is where one begins to read.
    const today = this.querySelector(".is-today:not(.is-idle)");
    if (today && matchMedia("(max-width: 767px)").matches && today.getBoundingClientRect().top > window.innerHeight * 0.6) today.scrollIntoView();
  }

  disconnectedCallback(): void {
    this.mover?.stop();
    this.mover = undefined;
  }
}

customElements.define("m-calendar", Calendar);
