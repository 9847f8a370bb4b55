// `<m-pull>`: pulling the page down reads it again, as people know it from other apps on a phone. Never where something could
// be lost that is being filled in, and never while a finger draws, drags or scrolls inside something.

/** So far down, letting go reads again. */
const FAR_PX = 70;
/** The finger goes further than the sign, as if something held it. */
const DRAG = 0.45;

class Pull extends HTMLElement {
  private from: number | undefined;
  private at = 0;

  connectedCallback(): void {
    if (!window.matchMedia("(pointer: coarse)").matches) return;
    // The browser's own way of doing this would do it twice.
    document.documentElement.classList.add("has-pull");
    document.addEventListener("touchstart", (event) => this.start(event), { passive: true });
    document.addEventListener("touchmove", (event) => this.move(event), { passive: true });
    document.addEventListener("touchend", () => this.release(), { passive: true });
    document.addEventListener("touchcancel", () => this.show(0), { passive: true });
  }

  private start(event: TouchEvent): void {
    const target = event.target as Element;
    const taken = document.querySelector(":not(.dash-form) > m-form, dialog[open], :popover-open") !== null || target.closest("canvas, [draggable=true], .no-pull, input, textarea, select") !== null;
    this.from = !taken && event.touches.length === 1 && window.scrollY <= 0 && !scrolled(target) ? event.touches[0]!.clientY : undefined;
  }

  private move(event: TouchEvent): void {
    if (this.from === undefined) return;
    this.show(window.scrollY > 0 ? 0 : Math.max(0, (event.touches[0]!.clientY - this.from) * DRAG));
  }

  private show(distance: number): void {
    this.at = distance;
    this.hidden = distance < 8;
    this.classList.toggle("is-far", distance >= FAR_PX);
    this.style.setProperty("--pulled", `${Math.min(distance, FAR_PX + 16)}px`);
    this.say(distance >= FAR_PX ? this.dataset.release : this.dataset.pull);
  }

  private release(): void {
    if (this.from === undefined) return;
    this.from = undefined;
    if (this.at < FAR_PX) return this.show(0);
    this.classList.add("is-busy");
    this.say(this.dataset.busy);
    location.reload();
  }

  private say(words = ""): void {
    const place = this.querySelector("[data-words]");
    if (place && place.textContent !== words) place.textContent = words;
  }
}

/** Whether something around the finger is scrolled down itself. */
function scrolled(target: Element): boolean {
  for (let at: Element | null = target; at && at !== document.body; at = at.parentElement) if (at.scrollTop > 0) return true;
  return false;
}

customElements.define("m-pull", Pull);
