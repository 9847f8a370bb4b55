/**
 * Makes the component of a plugin: types, type check, one bundle, and the engine around it with a world that lists what
 * `plugin.json` names and nothing else. All features of the engine are off, so that it imports nothing of WASI.
 */
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";

import { KIT, PluginError, WIT, interfacesOf, readManifest } from "./manifest.mjs";
import { writeTypes } from "./types.mjs";

/** What the engine could ask of WASI; a plugin gets time and everything else from the call. */
const FEATURES = ["random", "stdio", "clocks", "http", "fetch-event"];
/** How the kit's entry names the parts of the host. */
const PARTS = {
  "mortise:log/log": "log",
  "mortise:budget/budget": "budget",
  "mortise:records/read": "read",
  "mortise:records/write": "write",
  "mortise:http/client": "http",
  "mortise:storage/kv": "storage",
};

/** Types of the manifest, and the type check of everything below `src` and `test`. */
export function check(folder) {
  const manifest = readManifest(folder);
  writeTypes(folder, manifest);
  const own = join(folder, "tsconfig.json");
  const config = join(work(folder), "tsconfig.json");
  const settings = {
    extends: existsSync(own) ? own : join(KIT, "tsconfig.plugin.json"),
    compilerOptions: {
      noEmit: true,
      typeRoots: [],
      paths: {
        "@mortise/sdk": [join(KIT, "src/index.ts")],
        "@mortise/sdk/testing": [join(KIT, "src/testing.ts")],
      },
    },
    include: [join(folder, "src/**/*.ts"), join(folder, "test/**/*.ts"), join(KIT, "src/*.d.ts")],
  };
  writeFileSync(config, JSON.stringify(settings, null, 2));
  const compiler = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin", "tsc");
  const checked = spawnSync(process.execPath, [compiler, "--noEmit", "-p", config], { encoding: "utf8", cwd: folder });
  if (checked.status !== 0) {
    throw new PluginError(`the types do not fit:\n${checked.stdout}${checked.stderr}`.trimEnd());
  }
  return manifest;
}

/** The component of a plugin's folder, at `target`. */
export async function build(folder, target = join(folder, "build", "plugin.wasm")) {
  const started = Date.now();
  const manifest = check(folder);
  const { imports, exports } = interfacesOf(manifest);
  const place = work(folder);
  const bundle = join(place, "bundle.js");
  const { build: esbuild } = await import("esbuild");
  writeFileSync(join(place, "entry.ts"), entry(folder, imports, exports));
  await bundled(esbuild, {
    entryPoints: [join(place, "entry.ts")],
    outfile: bundle,
    platform: "neutral",
    external: ["mortise:*"],
  });
  const wit = writeWit(place, imports, exports);
  const { componentize } = await import("@bytecodealliance/componentize-js");
  const { component } = await componentize({
    sourcePath: bundle,
    witPath: wit,
    worldName: "plugin",
    disableFeatures: FEATURES,
  }).catch((error) => {
    throw new PluginError(`no component could be made of ${folder}:\n${error.message}`);
  });
  mkdirSync(dirname(resolve(target)), { recursive: true });
  writeFileSync(target, component);
  return { target, bytes: component.length, seconds: (Date.now() - started) / 1000 };
}

/** Bundles with the kit in place of its name, whether it is installed or not. */
export async function bundled(esbuild, options) {
  try {
    await esbuild({
      bundle: true,
      format: "esm",
      target: "es2022",
      logLevel: "silent",
      alias: { "@mortise/sdk": join(KIT, "src/index.ts"), "@mortise/sdk/testing": join(KIT, "src/testing.ts") },
      ...options,
    });
  } catch (error) {
    const lines = (error.errors ?? []).map(({ text, location }) =>
      location ? `${location.file}:${location.line}: ${text}` : text,
    );
    throw new PluginError(`the plugin cannot be bundled:\n${lines.join("\n") || error.message}`);
  }
}

/** A folder for what is made on the way. */
export function work(folder) {
  const place = join(folder, "build", "work");
  mkdirSync(place, { recursive: true });
  return place;
}

function entry(folder, imports, exports) {
  const parts = imports.map((name) => [name, PARTS[name.split("@")[0]]]);
  const doors = exports.map((name) => camel(name.split("/")[1].split("@")[0]));
  return `/** Connects the plugin with the host; made by the build. */
${parts.map(([name, part]) => `import * as ${part} from ${JSON.stringify(name)};`).join("\n")}
import { interfaces } from ${JSON.stringify(join(KIT, "src/wasm.ts"))};
import plugin from ${JSON.stringify(join(folder, "src/plugin.ts"))};

const all = interfaces(plugin, { ${parts.map(([, part]) => part).join(", ")} });
${doors.map((door) => `export const ${door} = all.${door};`).join("\n")}
`;
}

const camel = (name) => name.replaceAll(/-(.)/g, (_, letter) => letter.toUpperCase());

/** The world of the plugin, with the packages that it is made of. */
function writeWit(place, imports, exports) {
  const wit = join(place, "wit");
  rmSync(wit, { recursive: true, force: true });
  for (const name of readdirSync(WIT)) {
    const file = join(WIT, name, `${name}.wit`);
    if (existsSync(file)) cpSync(file, join(wit, "deps", name, `${name}.wit`));
  }
  const lines = [...imports.map((name) => `  import ${name};`), ...exports.map((name) => `  export ${name};`)];
  writeFileSync(join(wit, "world.wit"), `package mortise-plugin:component;\n\nworld plugin {\n${lines.join("\n")}\n}\n`);
  return wit;
}
