// `<m-charts>`: loads the bundle that draws charts as soon as there is one to draw, and nowhere else.

class Charts extends HTMLElement {
  private readonly watch = new MutationObserver(() => this.load());

  connectedCallback(): void {
    this.watch.observe(this, { childList: true, subtree: true });
    this.load();
  }

  disconnectedCallback(): void {
    this.watch.disconnect();
  }

  private load(): void {
    const source = this.dataset.src;
    if (!source || !this.querySelector("m-chart")) return;
    this.watch.disconnect();
    // Where it cannot be loaded the figures are still there as tables.
    if (!customElements.get("m-chart")) import(source).catch(() => this.classList.add("is-undrawn"));
  }
}

customElements.define("m-charts", Charts);
