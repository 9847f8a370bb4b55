#!/usr/bin/env node
/** `mortise-sdk types | check | build | test`: what `mortise plugin` calls for plugins in TypeScript. */
import { resolve } from "node:path";

import { build, check } from "./build.mjs";
import { PluginError, readManifest } from "./manifest.mjs";
import { test } from "./test.mjs";
import { writeTypes } from "./types.mjs";

const USAGE = `usage: mortise-sdk types [folder]            writes src/plugin.gen.ts of plugin.json
       mortise-sdk check [folder]            the same, and checks the types
       mortise-sdk build [folder] [target]   makes the component: build/plugin.wasm
       mortise-sdk test  [folder]            runs test/*.test.ts on Node`;

const [command, given = ".", target] = process.argv.slice(2);
const folder = resolve(given);

try {
  switch (command) {
    case "types":
      console.log(writeTypes(folder, readManifest(folder)));
      break;
    case "check":
      check(folder);
      break;
    case "build": {
      const built = await build(folder, target && resolve(target));
      console.log(`${built.target}: ${built.bytes} bytes in ${built.seconds.toFixed(1)} s`);
      break;
    }
    case "test":
      await test(folder);
      break;
    default:
      console.error(USAGE);
      process.exitCode = 2;
  }
} catch (error) {
  if (!(error instanceof PluginError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
