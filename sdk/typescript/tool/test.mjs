/**
 * Runs the tests of a plugin on Node, without WebAssembly: every `test/*.test.ts` is bundled and handed to Node's own runner.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";

import { PluginError } from "./manifest.mjs";
import { bundled, check, work } from "./build.mjs";

/** Checks types and runs the tests of a folder. */
export async function test(folder, checked = check) {
  checked(folder);
  const source = join(folder, "test");
  const files = existsSync(source) ? readdirSync(source).filter((name) => name.endsWith(".test.ts")) : [];
  if (files.length === 0) throw new PluginError(`${source} holds no tests: write test/plugin.test.ts`);
  const target = join(work(folder), "test");
  rmSync(target, { recursive: true, force: true });
  const { build: esbuild } = await import("esbuild");
  await bundled(esbuild, {
    entryPoints: files.map((name) => join(source, name)),
    outdir: target,
    platform: "node",
    outExtension: { ".js": ".mjs" },
    sourcemap: "inline",
  });
  const tests = files.map((name) => join(target, name.replace(/\.ts$/, ".mjs")));
  const ran = spawnSync(process.execPath, ["--enable-source-maps", "--test", ...tests], {
    stdio: "inherit",
    cwd: folder,
  });
  if (ran.status !== 0) throw new PluginError("tests failed");
}
