// Every kind of field in a form, in an app that is installed by the page: filled in, refused with everything kept, saved, changed
// by two people at once, lost on the way and found again.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { PEOPLE, api, openPage, signIn, startBrowser, startServer, words, workspace } from "./harness.mjs";

const t = words("en");
const APP = join(workspace, "tests/data/all-fields");
const THINGS = "/a/all-fields/thing";
/** A picture of one pixel. */
const PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const RECORD = /thing\/[0-9a-f-]{36}$/;

let server, browser, folder, page, close;

before(async () => {
  server = await startServer();
  browser = await startBrowser();
  folder = mkdtempSync(join(tmpdir(), "mortise-fields-"));
  writeFileSync(join(folder, "doc.txt"), "hello");
  writeFileSync(join(folder, "photo.png"), Buffer.from(PIXEL, "base64"));
  ({ page, close } = await openPage(browser, { language: "en" }));
  await page.context().grantPermissions(["geolocation"]);
  await page.context().setGeolocation({ latitude: 31.23, longitude: 121.47 });
  await signIn(page, server, PEOPLE.administrator, "en");
});
after(async () => {
  await close?.();
  await browser?.close();
  await server?.stop();
  if (folder) rmSync(folder, { recursive: true, force: true });
});

const open = (path) => page.goto(server.base + path);
const save = () => page.locator("button[data-main]").first().click();
const field = (name) => page.locator(`[data-field=${name}]`);
const value = (name) => page.locator(`#f-${name}`).inputValue();
const says = (selector, text) => page.locator(selector).filter({ hasText: text }).first().waitFor();

test("an app is installed from a folder by the page, after it was shown what that means", async () => {
  await open("/admin/apps");
  await page.locator("[data-dialog=install]").first().click();
  await page.locator("#app-folder").setInputFiles(APP);
  await page.locator("#install button[data-main]").click();
  await page.waitForURL(/apps\/check/);
  await says("main", "all_fields__thing");
  await save();
  await page.waitForURL(/apps\/all-fields/);
});

test("a setting that is refused is told beside its input and stays as it was typed", async () => {
  await open("/admin/apps/all-fields");
  await page.locator("#s-limit").fill("99");
  await page.locator("form[action$=settings] button[data-main]").click();
  await page.locator(".field-error").first().waitFor();
  assert.equal(await page.locator("#s-limit").inputValue(), "99");
});

async function fill() {
  const typed = {
    name: "Big box", notes: "line 1\nline 2", count: "21", rate: "12.5", price: "1,234.50", day: "2026-12-01",
    at: "2026-12-01T14:30", length: "2h30m", phone: "138 0013 8000", mail: "a@example.com", web: "https://example.com/x",
    extra: '{"a": [1, 2]}',
  };
  for (const [name, text] of Object.entries(typed)) await page.locator(`#f-${name}`).fill(text);
  await field("vip").locator("label.switch").click();
  await field("tags").locator(".pill").nth(0).click();
  await field("tags").locator(".pill").nth(2).click();
  await page.locator("#f-place").click();
  await field("place").locator(".pick-option", { hasText: "East" }).click();
  await field("place").locator(".pick-option", { hasText: "Suzhou" }).click();
  await page.locator("#f-area").click();
  await field("area").locator(".pick-option", { hasText: "East" }).click();
  await page.locator("#f-team").click();
  await field("team").locator(".pick-option").first().click();
  await field("geo").locator("button").click();
  await page.waitForFunction(() => document.querySelector("#f-geo").value.startsWith("31.23"));
  return { ...typed, geo: "31.230000, 121.470000" };
}

async function attach() {
  const [doc, photo] = [join(folder, "doc.txt"), join(folder, "photo.png")];
  await page.locator("#f-doc").setInputFiles(doc);
  await field("doc").locator(".file-item a").waitFor();
  await page.locator("#f-docs").setInputFiles([doc, photo]);
  await field("docs").locator(".file-item a").nth(1).waitFor();
  await page.locator("#f-photo").setInputFiles(photo);
  await field("photo").locator(".file-item a").waitFor();
  const canvas = page.locator("m-signature canvas");
  await canvas.scrollIntoViewIfNeeded();
  const { x, y } = await canvas.boundingBox();
  await page.mouse.move(x + 20, y + 50);
  await page.mouse.down();
  await page.mouse.move(x + 120, y + 90, { steps: 8 });
  await page.mouse.up();
  await page.waitForFunction(() => document.querySelector("[name=sign]").value !== "");
}

test("every kind of field is filled in; what is refused loses nothing, and what is right is saved", async () => {
  await open(`${THINGS}/new`);
  const typed = await fill();
  await attach();
  await says("[data-computed]", "42");
  await field("status").locator(".pill", { hasText: "Done" }).click();
  await page.locator("[data-field=reason].is-required:not([hidden])").waitFor();
  for (let row = 0; row < 2; row++) await page.locator("m-lines [data-add]").click();
  await page.locator("#f-lines-0-label").fill("Screw");
  await page.locator("#f-lines-0-qty").fill("x");
  await page.locator("#f-lines-0-amount").fill("10");
  await page.locator("#f-lines-1-label").fill("Nut");
  await page.locator("#f-lines-1-amount").fill("5.5");
  await save();

  await page.locator(".form-summary[role=alert]").waitFor();
  for (const name of ["reason", "lines"]) await field(name).locator(".field-error").first().waitFor();
  const kept = { ...typed, place: "East / Suzhou", area: "East", "lines-0-qty": "x", "lines-1-label": "Nut" };
  for (const [name, text] of Object.entries(kept)) assert.equal(await value(name), text, name);
  assert.equal(await field("docs").locator(".file-item a").count(), 2);
  assert.equal(await field("tags").locator("input:checked").count(), 2);

  await page.locator("#f-reason").fill("because");
  await page.locator("#f-lines-0-qty").fill("3");
  await save();
  await page.waitForURL(RECORD);
  const shown = await page.locator(".record-main").innerText();
  for (const text of ["¥1,234.50", "2 h 30 min", "East / Suzhou", "138 0013 8000", "K-2026-0001", "¥15.50", "because", "doc.txt"])
    assert.ok(shown.includes(text.replace("2026", new Date().getFullYear())), `${text} is missing in ${shown}`);
});

test("a record opens for editing as it was typed, and only what changed is in the timeline", async () => {
  await open(THINGS);
  await page.locator(".row-link", { hasText: "Big box" }).click();
  await page.locator("a[data-key=e]").click();
  await page.waitForURL(/edit/);
  assert.deepEqual([await value("price"), await value("at"), await value("length")], ["1234.50", "2026-12-01T14:30", "2h30m"]);
  await page.locator("m-lines [data-remove]").first().click();
  await page.locator("#f-other").fill("Big");
  await field("other").locator(".pick-option").first().click();
  await page.locator("#f-name").fill("Bigger box");
  await save();
  await page.waitForURL(RECORD);
  const changes = await page.locator("#timeline .changes").first().innerText();
  assert.ok(changes.includes("Bigger box") && !changes.includes("Length"), changes);
});

test("a node of a tree is found by its name and by the levels above it", async () => {
  await open(`${THINGS}/new`);
  const options = field("place").locator(".pick-option");
  await page.locator("#f-place").click();
  await page.locator("#f-place").pressSequentially("suz");
  await options.filter({ hasText: "Suzhou" }).filter({ hasText: "East" }).click();
  assert.equal(await value("place"), "East / Suzhou");
  await page.locator("#f-place").click();
  await options.filter({ hasText: "Shanghai" }).waitFor();
  await field("place").locator(".pick-path button").first().click();
  await options.filter({ hasText: "South" }).click();
  assert.equal(await value("place"), "South");
});

test("when somebody else saved first, both versions are shown and nothing is overwritten or lost", async () => {
  await open(THINGS);
  await page.locator(".row-link", { hasText: "Bigger box" }).click();
  await page.waitForURL(RECORD);
  const id = page.url().split("/").pop();
  await open(`${THINGS}/${id}/edit`);
  await page.locator("#f-name").fill("Mine");
  const colleague = await api(server, PEOPLE.administrator);
  const change = await colleague("PATCH", `/records/all-fields.thing/${id}`, { name: "Theirs", web: "https://other.example/" });
  assert.equal(change.status, 200, change.text);
  await save();

  const asked = page.locator(".conflict-table tbody th");
  await asked.first().waitFor();
  // The address was changed by the colleague alone, so there is nothing to ask about it.
  assert.deepEqual(await asked.allInnerTexts(), ["Name"]);
  await page.locator("button[name=_review]").click();
  await page.locator("#f-name").waitFor();
  assert.deepEqual([await value("name"), await value("web")], ["Mine", "https://other.example/"]);
  await save();
  await page.waitForURL(RECORD);
  await page.getByRole("heading", { level: 1, name: "Mine" }).waitFor();
});

test("what was typed outlives a closed page and a lost connection", async () => {
  await open(`${THINGS}/new`);
  await page.locator("#f-name").fill("Draft");
  await page.locator("m-lines [data-add]").click();
  await page.locator("#f-lines-0-label").fill("row");
  await open("/");
  await open(`${THINGS}/new`);
  await page.locator("#f-lines-0-label").waitFor();
  assert.deepEqual([await value("name"), await value("lines-0-label")], ["Draft", "row"]);

  // Without network the save waits on the device, and goes by itself when the network is back.
  await page.waitForFunction(async () => {
    const names = await caches.keys();
    const pages = await Promise.all(names.map(async (name) => (await caches.open(name)).keys()));
    return navigator.serviceWorker.controller && pages.flat().some(({ url }) => url.endsWith("/offline"));
  });
  await page.context().setOffline(true);
  await save();
  await page.waitForURL(/\/offline$/);
  await says(".outbox-item", "Draft");
  await page.context().setOffline(false);
  await says("m-waiting", t("offline.nothing"));
  await open(THINGS);
  await page.getByRole("link", { name: "Draft", exact: true }).first().waitFor();
  await open(`${THINGS}/new`);
  assert.equal(await value("name"), "", "a saved draft does not come back");
});

test("several records are put into the trash at once and come back at once", async () => {
  await open(THINGS);
  const range = page.locator(".pager span").first();
  const before = await range.innerText();
  await page.locator("input[data-all]").check();
  await page.locator(".bulk-bar .btn-danger").click();
  await page.locator("#bulk-dialog button[type=submit]").click();
  await says(".toast", t("list.deleted", { count: 2 }));
  await page.locator(".toast .link-button").click();
  await says(".toast", t("list.restored", { count: 2 }));
  assert.equal(await range.innerText(), before);
});

test("an app is removed only after its id was typed and every loss was confirmed", async () => {
  await open("/admin/apps/all-fields");
  await page.locator("[data-dialog=uninstall]").click();
  await page.locator("#confirm-id").fill("all-fields");
  await page.locator("#uninstall button[type=submit]").click();
  const steps = page.locator("input[name=confirm_step]");
  await steps.first().waitFor();
  for (const step of await steps.all()) await step.check();
  await save();
  await page.waitForURL(/admin\/apps$/);
  // Its records are kept, so it is still named among what was removed, but no longer as an app.
  assert.equal(await page.locator('main a[href$="/admin/apps/all-fields"]').count(), 0);
});
