// `<m-charts>`: loads the bundle that draws charts, on the pages that have some and nowhere else.

class Charts extends HTMLElement {
  connectedCallback(): void {
    const source = this.dataset.src;
    // Where it cannot be loaded the figures are still there as tables.
    if (source && !customElements.get("m-chart")) import(source).catch(() => this.classList.add("is-undrawn"));
  }
}

customElements.define("m-charts", Charts);
