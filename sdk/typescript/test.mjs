/** `node test.mjs`: the tests of the kit, of the plugin of the conformance cases, and of the plugins that ship in TypeScript. */
import { spawnSync } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";

import { KIT, PluginError } from "./tool/manifest.mjs";
import { bundled, work } from "./tool/build.mjs";
import { test } from "./tool/test.mjs";

const node = (...given) => {
  if (spawnSync(process.execPath, given, { stdio: "inherit", cwd: KIT }).status !== 0) process.exit(1);
};
const compiler = join(KIT, "node_modules/typescript/bin/tsc");
node(compiler, "--noEmit", "-p", join(KIT, "tsconfig.json"));

const { build: esbuild } = await import("esbuild");
const kit = join(work(KIT), "kit.test.mjs");
await bundled(esbuild, { entryPoints: [join(KIT, "test/kit.test.ts")], outfile: kit, platform: "node" });
node("--test", kit, join(KIT, "test/types.test.mjs"));

const root = dirname(dirname(KIT));
const isOurs = (folder) => {
  try {
    return JSON.parse(readFileSync(join(folder, "plugin.json"), "utf8")).language === "typescript";
  } catch {
    return false;
  }
};
const shipped = readdirSync(join(root, "plugins")).map((name) => join(root, "plugins", name));
for (const folder of [join(root, "sdk/conformance/typescript"), ...shipped].filter(isOurs)) {
  try {
    await test(folder);
  } catch (error) {
    if (!(error instanceof PluginError)) throw error;
    console.error(`${folder}: ${error.message}`);
    process.exitCode = 1;
  }
}
