/** `node build.mjs <plugin folder> [component]`: makes a component of a plugin in TypeScript. */
import { resolve } from "node:path";

import { build } from "./tool/build.mjs";
import { PluginError } from "./tool/manifest.mjs";

const [folder, target] = process.argv.slice(2);
try {
  const built = await build(resolve(folder ?? "."), target && resolve(target));
  console.log(`${built.target}: ${built.bytes} bytes in ${built.seconds.toFixed(1)} s`);
} catch (error) {
  if (!(error instanceof PluginError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
