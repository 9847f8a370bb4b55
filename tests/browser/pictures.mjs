// Pictures of the twenty main pages for the documentation: `cargo xtask shots` writes them into docs/pictures, in both languages, on a
// desktop and a phone, light and dark, small enough to be kept with the source. Words after the command keep only the pictures whose
// name contains one of them. `shots.mjs` draws every page in every state instead.

import { mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PEOPLE, PHONE, api, openPage, signIn, startBrowser, startServer, words, workspace } from "./harness.mjs";

const [folder, ...only] = process.argv.slice(2);
const DESKTOP = { viewport: { width: 1280, height: 800 } };
/** A picture is as large as it has to be to be read. */
const [DESKTOP_SCALE, PHONE_SCALE, QUALITY] = [0.75, 0.85, 55];
/** All pictures together; more does not belong into a repository. */
const BYTES_MAX = 6_000_000;
const LOOKS = ["desktop", "phone"].flatMap((screen) =>
  ["en", "zh-CN"].flatMap((language) =>
    ["light", "dark"].map((colorScheme) => ({
      look: `${screen}-${language.slice(0, 2)}${colorScheme === "dark" ? "-dark" : ""}`,
      language,
      device: { ...(screen === "phone" ? PHONE : DESKTOP), colorScheme, reducedMotion: "reduce" },
      scale: screen === "phone" ? PHONE_SCALE : DESKTOP_SCALE,
    })),
  ),
);

const LEADS = "/a/lead-management/lead";
const CORE = "/a/sales-core";

/** By person: name of the picture, address, and what is done before it is taken. */
function scenes(t, seen) {
  const drawn = async (page) => {
    await page.waitForFunction(() => document.querySelectorAll(".dash-wait").length === 0);
    await page.locator("m-chart canvas, .dash-item, .empty").first().waitFor();
  };
  return [
    [PEOPLE.representative, [
      ["home-representative", "/", drawn],
      ["list-pool", `${LEADS}?view=pool`],
      ["new", `${LEADS}/new`],
      ["new-messages", `${LEADS}/new`, async (page) => {
        await page.locator("#f-name").fill("钱思远");
        await page.locator("#f-phone").fill("13812");
        await page.getByRole("button", { name: t("form.save"), exact: true }).click();
        await page.locator(".form-summary").first().waitFor();
        // The page has gone to what it says; the picture begins at its top.
        await page.evaluate(() => window.scrollTo(0, 0));
      }],
      ["record", seen.own],
      ["evidence", `${seen.own}/transitions/lose`],
      ["calendar", `${LEADS}?view=next_steps`],
      ["inbox", "/inbox"],
      ["offline", "/offline"],
    ]],
    [PEOPLE.ownSupervisor, [["home-supervisor", "/", drawn]]],
    [PEOPLE.director, [
      ["home-director", "/", drawn],
      ["list", `${LEADS}?view=all_leads`],
      ["filters", `${LEADS}?view=all_leads`, (page) => page.locator(".filter-button").first().click()],
      ["board", `${LEADS}?view=lead_board`],
      ["map", `${LEADS}?view=lead_map`, (page) => page.waitForTimeout(800)],
      ["timeline", `${CORE}/opportunity?view=opportunity_timeline`],
      ["palette", "/", async (page) => {
        await page.keyboard.press("Control+k");
        await page.locator("#palette [role=option]").first().waitFor();
        await page.keyboard.type("有限");
        await page.locator("#palette [data-hits] [role=option]").first().waitFor();
      }],
    ]],
    [PEOPLE.administrator, [
      ["import", `${LEADS}/import`, async (page) => {
        await page.locator("#import-file").setInputFiles(join(workspace, "tests/data/leads.csv"));
        await page.getByRole("button", { name: t("import.next") }).click();
        await page.locator("table.mapping").waitFor();
      }],
      ["stuck", "/admin/stuck"],
      ["automation", "/admin/automation"],
    ]],
  ];
}

/** A lead with something in its timeline, and forms that were used for a while. */
async function prepare(server) {
  const own = await api(server, PEOPLE.representative);
  const [mine] = (await own("GET", "/records/lead-management.lead?view=my_leads&limit=1")).json.rows;
  await own("POST", `/records/lead-management.lead/${mine.id}/comments`, { text: "已电话沟通，客户希望下周三上午看演示，届时技术负责人也会参加。" });
  const form = { entity: "lead-management.lead", form: "lead-management.lead_entry" };
  for (let number = 0; number < 24; number += 1) {
    const visit = `0193a3f2-7b1c-7e44-9a58-${String(number).padStart(12, "0")}`;
    const step = (kind, more = {}) => ({ visit, kind, ...form, ...more });
    const stays = [["name", 4_000], ["phone", 9_000], ["company", 13_000], ["need", 31_000]];
    const seen = [step("opened"), ...stays.map(([field, millis]) => step("field", { field, millis: millis + number * 150 }))];
    if (number % 3 === 0) seen.push(step("refused", { field: "phone", code: "value.not_phone" }));
    if (number % 7 === 0) seen.push(step("refused", { field: "need", code: "field.required" }));
    seen.push(number % 4 === 1 ? step("abandoned", { millis: 40_000 }) : step("saved", { millis: 52_000 + number * 400 }));
    const told = await own("POST", "/interactions", { screen: "phone", seen });
    if (told.status !== 204) throw new Error(told.text);
  }
  return { own: `${LEADS}/${mine.id}` };
}

async function take(page, path, { device, scale }) {
  await page.waitForLoadState("networkidle");
  const control = await page.context().newCDPSession(page);
  const clip = { x: 0, y: 0, ...device.viewport, scale };
  const { data } = await control.send("Page.captureScreenshot", { format: "webp", quality: QUALITY, clip });
  await control.detach();
  writeFileSync(path, Buffer.from(data, "base64"));
}

async function takeAll(server, browser, seen, look) {
  const wanted = (name) => only.length === 0 || only.some((word) => `${look.look}/${name}`.includes(word));
  const t = words(look.language);
  mkdirSync(join(folder, look.look), { recursive: true });
  for (const [person, list] of scenes(t, seen)) {
    const chosen = list.filter(([name]) => wanted(name));
    if (chosen.length === 0) continue;
    const { page, close } = await openPage(browser, { device: look.device, language: look.language, unexamined: "pictures only" });
    // The stream of news never ends; a picture is taken when all else has come.
    const body = "event: inbox\ndata: {\"unread\":3}\n\n";
    await page.route("**/events", (route) => route.fulfill({ contentType: "text/event-stream", body }));
    await signIn(page, server, person, look.language);
    for (const [name, address, act = async () => {}] of chosen) {
      try {
        await page.goto(`${server.base}${address}`);
        await act(page);
        await take(page, join(folder, look.look, `${name}.webp`), look);
      } catch (error) {
        console.error(`${look.look}/${name}: ${error.message.split("\n")[0]}`);
        process.exitCode = 1;
      }
    }
    await close();
  }
}

const server = await startServer({ records: 600 });
const browser = await startBrowser();
try {
  const seen = await prepare(server);
  for (const look of LOOKS) await takeAll(server, browser, seen, look);
} finally {
  await browser.close();
  await server.stop();
}
const files = readdirSync(folder, { recursive: true }).map((name) => statSync(join(folder, name))).filter((file) => file.isFile());
const bytes = files.reduce((sum, { size }) => sum + size, 0);
console.log(`${files.length} pictures, ${Math.round(bytes / 1000)} kB`);
if (bytes > BYTES_MAX) {
  console.error(`that is more than the ${BYTES_MAX / 1000} kB that they may have`);
  process.exitCode = 1;
}
