// `<m-board>`: cards that are moved between columns. What a move means, the server knows.

import { Mover } from "../move";

class Board extends HTMLElement {
  private mover: Mover | undefined;

  connectedCallback(): void {
    if (this.dataset.movable !== undefined) this.mover = new Mover(this);
  }

  disconnectedCallback(): void {
    this.mover?.stop();
    this.mover = undefined;
  }
}

customElements.define("m-board", Board);
