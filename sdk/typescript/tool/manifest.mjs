/**
 * The parts of `plugin.json` that the kit depends on, and what they stand for in the interface. Not a check of the manifest:
 * that is `mortise plugin check`'s.
 */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The folder of the kit. */
export const KIT = dirname(dirname(fileURLToPath(import.meta.url)));

/** Where the WIT packages are: in the package that was installed, or beside the kit in the repository. */
export const WIT = [join(KIT, "wit"), join(KIT, "..", "wit")].find((folder) => existsSync(join(folder, "words.json")));

/** What a slip in a plugin's folder is told as; everything else is a slip of the kit. */
export class PluginError extends Error {}

/** The words of the manifest with their interfaces. */
export const words = () => JSON.parse(readFileSync(join(WIT, "words.json"), "utf8"));

/** Reads the manifest of a folder. */
export function readManifest(folder) {
  const path = join(folder, "plugin.json");
  if (!existsSync(path)) throw new PluginError(`${path} is missing: every plugin has a manifest`);
  let manifest;
  try {
    manifest = JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    throw new PluginError(`${path}: ${error.message}`);
  }
  if (!Array.isArray(manifest.exports)) throw new PluginError(`${path}: \`exports\` is missing`);
  const { points } = words();
  for (const { point, name } of manifest.exports) {
    if (points[point] === undefined) {
      throw new PluginError(`${path}: there is no point ${point}; there are ${Object.keys(points).join(", ")}`);
    }
    if (typeof name !== "string") throw new PluginError(`${path}: a ${point} without a \`name\``);
  }
  if (manifest.language !== "typescript") {
    throw new PluginError(`${path}: \`language\` has to be "typescript", so that the server allows for an interpreter`);
  }
  return manifest;
}

/** The permissions that a manifest asks for: `records.read`, `http` … */
export const permissionsOf = (manifest) =>
  Object.entries(manifest.permissions ?? {})
    .filter(([, asked]) => (Array.isArray(asked) ? asked.length > 0 : asked))
    .map(([word]) => word);

/** The interfaces of a plugin: what it may import, and what it exports. */
export function interfacesOf(manifest) {
  const { capabilities, points } = words();
  const asked = ["log", "budget", ...permissionsOf(manifest)];
  const imports = Object.keys(capabilities).filter((word) => asked.includes(word));
  const exported = Object.keys(points).filter((point) => manifest.exports.some((own) => own.point === point));
  return {
    imports: imports.map((word) => capabilities[word]),
    exports: exported.map((point) => points[point]),
  };
}
