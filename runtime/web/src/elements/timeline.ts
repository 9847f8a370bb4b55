// `<m-timeline>`: a bar opens its record, as its name does, and the part of a wide timeline that is shown first is the present.

class Timeline extends HTMLElement {
  connectedCallback(): void {
    this.addEventListener("click", (event) => {
      const bar = (event.target as Element).closest(".tl-bar");
      const href = bar?.closest<HTMLElement>("[data-href]")?.dataset.href;
      if (href) location.assign(href);
    });
    const scroller = this.querySelector(".tl-scroll");
    const now = this.querySelector(".tl-now");
    if (scroller && now && scroller.scrollWidth > scroller.clientWidth) {
      const away = now.getBoundingClientRect().left - scroller.getBoundingClientRect().left;
      scroller.scrollLeft = Math.max(0, away - scroller.clientWidth / 2);
    }
  }
}

customElements.define("m-timeline", Timeline);
