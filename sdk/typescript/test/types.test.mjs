/** Plugin and manifest belong together: what the types accept works, and what does not fit is an error of the compiler. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";

import { check } from "../tool/build.mjs";
import { PluginError, interfacesOf } from "../tool/manifest.mjs";

const folder = mkdtempSync(join(tmpdir(), "mortise-types-"));
after(() => rmSync(folder, { recursive: true }));

const MANIFEST = {
  id: "test.plugin",
  version: "1.0.0",
  language: "typescript",
  exports: [
    { point: "validator", name: "vat-number", entity: "company", input: ["vat_number", "country.code", "type", "constructor"] },
    { point: "function", name: "double", parameters: [{ name: "number", type: "integer" }], returns: "integer" },
  ],
  permissions: { "records.read": [{ entity: "company", fields: ["name"] }], http: [] },
};
const GOOD = `
import { violation } from "@mortise/sdk";
import { Company, plugin } from "./plugin.gen.ts";
export default plugin({
  validator: {
    "vat-number": (cx, { record }) => {
      cx.records.count("company");
      if (record.type.isEmpty || record.country_code.text === "" || record.constructor_.isEmpty) return [];
      return record.vat_number.isEmpty ? [violation(Company.VAT_NUMBER, "vat_missing", cx.locale)] : [];
    },
  },
  function: { double: (number) => (number === null ? null : number * 2n) },
});
`;

/** What the compiler says of a plugin; nothing when it is content. */
function said(text, manifest = MANIFEST) {
  mkdirSync(join(folder, "src"), { recursive: true });
  writeFileSync(join(folder, "plugin.json"), JSON.stringify(manifest));
  writeFileSync(join(folder, "src/plugin.ts"), text);
  try {
    check(folder);
    return undefined;
  } catch (error) {
    if (!(error instanceof PluginError)) throw error;
    return error.message;
  }
}

test("a plugin that keeps to its manifest compiles", () => assert.equal(said(GOOD), undefined));

test("a name in the manifest without a function is an error", () => {
  assert.match(said(GOOD.replace(/function: .*/, "function: {},")), /double"?' is missing/);
});

test("a function without a name in the manifest is an error", () => {
  assert.match(said(GOOD.replace("double:", "triple:")), /'triple' does not exist/);
});

test("a field that was not asked for has no accessor", () => {
  assert.match(said(GOOD.replace("record.vat_number", "record.turnover")), /'turnover' does not exist/);
});

test("an answer of another type than the manifest says is an error", () => {
  assert.match(said(GOOD.replace("number * 2n", "String(number)")), /not assignable to type/);
});

test("a capability that was not asked for is not there", () => {
  assert.match(said(GOOD.replace('cx.records.count("company")', 'cx.http.get("https://a.example")')), /'http' does not exist/);
});

test("a manifest that is none says what it wants", () => {
  assert.match(said(GOOD, { ...MANIFEST, language: undefined }), /`language` has to be "typescript"/);
  assert.match(said(GOOD, { ...MANIFEST, exports: [{ point: "valdator", name: "a" }] }), /no point valdator; there are validator/);
  const nobody = { ...MANIFEST, exports: [{ point: "scorer", name: "heat" }] };
  assert.match(said(GOOD, nobody), /the scorer heat names no `entity`/);
});

test("the world of a plugin is what its manifest names", () => {
  assert.deepEqual(interfacesOf(MANIFEST), {
    imports: ["mortise:log/log@1.0.0", "mortise:budget/budget@1.0.0", "mortise:records/read@1.0.0"],
    exports: ["mortise:validation/validator@1.0.0", "mortise:expression/functions@1.0.0"],
  });
});
