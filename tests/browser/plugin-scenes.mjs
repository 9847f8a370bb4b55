// Plugins in every state that an administrator can meet, for pictures: the packages that ship, one that breaks down, one that
// waits for consent, one that lacks its records, and work in the background that was given up.

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { workspace } from "./harness.mjs";

/** The packages that ship, as `cargo xtask plugins` builds them. */
export const SHELF = join(workspace, "target", "plugins");

const PLUGINS = "/admin/plugins";
const NAMES = `${PLUGINS}/test.names`;
const both = (en, zh) => ({ en, "zh-CN": zh });
const packed = (folder, name) => readFileSync(join(folder, `${name}.plugin`)).toString("base64");
const names = (version) => packed(join(workspace, "tests", "browser", "plugins"), `names-${version}`);

/** Notes, which a plugin checks; each new one asks another plugin for prices with something that is no quotation. */
const NOTES = {
  "app.json": {
    id: "notes", version: "1.0.0", label: both("Notes", "便签本"),
    plugins: { pricing: { id: "mortise.quote-pricing", version: ">=1, <2", optional: true } },
  },
  "entities/note.json": {
    id: "note", label: both("Note", "便签"), title: "title",
    fields: [{ id: "title", label: both("Title", "标题"), type: "text", required: true }],
  },
  "rules/price.json": {
    id: "price", entity: "note", label: both("Work out the price", "计算价格"), on: [{ type: "created" }],
    do: [{ type: "plugin", plugin: "pricing", action: "price", input: { quotation: "record.title" } }],
  },
};

/** Pages of plugins: name, address, and what to do there before the picture is taken. */
export function pluginPages() {
  const open = (selector) => (page) => page.locator(selector).first().click();
  const check = (button, version) => async (page) => {
    await page.locator(`[data-dialog=${button}]`).first().click();
    await page.locator("dialog[open] input[type=file]").setInputFiles(version);
    await page.locator("dialog[open] button[data-main]").click();
    await page.waitForURL(/plugins\/check/);
  };
  const shelf = (name) => join(SHELF, `${name}.plugin`);
  return [
    ["plugins", PLUGINS],
    ["plugins-install", PLUGINS, open("[data-dialog=install]")],
    ["plugins-check", PLUGINS, check("install", shelf("win-forecast"))],
    ["plugins-check-misfit", PLUGINS, check("install", shelf("semantic-tags"))],
    ["plugins-check-rubbish", PLUGINS, check("install", { name: "x.plugin", mimeType: "application/octet-stream", buffer: Buffer.from("rubbish") })],
    ["plugins-check-more", NAMES, check("upgrade", join(workspace, "tests/browser/plugins/names-1.1.0.plugin"))],
    ["plugin", NAMES],
    ["plugin-remove", NAMES, open("[data-dialog=remove]")],
    ["plugin-settings-wrong", NAMES, async (page) => {
      await page.locator("form[action$='/settings'] input[inputmode]").first().fill("many");
      await page.locator("form[action$='/settings'] button[type=submit]").click();
      await page.locator(".field-error").first().waitFor();
    }],
    ["plugin-runs", `${NAMES}/runs`],
    ["plugin-runs-failed", `${NAMES}/runs?failed=1`],
    ["plugin-calls-none", `${NAMES}/calls`],
    ["plugin-waits", `${PLUGINS}/mortise.intent-heat`],
    ["plugin-broken", `${PLUGINS}/mortise.semantic-tags`],
    ["plugin-jobs", `${PLUGINS}/mortise.win-forecast`],
    ["plugin-try", `${PLUGINS}/mortise.win-forecast`, open("[data-dialog^=try-]")],
    ["plugin-jobs-runs", `${PLUGINS}/mortise.win-forecast/runs`],
    ["plugin-off", `${PLUGINS}/mortise.keyword-check`],
    ["plugin-calls", `${PLUGINS}/mortise.quote-pricing/calls`],
    ["plugin-calls-dead", `${PLUGINS}/mortise.quote-pricing/calls?state=dead`],
  ];
}

/** Brings plugins into these states. */
export async function preparePlugins(administrator) {
  const ask = async (method, path, body, expected) => {
    const answer = await administrator(method, path, body);
    if (!expected.includes(answer.status)) throw new Error(`${method} ${path}: ${answer.status} ${answer.text}`);
    return answer.json;
  };
  const install = (bytes, more = {}) => ask("POST", "/plugins", { package: bytes, ...more }, [200]);
  if (!existsSync(SHELF)) throw new Error(`there is no ${SHELF}: build it with cargo xtask plugins`);
  // An earlier build, so that there is something to try out.
  const museum = join(workspace, "runtime", "plugin-host", "tests", "museum");
  await install(packed(museum, "rust-0.1.0-win-forecast"), { grant_all: true });
  for (const name of ["quote-pricing", "keyword-check", "similarity", "win-forecast"]) {
    await install(packed(SHELF, name), { grant_all: true });
  }
  await install(packed(SHELF, "intent-heat"));
  await install(packed(SHELF, "semantic-tags"), { grant_all: true });
  await ask("POST", "/plugins/mortise.keyword-check/disable", {}, [204]);
  const files = Object.fromEntries(Object.entries(NOTES).map(([path, file]) => [path, JSON.stringify(file)]));
  await ask("POST", "/apps", { files }, [200]);
  const note = (title) => ask("POST", "/records/notes.note", { title }, [201, 422]);
  await install(names("1.0.0"), { grant_all: true });
  for (const title of ["三楼会议室的投影仪需要检修", "X-ray", "采购清单"]) await note(title);
  const { number } = await install(names("2.0.0"), { grant_all: true, stage: true });
  await install(names("1.1.0"));
  const { id } = (await ask("GET", "/session", undefined, [200])).user;
  await ask("POST", "/plugins/test.names/canary", { number, share: 10, people: [id] }, [204]);
  for (let times = 0; times < 6; times += 1) await note(`第 ${times} 次`);
  await ask("POST", "/plugins/mortise.win-forecast/jobs/train/run", {}, [202, 204]);
  for (let tries = 0; tries < 100; tries += 1) {
    const { counts } = await ask("GET", "/plugins/calls", undefined, [200]);
    if (counts.dead > 0) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
