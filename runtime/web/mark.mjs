// Draws the mark as the pictures that devices want of an app: on its own shape, filling a square that may be cut to any shape,
// and for home screens of iOS. Drawn while building, so that the mark is one file.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { Resvg, initWasm } from "@resvg/resvg-wasm";

/** What a device may cut off a maskable picture leaves a circle of 80 %: the mark's own square has to fit into it. */
const MASKABLE_SCALE = 0.66;
/** iOS cuts round corners into a full square. */
const TOUCH_SCALE = 0.9;

function filled(mark, scale) {
  const inner = mark.replace(/^[^]*?<svg[^>]*>/, "").replace(/<\/svg>\s*$/, "");
  const ground = /<rect[^>]*fill="(#[0-9a-f]+)"/i.exec(mark)[1];
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" fill="${ground}"/>`
    + `<g transform="translate(16 16) scale(${scale}) translate(-16 -16)">${inner}</g></svg>`;
}

/** File names and contents. */
export async function pictures(mark) {
  await initWasm(readFileSync(createRequire(import.meta.url).resolve("@resvg/resvg-wasm/index_bg.wasm")));
  const draw = (svg, width) => new Resvg(svg, { fitTo: { mode: "width", value: width } }).render().asPng();
  const maskable = filled(mark, MASKABLE_SCALE);
  return [
    ["icon-192.png", draw(mark, 192)],
    ["icon-512.png", draw(mark, 512)],
    ["icon-maskable-192.png", draw(maskable, 192)],
    ["icon-maskable-512.png", draw(maskable, 512)],
    ["icon-touch.png", draw(filled(mark, TOUCH_SCALE), 180)],
  ];
}
