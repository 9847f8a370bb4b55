// `<m-signature>`: a signature by finger, pen or mouse; it is uploaded as a picture as soon as the hand rests.

import SignaturePad from "signature_pad";
import { base, debounce, text } from "../page";
import { toast } from "../toasts";
import { upload } from "./upload";

/** The hand rests this long before the picture is sent. */
const REST_MS = 900;

class Signature extends HTMLElement {
  private pad: SignaturePad | undefined;
  private canvas!: HTMLCanvasElement;
  private readonly save = debounce(REST_MS, () => void this.send());

  connectedCallback(): void {
    const canvas = this.querySelector("canvas");
    if (!canvas) return;
    this.canvas = canvas;
    this.pad = new SignaturePad(canvas, { penColor: "#14151a", minWidth: 0.8, maxWidth: 2.4 });
    this.pad.addEventListener("beginStroke", () => this.hint(false));
    this.pad.addEventListener("endStroke", () => this.save());
    new ResizeObserver(() => this.fit()).observe(canvas);
    this.querySelector("[data-clear]")?.addEventListener("click", () => this.clear());
    this.closest("form")?.addEventListener("m-restore", () => this.paint());
    this.paint();
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

  private async send(): Promise<void> {
    if (!this.pad || this.pad.isEmpty()) return;
    const picture = await new Promise<Blob | null>((done) => this.canvas.toBlob(done, "image/png"));
    if (!picture) return;
    try {
      const stored = await upload(picture, "signature.png", () => {});
      this.input.value = stored.id;
      this.input.dispatchEvent(new Event("change", { bubbles: true }));
    } catch (error) {
      toast(`${text("upload_failed")} ${(error as Error).message}`, "error");
    }
  }

  private clear(): void {
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
