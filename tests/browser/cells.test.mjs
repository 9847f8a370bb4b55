// Blocks of cells from spreadsheets, read without a browser by the script of the pages, bundled as it is.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { workspace } from "./harness.mjs";

const web = process.env.MORTISE_WEB ?? join(workspace, "runtime", "web");
const folder = mkdtempSync(join(tmpdir(), "mortise-cells-"));
let block, dated;

before(async () => {
  const { build } = createRequire(join(web, "package.json"))("esbuild");
  const outfile = join(folder, "cells.mjs");
  await build({ entryPoints: [join(web, "src", "elements", "cells.ts")], bundle: true, format: "esm", platform: "node", outfile, preserveSymlinks: true });
  ({ block, dated } = await import(pathToFileURL(outfile)));
});
after(() => rmSync(folder, { recursive: true, force: true }));

test("a block has rows and cells; words of one cell are none", () => {
  assert.deepEqual(block("a\tb\nc\td\n"), [["a", "b"], ["c", "d"]]);
  assert.deepEqual(block("a\r\nb"), [["a"], ["b"]]);
  assert.deepEqual(block("\t\n\t1"), [["", ""], ["", "1"]]);
  for (const one of ["", "one", "one, two", "one\n"]) assert.equal(block(one), undefined, JSON.stringify(one));
});

test("quoted cells may hold lines, tabs and quotes; other quotes are letters", () => {
  assert.deepEqual(block('"a\nb"\tc'), [["a\nb", "c"]]);
  assert.deepEqual(block('"say ""hi"""\t"x\ty"\n1\t2'), [['say "hi"', "x\ty"], ["1", "2"]]);
  assert.deepEqual(block('5" pipe\t7" pipe\n"'), [['5" pipe', '7" pipe'], ['"']]);
  assert.deepEqual(block('"open\tb\nc\td'), [['"open', "b"], ["c", "d"]]);
});

test("days are read where the order of their parts is beyond doubt", () => {
  assert.equal(dated("2026/3/1", false), "2026-03-01");
  assert.equal(dated("2026年11月5日", false), "2026-11-05");
  assert.equal(dated("2026-03-01 9:05", true), "2026-03-01T09:05");
  assert.equal(dated("2026.3.1", true), "2026-03-01T00:00");
  assert.equal(dated("", false), "");
  for (const doubtful of ["3/4/2026", "soon", "2026-13-01", "2026-02"]) assert.equal(dated(doubtful, false), undefined, doubtful);
});
