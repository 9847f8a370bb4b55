// A picture of a card to send on: its heading above what was drawn.

const EDGE = 32;
const HEADING = 34;

/** Both on one canvas; sizes are those of a screen with twice the pixels. */
export function pictureOf(drawn: HTMLCanvasElement, heading: string, ground: string, ink: string, font: string): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  const top = EDGE * 2 + HEADING;
  canvas.width = drawn.width + EDGE * 2;
  canvas.height = drawn.height + top + EDGE;
  const pen = canvas.getContext("2d")!;
  pen.fillStyle = ground;
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.fillStyle = ink;
  pen.font = `600 ${HEADING}px ${font}`;
  pen.textBaseline = "top";
  pen.fillText(heading, EDGE, EDGE, canvas.width - EDGE * 2);
  pen.drawImage(drawn, EDGE, top);
  return canvas;
}
