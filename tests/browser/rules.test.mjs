// The rules of forms, evaluated by the module that browsers load: the same cases, written down by the native test of the crate, have
// to come to the same state. The script around it is that of the pages, bundled as it is.

import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import { workspace } from "./harness.mjs";

/** What phones load besides the script of the pages, compressed. */
const BYTES_MAX = 300_000;

const web = process.env.MORTISE_WEB ?? join(workspace, "runtime", "web");
const file = join(web, "build", "rules.wasm");
const folder = mkdtempSync(join(tmpdir(), "mortise-rules-"));
const cases = JSON.parse(readFileSync(join(workspace, "runtime", "expr-web", "tests", "carried.json"), "utf8"));
const skip = existsSync(file) ? false : "the module is not built here";
let rules, module;

before(async () => {
  if (skip) return;
  const { build } = createRequire(join(web, "package.json"))("esbuild");
  const outfile = join(folder, "rules.mjs");
  await build({ entryPoints: [join(web, "src", "rules.ts")], bundle: true, format: "esm", platform: "node", outfile, preserveSymlinks: true });
  rules = await import(pathToFileURL(outfile));
  module = await WebAssembly.compile(readFileSync(file));
});
after(() => rmSync(folder, { recursive: true, force: true }));

for (const { name, zone, values, rows, state } of cases.cases) {
  test(`the browser comes to the same state: ${name}`, { skip }, async () => {
    const form = await rules.FormRules.over(module, cases.rules, zone);
    assert.deepEqual(form.state(values, cases.now, rows), state);
  });
}

test("one form after another is asked thousands of times, and texts of any length come through", { skip }, async () => {
  const form = await rules.FormRules.over(module, cases.rules, "Asia/Shanghai");
  for (let round = 0; round < 2_000; round++) assert.equal(form.state({ count: [String(round)] }, cases.now).visible.price, round > 0);
  const long = "漢".repeat(200_000);
  assert.equal(form.state({ name: [long] }, cases.now).ask, true);
  assert.deepEqual(form.state(cases.cases[2].values, cases.now), cases.cases[2].state);
});

test("what are no rules is refused, and the server is asked instead", { skip }, async () => {
  for (const broken of ["", "{", "[]", '{"slots":"x"}']) assert.equal(await rules.FormRules.over(module, broken, "UTC"), undefined);
});

test("zones are those of the world, with their changes of clocks", { skip }, () => {
  const at = (zone, time) => rules.zoneOffset(zone)(Date.parse(time) / 1000) / 3600;
  assert.equal(at("Asia/Shanghai", "2026-03-01T20:30:00Z"), 8);
  assert.equal(at("Asia/Kolkata", "2026-03-01T00:00:00Z"), 5.5);
  assert.equal(at("America/New_York", "2026-03-08T06:59:59Z"), -5);
  assert.equal(at("America/New_York", "2026-03-08T07:00:00Z"), -4);
  assert.equal(at("UTC", "1960-01-01T00:00:00Z"), 0);
});

test("the module is small enough for a phone", { skip }, () => {
  const bytes = gzipSync(readFileSync(file), { level: 9 }).length;
  assert.ok(bytes < BYTES_MAX, `${bytes} bytes`);
});
