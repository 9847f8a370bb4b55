// `<m-signature>`: a signature by finger, pen or mouse; it is uploaded as a picture as soon as the hand rests.

import SignaturePad from "signature_pad";
import { base, debounce, text } from "../page";
import type { Waits } from "../settle";
import { toast } from "../toasts";
import { upload } from "./upload";

/** The hand rests this long before the picture is sent. */
const REST_MS = 900;

class Signature extends HTMLElement {
  private pad: SignaturePad | undefined;
  private canvas!: HTMLCanvasElement;
  /** Something was drawn that was not sent yet. */
  private unsent = false;
  private sending: Promise<boolean> | undefined;
  private turn = 0;
  private readonly save = debounce(REST_MS, () => void this.settle());

  connectedCallback(): void {
    const canvas = this.querySelector("canvas");
    if (!canvas) return;
    this.canvas = canvas;
    this.pad = new SignaturePad(canvas, { penColor: "#14151a", minWidth: 0.8, maxWidth: 2.4 });
    this.pad.addEventListener("beginStroke", () => this.hint(false));
    this.pad.addEventListener("endStroke", () => {
      this.unsent = true;
      this.save();
    });
    new ResizeObserver(() => this.fit()).observe(canvas);
    this.querySelector("[data-clear]")?.addEventListener("click", () => this.clear());
    this.closest("form")?.addEventListener("m-restore", () => this.paint());
    this.closest("form")?.addEventListener("m-settle", (event) => {
      if (this.unsent || this.sending) (event as CustomEvent<Waits>).detail.push(this.settle());
    });
    this.paint();
  }

  /** Sends what was drawn, unless that was done; whether it arrived. */
  private settle(): Promise<boolean> {
    if (!this.unsent) return this.sending ?? Promise.resolve(true);
    this.unsent = false;
    const sending = this.send(++this.turn);
    this.sending = sending;
    void sending.finally(() => {
      if (this.sending === sending) this.sending = undefined;
    });
    return sending;
  }

  private get input(): HTMLInputElement {
    return this.querySelector<HTMLInputElement>("input[data-value]")!;
  }

  private hint(shown: boolean): void {
    this.querySelector<HTMLElement>(".hint")!.hidden = !shown;
  }

  /** The canvas has as many pixels as the screen, or lines would be blurred. */
  private fit(): void {
    if (!this.pad || this.canvas.offsetWidth === 0) return;
    const strokes = this.pad.toData();
    const ratio = Math.max(window.devicePixelRatio, 1);
    this.canvas.width = this.canvas.offsetWidth * ratio;
    this.canvas.height = this.canvas.offsetHeight * ratio;
    this.canvas.getContext("2d")!.scale(ratio, ratio);
    this.pad.fromData(strokes);
  }

  private async send(turn: number): Promise<boolean> {
    if (!this.pad || this.pad.isEmpty()) return true;
    const picture = await new Promise<Blob | null>((done) => this.canvas.toBlob(done, "image/png"));
    if (!picture) return false;
    try {
      const stored = await upload(picture, "signature.png", () => {});
      // Another stroke was drawn meanwhile, or all of it wiped off.
      if (turn !== this.turn) return true;
      this.input.value = stored.id;
      this.input.dispatchEvent(new Event("change", { bubbles: true }));
      return true;
    } catch (error) {
      this.unsent = turn === this.turn;
      toast(`${text("upload_failed")} ${(error as Error).message}`, "error");
      return false;
    }
  }

  private clear(): void {
    this.turn++;
    this.unsent = false;
    this.pad?.clear();
    this.input.value = "";
    this.input.dispatchEvent(new Event("change", { bubbles: true }));
    this.paint();
  }

  private paint(): void {
    const image = this.querySelector<HTMLImageElement>(".signature-image")!;
    const drawn = this.pad && !this.pad.isEmpty();
    const stored = this.input.value !== "" && !drawn;
    image.hidden = !stored;
    if (stored) image.src = `${base}/api/v1/files/${this.input.value}`;
    this.querySelector<HTMLElement>(".signature-pad")!.hidden = stored;
    this.hint(!drawn);
  }
}

customElements.define("m-signature", Signature);
