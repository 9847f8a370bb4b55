// A plugin from its package to its end: installed with what is ticked, at work in a form, upgraded with consent, broken by a
// bad version, at rest, tried out, rolled back, set up, removed; those that ship and what removed ones leave behind; on a screen
// and on a phone, in both languages.

import assert from "node:assert/strict";
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { PEOPLE, PHONE, api, flawless, openPage, signIn, startBrowser, startServer, words, workspace } from "./harness.mjs";

const t = words("zh-CN");
const ID = "test.names";
const NOTES = "/a/notes/note";

const FORECAST = "mortise.win-forecast";

let server, browser, page, complaints, close, admin, shelf;

const file = (version) => join(workspace, "tests", "browser", "plugins", `names-${version}.plugin`);
const museum = (name) => join(workspace, "runtime", "plugin-host", "tests", "museum", name);

before(async () => {
  shelf = mkdtempSync(join(tmpdir(), "mortise-shelf-"));
  copyFileSync(file("1.0.0"), join(shelf, "names.plugin"));
  copyFileSync(museum("rust-0.1.0-win-forecast.plugin"), join(shelf, "win-forecast.plugin"));
  copyFileSync(museum("rust-0.1.0-quote-pricing.plugin"), join(shelf, "quote-pricing.plugin"));
  server = await startServer({ records: 20, shelf });
  browser = await startBrowser();
  admin = await api(server, PEOPLE.administrator);
  const label = (en, zh) => ({ en, "zh-CN": zh });
  const note = {
    id: "note", label: label("Note", "便签"), title: "title",
    fields: [{ id: "title", label: label("Title", "标题"), type: "text", required: true }],
  };
  const files = { "app.json": { id: "notes", version: "1.0.0", label: label("Notes", "便签本") }, "entities/note.json": note };
  const texts = Object.fromEntries(Object.entries(files).map(([name, content]) => [name, JSON.stringify(content)]));
  assert.equal((await admin("POST", "/apps", { files: texts })).status, 200);
  ({ page, complaints, close } = await openPage(browser));
  await signIn(page, server, PEOPLE.administrator);
});
after(async () => {
  await close?.();
  await browser?.close();
  await server?.stop();
  if (shelf) rmSync(shelf, { recursive: true, force: true });
});

const open = (path) => page.goto(server.base + path);
const home = `/admin/plugins/${ID}`;
const says = (text) => page.locator(".toast", { hasText: text }).first().waitFor();
const badge = (key) => page.locator(".page-head .badge", { hasText: t(key) }).waitFor();
const press = (name) => page.locator("main").getByRole("button", { name, exact: true }).first().click();
const save = async (title) => (await admin("POST", "/records/notes.note", { title })).status;

/** The page fits, and axe finds nothing that keeps people out. */
const inOrder = (of = page) => flawless(of);

/** Saves a form, and waits until that is answered. */
async function stored(of, form) {
  const answer = of.waitForResponse((one) => one.request().method() === "POST");
  await form.getByRole("button", { name: t("form.save") }).click();
  await answer;
  await of.waitForLoadState();
}

/** Looks into a package with the dialog of the page that is open. */
async function look(version, button) {
  await page.locator(".topbar-actions").getByRole("button", { name: button }).click();
  await page.locator("dialog[open] input[type=file]").setInputFiles(file(version));
  await page.locator("dialog[open] button[data-main]").click();
  await page.waitForURL(/admin\/plugins\/check$/);
}

/** Fills in a new note on its page. */
async function note(title) {
  await open(`${NOTES}/new`);
  await page.locator("#f-title").fill(title);
  await page.locator("button[data-main]").first().click();
}

test("a package shows what it does and asks for, and is installed with what is ticked", { timeout: 240_000 }, async () => {
  await open("/");
  await page.locator(".sidebar a", { hasText: t("plugins.title") }).click();
  await page.waitForURL(/admin\/plugins$/);
  await inOrder();
  await look("1.0.0", t("plugins.install"));
  await page.getByRole("heading", { name: t("plugins.check_install", { title: "名称检查" }) }).waitFor();
  const asked = await page.locator(".plugin-ask").allInnerTexts();
  assert.equal(asked.length, 3, asked.join("\n"));
  assert.ok(asked[0].includes(t("plugins.read", { entity: "便签" })) && asked[0].includes("标题"), asked[0]);
  assert.ok(asked[1].includes("api.example.com") && asked[1].includes("访问密钥"), asked[1]);
  assert.ok(asked[2].includes("1 MiB"), asked[2]);
  assert.ok(asked[0].includes(t("plugins.read_alone")), "its action works on its own, too");
  await inOrder();
  await page.getByLabel(t("plugins.method.POST")).uncheck();
  await press(t("plugins.install_now"));
  await page.waitForURL(new RegExp(`${ID}$`));
  await says(t("plugins.installed", { title: "名称检查", version: "1.0.0" }));
  await badge("plugins.state.on");
  assert.equal(await page.getByLabel(t("plugins.method.POST")).isChecked(), false);
  assert.equal(await page.getByLabel(t("plugins.method.GET")).isChecked(), true);
  await inOrder();
});

test("it is heard while a form is saved, and the log shows the call with what it used", { timeout: 240_000 }, async () => {
  await note("X-ray");
  await page.getByText("No name begins with an X.").first().waitFor();
  assert.equal(await page.locator("#f-title").inputValue(), "X-ray");
  await page.locator("#f-title").fill("Paint");
  await page.locator("button[data-main]").first().click();
  await page.waitForURL(/note\/[0-9a-f-]{36}$/);
  await open(home);
  await page.locator(".plugin-tabs a", { hasText: t("plugins.tab.runs") }).click();
  await page.waitForURL(/runs$/);
  const run = page.locator("tbody tr").first();
  await run.waitFor();
  const shown = await run.innerText();
  for (const text of ["names", "1.0.0", t("plugins.good"), "管理员", t("plugins.counter.wall-ms")]) assert.ok(shown.includes(text), shown);
  assert.ok((await run.locator("progress").count()) >= 1);
  await inOrder();
  await page.getByRole("link", { name: t("plugins.failed_runs") }).click();
  await page.getByRole("heading", { name: t("plugins.none_failed") }).waitFor();
  await page.locator(".plugin-tabs a", { hasText: t("plugins.tab.calls") }).click();
  await page.getByRole("heading", { name: t("plugins.no_calls") }).waitFor();
  await inOrder();
});

test("a plugin that ships is offered, looked into and installed", { timeout: 240_000 }, async () => {
  await open("/admin/plugins");
  const offers = page.locator("section", { hasText: t("plugins.shelf") }).locator("li");
  assert.deepEqual(await offers.locator("h3").allInnerTexts(), ["报价计算"], "what is installed is not offered again");
  const said = await offers.innerText();
  for (const text of ["mortise.quote-pricing 1.0.0", "English", "中文", t("plugins.shelf_modest")]) assert.ok(said.includes(text), said);
  await offers.getByRole("button", { name: t("plugins.shelf_look", { title: "报价计算" }) }).focus();
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: t("plugins.check_install", { title: "报价计算" }) }).waitFor();
  await page.getByText(t("plugins.asks_nothing")).waitFor();
  await inOrder();
  await press(t("plugins.install_now"));
  await says(t("plugins.installed", { title: "报价计算", version: "1.0.0" }));
  await open("/admin/plugins");
  await page.getByRole("heading", { name: "报价计算" }).waitFor();
  assert.equal(await page.getByText(t("plugins.shelf"), { exact: true }).count(), 0);
  await inOrder();
});

test("what came with an app waits, is agreed to, works by the clock, and leaves data behind until that is deleted", { timeout: 240_000 }, async () => {
  await open("/admin/plugins");
  const waits = page.locator("li", { hasText: FORECAST });
  await waits.getByText(t("plugins.waiting_first")).waitFor();
  await waits.getByRole("link", { name: t("plugins.to_consent") }).click();
  await page.getByRole("heading", { name: t("plugins.waiting_title", { version: "1.0.0" }) }).waitFor();
  const consent = await page.locator("#consent").innerText();
  for (const text of [t("plugins.waiting_first"), t("plugins.read_alone"), t("plugins.storage_text")]) assert.ok(consent.includes(text), consent);
  assert.equal(await page.getByRole("heading", { name: t("plugins.may") }).count(), 0, "nothing is granted that could be taken away");
  await inOrder();
  await press(t("plugins.grant_now"));
  await badge("plugins.state.on");
  await press(t("plugins.run_now"));
  await says(t("plugins.run_started"));
  const stored = async () => (await admin("GET", `/plugins/${FORECAST}`)).json.stored_bytes;
  for (let tries = 0; tries < 200 && (await stored()) === 0; tries += 1) await new Promise((resolve) => setTimeout(resolve, 100));
  assert.ok((await stored()) > 0, "what was learnt is kept");
  // The log is written apart from the work, a moment later.
  const logged = async () => (await admin("GET", `/plugins/runs?plugin=${FORECAST}`)).json.rows.length;
  for (let tries = 0; tries < 200 && (await logged()) === 0; tries += 1) await new Promise((resolve) => setTimeout(resolve, 100));
  await open(`/admin/plugins/${FORECAST}/runs`);
  await page.locator("tbody tr", { hasText: "学习已结案商机" }).first().waitFor();
  await inOrder();
  await open(`/admin/plugins/${FORECAST}`);
  await page.locator("main").getByRole("button", { name: t("plugins.remove"), exact: true }).click();
  const dialog = page.locator("dialog[open]");
  assert.equal(await dialog.getByRole("checkbox").isChecked(), false);
  await dialog.getByRole("button", { name: t("plugins.remove"), exact: true }).click();
  await says(t("plugins.removed", { title: "赢单预测" }));
  const kept = page.locator("section", { hasText: t("plugins.kept_data") }).locator("tbody tr");
  assert.match(await kept.innerText(), /赢单预测\s+mortise\.win-forecast\s+[\d.]+ (B|KiB)\s+20\d\d-/);
  await inOrder();
  await kept.getByRole("button").click();
  await page.locator("dialog[open]").getByRole("button", { name: t("plugins.kept_purge"), exact: true }).click();
  await says(t("plugins.kept_gone", { id: FORECAST }));
  assert.equal(await page.getByText(t("plugins.kept_data"), { exact: true }).count(), 0);
  assert.deepEqual((await admin("GET", "/plugins/kept")).json.rows, []);
});

test("permissions are widened and taken away on its page", { timeout: 240_000 }, async () => {
  await open(home);
  await page.getByLabel(t("plugins.method.POST")).check();
  await page.getByLabel(t("plugins.storage_amount", { amount: "1 MiB" })).uncheck();
  await press(t("plugins.grant_save"));
  await says(t("plugins.granted"));
  const { versions } = (await admin("GET", `/plugins/${ID}`)).json;
  assert.deepEqual(versions[0].granted.http[0].methods, ["GET", "POST"]);
  assert.equal(versions[0].granted.storage, undefined);
});

test("an upgrade marks what is new, and what was taken away stays so", { timeout: 240_000 }, async () => {
  await open(home);
  await look("1.1.0", t("plugins.upgrade"));
  await page.getByText(t("plugins.asks_more"), { exact: true }).waitFor();
  assert.equal(await page.locator(".plugin-ask", { hasText: "other.example.com" }).locator(".badge").first().innerText(), t("plugins.new"));
  assert.equal(await page.locator(".plugin-ask", { hasText: "api.example.com" }).locator(".badge").count(), 0);
  assert.equal(await page.getByLabel(t("plugins.storage_amount", { amount: "1 MiB" })).isChecked(), false);
  await inOrder();
  await press(t("plugins.upgrade_now"));
  await page.waitForURL(new RegExp(`${ID}$`));
  await says(t("plugins.upgraded", { title: "名称检查", version: "1.1.0" }));
});

test("a version that breaks down is seen, rests, and is rolled back", { timeout: 240_000 }, async () => {
  await open(home);
  await look("2.0.0", t("plugins.upgrade"));
  await press(t("plugins.upgrade_now"));
  await says(t("plugins.upgraded", { title: "名称检查", version: "2.0.0" }));
  await note("Paint 2");
  await page.locator("[role=alert]", { hasText: "名称检查" }).first().waitFor();
  assert.equal(await page.locator("#f-title").inputValue(), "Paint 2");
  for (let times = 0; times < 5; times += 1) assert.equal(await save("Paint 2"), 422);
  await open(home);
  await badge("plugins.state.resting");
  await page.getByText(t("plugins.resting_title"), { exact: true }).waitFor();
  await inOrder();
  await open(`${home}/runs?failed=1`);
  const outcomes = (await page.locator("tbody tr").allInnerTexts()).join(" ");
  assert.ok(outcomes.includes("插件运行出错"), outcomes);
  await inOrder();
  // Should its rest be over by now, this call is the one that tries again, and sends it back to rest.
  assert.equal(await save("Paint 2"), 422);
  await open(home);
  await press(t("plugins.reset"));
  await says(t("plugins.reset_done"));
  assert.equal(await page.getByText(t("plugins.resting_title"), { exact: true }).count(), 0);
  await page.locator("tr", { hasText: "1.1.0" }).getByRole("button", { name: t("plugins.back_to") }).click();
  await says(t("plugins.rolled_back", { title: "名称检查" }));
  assert.equal(await save("Paint 2"), 201);
  assert.equal(await save("X-ray"), 422);
});

test("a version is tried out on one person, compared, and stopped", { timeout: 240_000 }, async () => {
  await open(home);
  await page.locator("tr", { hasText: "2.0.0" }).getByRole("button", { name: t("plugins.try_out") }).click();
  const dialog = page.locator("dialog[open]");
  await dialog.getByLabel(t("plugins.share")).fill("0");
  await dialog.getByLabel(t("plugins.people")).selectOption({ label: "管理员" });
  await dialog.locator("button[data-main]").click();
  await says(t("plugins.canary_started"));
  await page.getByText(t("plugins.canary_people", { names: "管理员" })).waitFor();
  assert.equal(await save("Paint 3"), 422);
  await open(home);
  const rows = await page.locator("section", { hasText: t("plugins.canary_title", { version: "2.0.0" }) }).locator("tbody tr").allInnerTexts();
  assert.ok(rows.some((row) => row.includes("2.0.0") && row.includes(t("plugins.tried"))), rows.join("\n"));
  await inOrder();
  await press(t("plugins.canary_stop"));
  await says(t("plugins.canary_stopped"));
  assert.equal(await save("Paint 3"), 201);
});

test("settings are checked, secrets are never shown again, names can be said", { timeout: 240_000 }, async () => {
  await open(home);
  await page.getByLabel("上限").fill("many");
  await page.locator("section", { hasText: t("plugins.settings") }).getByRole("button", { name: t("form.save") }).first().click();
  await page.locator(".field-error").waitFor();
  assert.equal(await page.getByLabel("上限").inputValue(), "many");
  await page.getByLabel("上限").fill("9");
  await page.getByLabel("词语").fill("甲\n乙");
  await page.locator("form[action$='/settings']").getByRole("button", { name: t("form.save") }).click();
  await says(t("plugins.settings_saved"));
  assert.deepEqual((await admin("GET", `/plugins/${ID}`)).json.settings, { limit: 9, words: ["甲", "乙"] });
  await page.getByLabel("访问密钥").fill("hush-hush");
  await page.locator(".plugin-secret").getByRole("button", { name: t("form.save") }).click();
  await says(t("plugins.secret_saved"));
  await page.locator(".plugin-secret .badge", { hasText: t("plugins.secret_set") }).waitFor();
  assert.ok(!(await page.content()).includes("hush"));
  await page.locator("#map-note").selectOption("notes.note");
  await page.locator("form[action$='/mapping']").getByRole("button", { name: t("form.save") }).click();
  await says(t("plugins.mapping_saved"));
  assert.equal(await save("X-ray"), 422);
});

test("a list with columns is a table: rows are added, corrected, taken away, and had again as they came", { timeout: 240_000 }, async () => {
  await open(home);
  const form = page.locator("form[action$='/settings']");
  const rows = form.locator("m-lines tbody > tr:not(.row-offered)");
  const store = () => stored(page, form);
  const terms = async () => (await admin("GET", `/plugins/${ID}`)).json.settings.terms;
  assert.equal(await rows.count(), 1);
  assert.equal(await rows.first().getByLabel("同义词").inputValue(), "晚到\nlate");
  await form.getByRole("button", { name: t("lines.add") }).click();
  await rows.nth(1).getByLabel("权重").fill("much");
  await form.getByLabel("上限").fill("11");
  await store();
  assert.equal(await form.getByLabel("上限").inputValue(), "11", "what was right is still there, and not saved yet");
  assert.equal((await admin("GET", `/plugins/${ID}`)).json.settings.limit, 9);
  assert.equal(await rows.nth(1).getByLabel("词条").getAttribute("aria-invalid"), "true");
  const wrong = await rows.nth(1).innerText();
  assert.ok(wrong.includes(t("plugins.wrong.integer")), wrong);
  assert.ok((await form.innerText()).includes(t("plugins.setting_rows")));
  await inOrder();
  await rows.nth(1).getByLabel("词条").fill("报价");
  await rows.nth(1).getByLabel("权重").fill("");
  await store();
  await says(t("plugins.settings_saved"));
  const first = { term: "交期", weight: 2, also: ["晚到", "late"] };
  assert.deepEqual(await terms(), [first, { term: "报价" }]);
  await rows.first().getByRole("button", { name: t("lines.remove") }).click();
  await store();
  await says(t("plugins.settings_saved"));
  assert.deepEqual(await terms(), [{ term: "报价" }]);
  await inOrder();
  await form.getByLabel(t("plugins.rows_reset")).check();
  await store();
  await says(t("plugins.settings_saved"));
  assert.equal(await terms(), undefined);
  // What no table can show, because a program set it, is JSON.
  assert.equal((await admin("PATCH", `/plugins/${ID}/settings`, { terms: ["交期"] })).status, 204);
  await open(home);
  assert.equal(await rows.count(), 0);
  assert.deepEqual(JSON.parse(await form.getByLabel("词库").inputValue()), ["交期"]);
  await form.getByLabel("词库").fill("[");
  await store();
  await page.getByText(t("plugins.wrong.json")).waitFor();
  await form.getByLabel("词库").fill("");
  await store();
  await says(t("plugins.settings_saved"));
  assert.equal(await rows.count(), 1);
});

test("without script a table has an empty row to fill in, and a row that is emptied goes", { timeout: 240_000 }, async () => {
  const plain = await browser.newContext({ javaScriptEnabled: false, locale: "zh-CN", storageState: await page.context().storageState() });
  const bare = await plain.newPage();
  const form = bare.locator("form[action$='/settings']");
  const store = () => stored(bare, form);
  const terms = async () => (await admin("GET", `/plugins/${ID}`)).json.settings.terms;
  await bare.goto(server.base + home);
  assert.equal(await form.getByRole("button", { name: t("lines.add") }).count(), 0);
  await form.locator("#s-terms-1-term").fill("报价");
  await store();
  await bare.getByText(t("plugins.settings_saved")).first().waitFor();
  assert.deepEqual((await terms()).map((row) => row.term), ["交期", "报价"]);
  for (const column of ["term", "weight", "also"]) await form.locator(`#s-terms-0-${column}`).fill("");
  await store();
  await bare.getByText(t("plugins.settings_saved")).first().waitFor();
  assert.deepEqual(await terms(), [{ term: "报价" }]);
  await plain.close();
});

test("what is no package is told with the reason", { timeout: 240_000 }, async () => {
  await open("/admin/plugins");
  await page.locator(".topbar-actions").getByRole("button", { name: t("plugins.install") }).click();
  const rubbish = { name: "x.plugin", mimeType: "application/octet-stream", buffer: Buffer.from("rubbish") };
  await page.locator("dialog[open] input[type=file]").setInputFiles(rubbish);
  await page.locator("dialog[open] button[data-main]").click();
  await page.locator(".form-summary[role=alert]").waitFor();
  await page.locator(".badge", { hasText: t("apps.error") }).waitFor();
  await inOrder();
});

test("on a phone in English everything is there, and nothing is wider than the screen", { timeout: 240_000 }, async () => {
  const phone = await openPage(browser, { device: PHONE, language: "en" });
  await signIn(phone.page, server, PEOPLE.administrator, "en");
  for (const path of ["/admin/plugins", home, `${home}/runs`, `${home}/runs?failed=1`, `${home}/calls`]) {
    await phone.page.goto(server.base + path);
    await inOrder(phone.page);
  }
  await phone.page.goto(server.base + home);
  await phone.page.getByText(words("en")("plugins.may"), { exact: true }).waitFor();
  assert.deepEqual(phone.complaints, []);
  await phone.close();
  // The language belongs to the person, not to the telephone.
  assert.equal((await admin("PATCH", "/session", { language: "zh-CN" })).status, 204);
});

test("switched off and removed, it is as if it had never been there", { timeout: 240_000 }, async () => {
  await open(home);
  await page.locator(".topbar-actions").getByRole("button", { name: t("plugins.disable") }).click();
  await says(t("plugins.disabled", { title: "名称检查" }));
  await badge("plugins.state.off");
  assert.equal(await save("X-ray"), 201);
  await page.locator("main").getByRole("button", { name: t("plugins.remove"), exact: true }).click();
  await page.locator("dialog[open]").getByRole("button", { name: t("plugins.remove"), exact: true }).click();
  await page.waitForURL(/admin\/plugins$/);
  await says(t("plugins.removed", { title: "名称检查" }));
  assert.equal((await admin("GET", `/plugins/${ID}`)).status, 404);
  // A form that was refused, and a page that tells so, are answered with 422.
  assert.deepEqual(complaints.filter((one) => !one.includes("status of 422")), []);
});
