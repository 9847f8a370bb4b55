// What administrators look after: the audit trail with its filters and its check, what an upgrade left behind until it is
// deleted for good, and their own changes of an app, uploaded, refused, taken back.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { PEOPLE, PHONE, api, openPage, overflow, signIn, startBrowser, startServer, words } from "./harness.mjs";

const t = words("zh-CN");

let server, browser, folder, page, complaints, close, admin;

/** The app `notes` with these fields. */
function notes(version, fields) {
  const label = (en, zh) => ({ en, "zh-CN": zh });
  const entity = {
    id: "note", label: label("Note", "便签"), title: "title",
    fields: fields.map((id) => ({ id, label: label(id, { title: "标题", fax: "传真", mail: "邮箱" }[id]), type: "text" })),
  };
  return {
    files: {
      "app.json": JSON.stringify({ id: "notes", version, label: label("Notes", "便签本") }),
      "entities/note.json": JSON.stringify(entity),
    },
  };
}

before(async () => {
  server = await startServer();
  browser = await startBrowser();
  folder = mkdtempSync(join(tmpdir(), "mortise-admin-"));
  admin = await api(server, PEOPLE.administrator);
  assert.equal((await admin("POST", "/apps", notes("1.0.0", ["title", "fax", "mail"]))).status, 200);
  assert.equal((await admin("POST", "/records/notes.note", { title: "第一张", fax: "010-1", mail: "a" })).status, 201);
  ({ page, complaints, close } = await openPage(browser));
  await signIn(page, server, PEOPLE.administrator);
});
after(async () => {
  await close?.();
  await browser?.close();
  await server?.stop();
  if (folder) rmSync(folder, { recursive: true, force: true });
});

const open = (path) => page.goto(server.base + path);
const row = (text) => page.locator(".audit-table tbody tr", { hasText: text });
const says = (selector, text) => page.locator(selector).filter({ hasText: text }).first().waitFor();

test("the trail shows who did what from where, and leads to the record", async () => {
  await open("/");
  await page.locator(".sidebar a", { hasText: t("audit.title") }).click();
  await page.waitForURL(/admin\/audit$/);
  // Clocks of the demo leads fill the first pages.
  await page.locator(".audit-filters label.switch").click();
  await page.locator(".audit-filters button[data-main]").click();
  await page.waitForURL(/people=true/);
  const created = row("第一张").first();
  await created.waitFor();
  const shown = await created.innerText();
  for (const text of [t("audit.action.record_created"), "便签", "管理员", "127.0.0.1", "传真"]) assert.ok(shown.includes(text), shown);
  const signedIn = await row(t("audit.action.signed_in")).first().innerText();
  assert.match(signedIn, /Chrome · Linux/);
  await created.locator("a").click();
  await page.waitForURL(/\/a\/notes\/note\/[0-9a-f-]{36}$/);
});

test("filters find an entry by person, kind, action and day; older entries are a page away", async () => {
  await open("/admin/audit");
  await page.locator("#audit-actor").fill("管理");
  await page.locator(".pick-option", { hasText: "管理员" }).first().click();
  await page.locator("#audit-entity").selectOption("notes.note");
  await page.locator("#audit-action").selectOption("record.created");
  await page.locator(".audit-filters button[data-main]").click();
  await page.waitForURL(/action=record\.created/);
  assert.equal(await page.locator(".audit-table tbody tr").count(), 1);
  assert.equal(await page.locator("#audit-actor").inputValue(), "管理员");
  await page.locator("#audit-until").fill("2020-01-01");
  await page.locator(".audit-filters button[data-main]").click();
  await says(".empty h2", t("audit.nothing_found"));
  await page.locator(".empty a").click();
  await page.waitForURL(/admin\/audit$/);
  const newest = await page.locator(".audit-table tbody tr").first().getAttribute("id");
  await page.locator(".pager a", { hasText: t("audit.older") }).click();
  await page.waitForURL(/before=/);
  assert.notEqual(await page.locator(".audit-table tbody tr").first().getAttribute("id"), newest);
  await page.locator(".pager a", { hasText: t("audit.newest") }).click();
  await page.waitForURL(/admin\/audit$/);
  await open("/admin/audit?from=yesterday");
  await says(".form-summary[role=alert]", "yesterday");
});

test("the chain is checked by a button, and the trail comes as a file", async () => {
  await open("/admin/audit");
  await page.getByRole("button", { name: t("audit.verify") }).click();
  await page.locator("#verified.alert-good").waitFor();
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.locator("a[download]", { hasText: t("audit.export") }).click(),
  ]);
  assert.match(download.suggestedFilename(), /审计记录.*\.csv$/);
});

test("on a phone every entry is a card, and nothing is wider than the screen", async () => {
  const phone = await openPage(browser, { device: PHONE });
  await signIn(phone.page, server, PEOPLE.administrator);
  for (const path of ["/admin/audit", "/admin/audit?action=record.created", "/admin/apps/notes/overlay", "/admin/apps/notes"]) {
    await phone.page.goto(server.base + path);
    assert.equal(await overflow(phone.page), 0, path);
  }
  await phone.page.goto(`${server.base}/admin/audit`);
  assert.equal(await phone.page.locator(".audit-table tbody tr").first().evaluate((one) => getComputedStyle(one).display), "flex");
  assert.deepEqual(phone.complaints, []);
  await phone.close();
});

test("what an upgrade left behind is named with its loss, and goes only when it is ticked", async () => {
  const upgrade = { ...notes("2.0.0", ["title"]), confirm: ["notes.note.fax", "notes.note.mail"] };
  assert.equal((await admin("POST", "/apps", upgrade)).status, 200);
  await open("/admin/apps/notes");
  await says("section", t("purge.kept"));
  await page.locator("section a", { hasText: t("purge.title") }).click();
  await page.waitForURL(/notes\/purge$/);
  await page.locator("button.btn-danger").click();
  await says(".toast", t("purge.none_chosen"));
  const fax = page.locator(".check-list label", { hasText: "传真" });
  assert.ok((await fax.innerText()).includes(t("purge.field", { entity: "便签", field: "传真", count: 1 })), await fax.innerText());
  await fax.locator("input").check();
  await page.locator("button.btn-danger").click();
  await page.waitForURL(/apps\/notes$/);
  await says(".toast", t("purge.done", { count: 1 }));
  const kept = await page.locator("section", { hasText: t("purge.kept") }).innerText();
  assert.ok(kept.includes("邮箱") && !kept.includes("传真"), kept);
  // The way back says what is missing, and only then leads there.
  await page.locator("tr", { hasText: "1.0.0" }).getByRole("button", { name: t("apps.rollback") }).click();
  await says(".check-list label", t("apps.destructive_field_purged", { entity: "便签", field: "fax" }));
  for (const box of await page.locator(".check-list input").all()) await box.check();
  await page.locator("button[data-main]").click();
  await page.waitForURL(/apps\/notes$/);
  const records = (await admin("GET", "/records/notes.note")).json.rows;
  assert.deepEqual([records[0].mail, records[0].fax], ["a", null]);
});

async function upload(overlay) {
  const file = join(folder, "overlay.json");
  writeFileSync(file, typeof overlay === "string" ? overlay : JSON.stringify(overlay));
  await open("/admin/apps/notes/overlay");
  await page.locator("[data-dialog=upload]").first().click();
  await page.locator("#overlay-file").setInputFiles(file);
  await page.locator("#upload button[data-main]").click();
}

test("changes of an app are uploaded, refused with the reason, listed and taken back", async () => {
  await open("/admin/apps/notes");
  await page.locator("section a", { hasText: t("overlay.open") }).click();
  await says(".empty h2", t("overlay.none"));
  const patches = [
    { artifact: "entities/note", path: "label/zh-CN", before: "便签", after: "备忘" },
    { artifact: "entities/note", path: "fields/colour", after: { id: "colour", label: { en: "Colour", "zh-CN": "颜色" }, type: "text" } },
  ];
  const overlay = { app: "notes", version: "1.0.0", patches };
  await upload("{");
  await page.locator(".form-summary[role=alert]").waitFor();
  await upload({ ...overlay, app: "other" });
  await says(".form-summary[role=alert]", "other");
  await upload({ ...overlay, patches: [{ ...patches[1], after: { id: "colour", type: "paint" } }] });
  await says("section", "paint");
  await upload(overlay);
  await says(".toast", t("overlay.saved"));
  assert.equal(await page.locator(".overlay-list li").count(), 2);
  assert.ok((await page.locator(".overlay-list").innerText()).includes("备忘"));
  assert.equal((await admin("POST", "/records/notes.note", { title: "二", colour: "红" })).status, 201);

  const label = page.locator(".overlay-list li", { hasText: "label/zh-CN" });
  await label.getByRole("button").click();
  await says(".toast", t("overlay.saved"));
  assert.equal(await page.locator(".overlay-list li").count(), 1);
  // The field holds values: that is asked first.
  await page.locator("[data-dialog=revert-all]").click();
  await page.locator("#revert-all button.btn-danger").click();
  await says(".check-list label", "颜色");
  await page.locator(".check-list input").check();
  await page.locator("button[data-main]").click();
  await says(".empty h2", t("overlay.none"));
  const record = (await admin("GET", "/records/notes.note")).json.rows[0];
  assert.equal("colour" in record, false);
});

test("nothing complained", () => {
  const refused = complaints.filter((text) => !/status of 4\d\d/.test(text));
  assert.deepEqual(refused, []);
});
