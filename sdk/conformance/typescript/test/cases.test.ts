/** The cases of all kits, on Node. */
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";

import { expectCase, readCases } from "@mortise/sdk/testing";

import plugin from "../src/plugin.ts";

const folder = "../cases";
for (const file of readdirSync(folder).filter((name) => name.endsWith(".json"))) {
  for (const one of readCases(readFileSync(`${folder}/${file}`, "utf8"))) {
    test(`${file}: ${one.about}`, () => expectCase(plugin, one));
  }
}
