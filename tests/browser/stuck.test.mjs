// How forms are used, in the browser: what a representative does with a form is told in small batches without anything that was
// typed, an administrator sees where people get stuck, and switched off nothing is sent.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { DESKTOP, PEOPLE, PHONE, api, openPage, signIn, startBrowser, startServer, words } from "./harness.mjs";

const LEADS = "/a/lead-management/lead";
const NAME = "钟不言";
const PHONE_NUMBER = "13988887777";

let server, browser, administrator;

before(async () => {
  server = await startServer();
  browser = await startBrowser();
  administrator = await api(server, PEOPLE.administrator);
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

/** Everything that pages tell, as it leaves the browser: what goes away with a page can be seen nowhere else. */
async function listen(page) {
  await page.addInitScript(() => {
    const send = navigator.sendBeacon.bind(navigator);
    const Original = window.Blob;
    window.Blob = class extends Original {
      constructor(parts, options) {
        super(parts, options);
        this.written = parts?.join?.("");
      }
    };
    navigator.sendBeacon = (url, body) => {
      sessionStorage.told = `${sessionStorage.told ?? ""}${body.written}\n`;
      return send(url, body);
    };
  });
  return async () => {
    const lines = await page.evaluate(() => sessionStorage.told ?? "");
    return lines.split("\n").filter(Boolean).flatMap((line) => JSON.parse(line).seen);
  };
}

const of = async () => (await administrator("GET", "/interactions")).json.rows.find(({ entity, form }) => entity === "lead-management.lead" && form?.endsWith("lead_entry"));

/** The figures, once they are as they will be: a page that goes away does not wait until the server has heard it. */
async function figures(ready) {
  for (let tries = 0; ; tries += 1) {
    const form = await of();
    if (form && ready(form)) return form;
    assert.ok(tries < 100, JSON.stringify(form));
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

test("a form tells that it was opened, refused, saved and left, and nothing of what was typed", async () => {
  const t = words("zh-CN");
  const { page, complaints, close } = await openPage(browser, { device: PHONE });
  const listened = await listen(page);
  await signIn(page, server, PEOPLE.representative);
  await page.goto(`${server.base}${LEADS}/new`);
  await page.getByLabel("联系人姓名").fill(NAME);
  await page.getByLabel("联系电话").fill("1398");
  await page.getByLabel("公司名称").fill("无锡滨湖不言科技有限公司");
  await page.getByLabel("客户需求").pressSequentially("想了解服务的范围", { delay: 60 });
  await page.getByRole("button", { name: t("form.save"), exact: true }).click();
  await page.locator("[data-field=phone].has-error").waitFor();
  await page.getByLabel("联系电话").fill(PHONE_NUMBER);
  await page.getByRole("button", { name: t("form.save"), exact: true }).click();
  await page.waitForURL(/\/lead\/[0-9a-f-]{36}$/);

  // One that is begun and left, and one that is only looked at.
  await page.goto(`${server.base}${LEADS}/new`);
  await page.getByLabel("联系人姓名").fill(NAME);
  await page.goto(`${server.base}/inbox`);
  await page.evaluate(() => localStorage.clear());
  await page.goto(`${server.base}${LEADS}/new`);
  await page.goto(`${server.base}/inbox`);

  const told = await listened();
  const kinds = told.map(({ kind }) => kind);
  for (const kind of ["opened", "field", "refused", "saved", "abandoned", "left"]) assert.ok(kinds.includes(kind), `${kind} was not told: ${kinds}`);
  const text = JSON.stringify(told);
  for (const typed of [NAME, PHONE_NUMBER, "1398", "不言", "服务"]) assert.ok(!text.includes(typed), `${typed} was told`);
  const refused = told.find(({ kind }) => kind === "refused");
  assert.deepEqual([refused.field, refused.code], ["phone", "value.not_phone"]);
  const allowed = new Set(["visit", "kind", "entity", "form", "field", "code", "millis"]);
  assert.deepEqual(told.flatMap((one) => Object.keys(one)).filter((name) => !allowed.has(name)), []);
  // One visit from opening to saving, however often it was refused.
  const saved = told.find(({ kind }) => kind === "saved");
  assert.equal(refused.visit, saved.visit);

  const form = await figures(({ opened, saved, abandoned }) => opened === 3 && saved === 1 && abandoned === 1);
  assert.deepEqual(form.errors[0], { field: "phone", code: "value.not_phone", times: 1 });
  assert.ok(form.slowest.some(({ field }) => field === "need"), JSON.stringify(form));
  assert.deepEqual(complaints.filter((one) => !one.includes("422")), []);
  await close();
});

for (const [language, device, colorScheme] of [["zh-CN", PHONE, "dark"], ["en", DESKTOP, "light"]]) {
  test(`an administrator sees where people get stuck (${language}, ${colorScheme})`, async () => {
    const t = words(language);
    const { page, complaints, close } = await openPage(browser, { device: { ...device, colorScheme }, language });
    await signIn(page, server, PEOPLE.administrator, language);
    await page.goto(`${server.base}/admin/stuck`);
    await page.getByRole("heading", { level: 1, name: t("stuck.title") }).waitFor();
    const row = page.locator("tbody tr").filter({ hasText: language === "en" ? "Lead" : "线索" }).first();
    await row.waitFor();
    assert.match(await row.innerText(), /\d+ %/);
    await page.getByRole("link", { name: t("stuck.days", { count: 7 }) }).click();
    await page.waitForURL(/days=7/);
    const role = page.getByLabel(t("stuck.role"));
    const large = await role.locator("option").nth(1).getAttribute("value");
    await role.selectOption(large);
    await page.waitForURL((url) => url.searchParams.get("role") === large && url.searchParams.get("days") === "7");
    assert.deepEqual(complaints, []);
    await close();
  });
}

test("switched off, nothing is sent; deleted, nothing is left", async () => {
  const t = words("zh-CN");
  const admin = await openPage(browser);
  await signIn(admin.page, server, PEOPLE.administrator);
  await admin.page.goto(`${server.base}/admin/stuck`);
  await admin.page.getByRole("button", { name: t("stuck.switch_off") }).click();
  await admin.page.getByText(t("stuck.is_off")).waitFor();

  const { page, close } = await openPage(browser, { device: PHONE });
  const listened = await listen(page);
  await signIn(page, server, PEOPLE.representative);
  await page.goto(`${server.base}${LEADS}/new`);
  await page.getByLabel("联系人姓名").fill(NAME);
  await page.goto(`${server.base}/inbox`);
  assert.deepEqual(await listened(), []);
  await close();

  await admin.page.getByRole("button", { name: t("stuck.delete") }).click();
  await admin.page.getByRole("button", { name: t("delete"), exact: true }).click();
  await admin.page.getByText(t("stuck.none")).waitFor();
  await admin.page.getByRole("button", { name: t("stuck.switch_on") }).click();
  await admin.page.getByText(t("stuck.switched_on")).waitFor();
  assert.deepEqual(admin.complaints, []);
  await admin.close();
});
