// A representative with a phone, in Chinese: from sign-in to a changed lead that the timeline tells of.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { PEOPLE, PHONE, api, openPage, overflow, signIn, startBrowser, startServer, words } from "./harness.mjs";

const t = words("zh-CN");
let server, browser;

before(async () => {
  server = await startServer();
  browser = await startBrowser();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

test("a representative enters a lead on a phone, changes it and sees the change in the timeline", async () => {
  const { page, complaints, close } = await openPage(browser, { device: PHONE });
  const fits = async () => assert.ok((await overflow(page)) <= 0, `${page.url()} is wider than the phone`);

  await signIn(page, server, PEOPLE.representative);
  assert.equal(await page.locator("html").getAttribute("lang"), "zh-CN");
  await fits();

  await page.getByRole("navigation", { name: t("shell.bottom") }).getByRole("button", { name: t("shell.lists") }).tap();
  await page.locator("#sidebar").getByRole("link", { name: "线索", exact: true }).first().click();
  await page.waitForURL(/\/a\/lead-management\/lead/);
  await fits();

  await page.locator("a.bottom-new").click();
  await page.waitForURL(/\/lead\/new/);
  await page.getByLabel("联系人姓名").fill("钱思远");
  await page.getByLabel("联系电话").fill("13812");
  await page.getByLabel("公司名称").fill("宁波海曙启明轴承有限公司");
  await page.getByLabel("客户需求").fill("希望月底前看到轴承检测方案的演示");
  await fits();
  await page.getByRole("button", { name: t("form.save"), exact: true }).click();

  // A phone number that cannot be one: the message stands beside the field, and nothing that was typed is lost.
  await page.locator("[data-field=phone].has-error .field-error").waitFor();
  assert.equal(await page.getByLabel("联系人姓名").inputValue(), "钱思远");
  assert.equal(await page.getByLabel("客户需求").inputValue(), "希望月底前看到轴承检测方案的演示");
  await fits();
  assert.deepEqual(complaints.splice(0).filter((complaint) => !complaint.includes("422")), []);
  await page.getByLabel("联系电话").fill("138 1234 5678");
  await page.getByRole("button", { name: t("form.save"), exact: true }).click();

  await page.waitForURL(/\/lead\/[0-9a-f-]{36}$/);
  await page.getByRole("heading", { level: 1, name: "钱思远" }).waitFor();
  await fits();

  await page.getByRole("link", { name: t("edit"), exact: true }).click();
  await page.waitForURL(/\/edit/);
  await page.getByLabel("职务").fill("采购经理");
  await fits();
  await page.getByRole("button", { name: t("form.save"), exact: true }).click();
  await page.waitForURL(/\/lead\/[0-9a-f-]{36}$/);

  const timeline = page.locator("#timeline");
  await timeline.getByText("采购经理").first().waitFor();
  const told = await timeline.innerText();
  for (const word of ["职务", "采购经理", "林晓雨"]) assert.ok(told.includes(word), `the timeline lacks ${word}: ${told}`);

  await page.locator("#comment").fill("已电话沟通，下周三演示。");
  await page.getByRole("button", { name: t("timeline.send") }).click();
  await timeline.getByText("已电话沟通，下周三演示。").waitFor();
  await fits();
  assert.deepEqual(complaints, []);
  await close();
});

test("a lead that exists already is shown while the new one is typed", async () => {
  const { page, close } = await openPage(browser, { device: PHONE });
  await signIn(page, server, PEOPLE.representative);
  await page.goto(`${server.base}/a/lead-management/lead/new`);
  await page.getByLabel("联系人姓名").fill("钱思远");
  // Many people share a name: that is a hint, which nobody has to answer.
  const question = page.locator("[data-suspects] input[type=checkbox]");
  await page.getByText(t("form.suspects_hint")).waitFor();
  assert.equal(await question.isVisible(), false);
  await page.getByLabel("公司名称").fill("宁波海曙启明轴承股份有限公司");
  await page.getByLabel("联系电话").fill("13812345678");
  await page.getByLabel("客户需求").click();
  await page.getByText(t("form.suspects"), { exact: true }).waitFor();
  assert.equal(await question.isVisible(), true);
  const suspect = await page.locator("[data-suspects] li").first().innerText();
  for (const word of ["钱思远", "启明轴承", "新线索", "林晓雨"]) assert.ok(suspect.includes(word), suspect);
  await close();
});

test("what cannot be said any more is told, and stays with what was said before", async () => {
  const admin = await api(server, PEOPLE.administrator);
  const { page, close } = await openPage(browser, { device: PHONE });
  await signIn(page, server, PEOPLE.representative);
  const own = await (await api(server, PEOPLE.representative))("GET", "/records/lead-management.lead?limit=1");
  const lead = own.json.rows[0].id;
  await page.goto(`${server.base}/a/lead-management/lead/${lead}`);
  const before = await page.locator("#timeline").innerText();
  const gone = await admin("DELETE", `/records/lead-management.lead/${lead}`);
  assert.equal(gone.status, 204, gone.text);
  await page.locator("#comment").fill("客户明天回电话。");
  await page.getByRole("button", { name: t("timeline.send") }).click();
  await page.locator("#toasts .toast-error").waitFor();
  assert.equal(await page.locator("#comment").inputValue(), "客户明天回电话。");
  assert.equal(await page.locator("#timeline").innerText(), before);
  await close();
});
