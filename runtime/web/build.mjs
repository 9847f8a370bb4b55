// Builds everything that browsers load into dist/: one script, another for charts, one style sheet, pictures, all named by content and
// compressed at build time, plus `manifest.json` (logical name → file) and `icons.txt` (every Tabler icon, for the server
// to write into pages). Run by `cargo xtask setup`, or `npm run build` here.

import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { build } from "esbuild";
import { PurgeCSS } from "purgecss";

const here = dirname(fileURLToPath(import.meta.url));
const dist = join(here, "dist");
const server = join(here, "..", "server");
/** More compressed script than this makes first visits on a phone slow: the build fails instead. */
const SCRIPT_BUDGET_BYTES = 150_000;

/** Colours that definitions name; their classes are put together at run time, so that no template shows them. */
const COLOURS = "blue|azure|indigo|purple|pink|red|orange|yellow|lime|green|teal|cyan|gray|secondary|primary|dark";

/** Parts of the kit that we build on; every other class of our own styles is ours alone, and the kit's rules for it would leak in. */
const SHARED_PARTS = new Set(["form-check-input", "form-select", "icon"]);

function ownClasses(css) {
  const names = [...css.matchAll(/\.([a-z][\w-]*)/g)].map(([, name]) => name);
  return [...new Set(names)].filter((name) => !SHARED_PARTS.has(name));
}

async function bundle(entry, options = {}) {
  const result = await build({
    entryPoints: [join(here, "src", entry)],
    bundle: true,
    minify: true,
    write: false,
    format: "esm",
    target: ["chrome123", "safari17.5", "firefox128"],
    legalComments: "none",
    loader: { ".svg": "text" },
    logLevel: "warning",
    ...options,
  });
  return result.outputFiles[0].text;
}

/** Takes out of the design kit what no page uses; a page that starts to use a class needs a new build. */
async function purge(css, own) {
  const content = [`${server}/templates/**/*.html`, `${server}/src/pages/**/*.rs`, `${here}/src/**/*.ts`];
  const [result] = await new PurgeCSS().purge({
    content,
    css: [{ raw: css }],
    defaultExtractor: (text) => text.match(/[A-Za-z0-9_:-]+/g) ?? [],
    blocklist: ownClasses(own),
    safelist: { standard: [new RegExp(`^(bg|text)-(${COLOURS})(-lt|-lt-fg|-fg)?$`), /^htmx-/] },
    variables: true,
  });
  return result.css;
}

function icons() {
  const folder = join(here, "node_modules/@tabler/icons/icons/outline");
  const lines = readdirSync(folder).map((file) => {
    const inner = readFileSync(join(folder, file), "utf8")
      .replace(/<!--[^]*?-->/g, "")
      .replace(/<\/?svg[^>]*>/g, "")
      .replace(/<path stroke="none" d="M0 0h24v24H0z" fill="none" \/>/, "")
      .replace(/\s*\n\s*/g, "")
      .trim();
    return [file.slice(0, -".svg".length), inner];
  });
  // The server finds names by binary search over bytes.
  lines.sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  return lines.map(([name, inner]) => `${name}\t${inner}\n`).join("");
}

const manifest = {};

function emit(name, content) {
  const bytes = Buffer.from(content);
  const hash = createHash("sha256").update(bytes).digest("hex").slice(0, 12);
  const dot = name.lastIndexOf(".");
  const file = `${name.slice(0, dot)}.${hash}${name.slice(dot)}`;
  const gzip = gzipSync(bytes, { level: 9 });
  const brotli = brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } });
  writeFileSync(join(dist, file), bytes);
  writeFileSync(join(dist, `${file}.gz`), gzip);
  writeFileSync(join(dist, `${file}.br`), brotli);
  manifest[name] = file;
  console.log(`${file.padEnd(32)} ${String(bytes.length).padStart(8)} B  gzip ${gzip.length}  brotli ${brotli.length}`);
  return gzip.length;
}

rmSync(dist, { recursive: true, force: true });
mkdirSync(dist, { recursive: true });
const script = await bundle("app.ts");
const own = await bundle("app.css");
const kit = await purge(await bundle("kit.css"), own);
const style = `@layer kit{${kit.replace(/@charset "[^"]*";/, "")}}${own}`;
const scriptBytes = emit("app.js", script);
emit("charts.js", await bundle("charts.ts"));
emit("app.css", style);
for (const file of readdirSync(join(here, "src/images"))) emit(file, readFileSync(join(here, "src/images", file)));
writeFileSync(join(dist, "icons.txt"), icons());
writeFileSync(join(dist, "manifest.json"), JSON.stringify(manifest, null, 2) + "\n");
if (scriptBytes > SCRIPT_BUDGET_BYTES) {
  console.error(`app.js is ${scriptBytes} bytes compressed; the budget is ${SCRIPT_BUDGET_BYTES}.`);
  process.exit(1);
}
