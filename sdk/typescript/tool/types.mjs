/**
 * `src/plugin.gen.ts` of `plugin.json`: a class for each kind of record with the fields of all its `input` lists, and the type
 * of what has to be implemented. A name in the manifest without a function, or the reverse, is then an error of the compiler.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { PluginError, permissionsOf } from "./manifest.mjs";

const OF_RECORD = {
  validator: "Validator",
  "before-save": "BeforeSave",
  "after-commit": "AfterCommit",
  scorer: "Scorer",
  assigner: "Assigner",
  renderer: "Renderer",
};
const WITHOUT_RECORD = { action: "Action", provider: "Provider", job: "Job", connector: "Connector" };

/** An argument, which may be missing where there is nothing that stands for it. */
const ARGUMENTS = {
  text: "string",
  integer: "bigint | null",
  decimal: "string",
  float: "number | null",
  boolean: "boolean | null",
  date: "string",
  timestamp: "string",
  many: "readonly string[]",
  json: "Json",
};
const ANSWERS = {
  text: "string | null",
  integer: "bigint | number | null",
  decimal: "string | null",
  float: "number | null",
  boolean: "boolean | null",
  date: "string | null",
  timestamp: "string | null",
  many: "readonly string[] | null",
  json: "Json | object",
};

const camel = (name) =>
  name
    .split(/[_.-]/)
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join("");
const snake = (name) => name.replaceAll(/[-.]/g, "_");
const quoted = (text) => JSON.stringify(text);

/** Writes the file where it is not as it should be. */
export function writeTypes(folder, manifest) {
  const path = join(folder, "src", "plugin.gen.ts");
  const text = typesOf(manifest);
  if (existsSync(path) && readFileSync(path, "utf8") === text) return path;
  mkdirSync(join(folder, "src"), { recursive: true });
  writeFileSync(path, text);
  return path;
}

/** The text of the file. */
export function typesOf(manifest) {
  const classes = records(manifest);
  const used = new Set(manifest.exports.map(({ point }) => OF_RECORD[point] ?? WITHOUT_RECORD[point]));
  used.delete(undefined);
  const json = manifest.exports.some(
    ({ parameters = [], returns }) => returns === "json" || parameters.some(({ type }) => type === "json"),
  );
  const types = ["ContextOf", ...used, ...(json ? ["Json"] : [])].sort();
  const names = [...types.map((name) => `type ${name}`), ...(classes.size > 0 ? ["Entity", "type Get"] : []), "definer"];
  return `/**
 * Made of \`plugin.json\` by \`mortise-sdk types\`: what it names, for the compiler. Made again by every build; do not edit.
 */
import { ${names.join(", ")} } from "@mortise/sdk";

/** A call, with what \`plugin.json\` asks for. */
export type Context = ContextOf<${granted(manifest)}>;

${[...classes].map(([entity, fields]) => classOf(entity, fields)).join("\n")}/** What has to be implemented: one function for each export. */
export interface Exports {
${points(manifest)}}

/** Gives each export its function. */
export const plugin = definer<Exports>({
  id: ${quoted(`${manifest.id} ${manifest.version}`)},
  records: {${listed(recordLines(manifest))}},
  functions: {${listed(functionLines(manifest))}},
});
`;
}

const listed = (lines) => (lines.length === 0 ? "" : `\n${lines.map((line) => `    ${line},\n`).join("")}  `);

function granted(manifest) {
  const asked = permissionsOf(manifest);
  const parts = [
    ["records", asked.some((word) => word.startsWith("records."))],
    ["http", asked.includes("http")],
    ["storage", asked.includes("storage")],
  ];
  const names = parts.filter(([, there]) => there).map(([name]) => quoted(name));
  return names.length === 0 ? "never" : names.join(" | ");
}

function records(manifest) {
  const classes = new Map();
  for (const { entity, input = [] } of manifest.exports) {
    if (entity === undefined) continue;
    const known = classes.get(entity) ?? new Set();
    for (const field of input) known.add(field);
    classes.set(entity, known);
  }
  return new Map([...classes].sort().map(([entity, fields]) => [entity, [...fields].sort()]));
}

function classOf(entity, fields) {
  const members = fields.map((field) => {
    const accessor = snake(field) === "constructor" ? "constructor_" : snake(field);
    return `  /** The name of the field \`${field}\`. */
  static readonly ${accessor.toUpperCase()} = ${quoted(field)};
  /** The field \`${field}\`. */
  get ${accessor}(): Get {
    return this.$get(${quoted(field)});
  }
`;
  });
  return `/** A record of the kind \`${entity}\`, with the fields that \`plugin.json\` asks for. */
export class ${camel(entity)} extends Entity {
  static readonly $entity = ${quoted(entity)};
${members.join("")}}
`;
}

function points(manifest) {
  const byPoint = new Map();
  for (const own of manifest.exports) {
    byPoint.set(own.point, [...(byPoint.get(own.point) ?? []), `    ${quoted(own.name)}: ${signature(own)};\n`]);
  }
  return [...byPoint].map(([point, lines]) => `  ${quoted(point)}: {\n${lines.join("")}  };\n`).join("");
}

function signature({ point, name, entity, parameters = [], returns }) {
  if (point === "function") {
    const kind = (of, kinds) => {
      if (kinds[of] === undefined) throw new PluginError(`plugin.json: the function ${name} has the unknown type ${of}`);
      return kinds[of];
    };
    const given = parameters.map((parameter) => `${parameter.name}: ${kind(parameter.type, ARGUMENTS)}`);
    return `(${given.join(", ")}) => ${kind(returns, ANSWERS)}`;
  }
  if (WITHOUT_RECORD[point] !== undefined) return `${WITHOUT_RECORD[point]}<Context>`;
  if (entity === undefined) throw new PluginError(`plugin.json: the ${point} ${name} names no \`entity\``);
  return `${OF_RECORD[point]}<Context, ${camel(entity)}>`;
}

const recordLines = (manifest) =>
  manifest.exports
    .filter(({ point }) => OF_RECORD[point] !== undefined)
    .map(({ point, name, entity }) => `${quoted(`${point} ${name}`)}: ${camel(entity)}`);

const functionLines = (manifest) =>
  manifest.exports
    .filter(({ point }) => point === "function")
    .map(({ name, parameters = [], returns }) => {
      const kinds = parameters.map(({ type }) => quoted(type)).join(", ");
      return `${quoted(name)}: { parameters: [${kinds}], returns: ${quoted(returns)} }`;
    });
