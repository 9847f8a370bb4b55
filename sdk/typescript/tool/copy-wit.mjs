/** Puts the interface into the package before it is published, so that plugins are built without the repository. */
import { cpSync, existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";

import { KIT } from "./manifest.mjs";

const source = join(KIT, "..", "wit");
const target = join(KIT, "wit");
rmSync(target, { recursive: true, force: true });
for (const name of readdirSync(source)) {
  const file = join(source, name, `${name}.wit`);
  if (existsSync(file)) cpSync(file, join(target, name, `${name}.wit`));
}
cpSync(join(source, "words.json"), join(target, "words.json"));
