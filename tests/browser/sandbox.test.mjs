// Simulation in the browser: an administrator chooses how far to look ahead, sees how far it is and what would happen, with
// links to the records, on a phone and on a desktop, in both languages, with and without scripts, and on paper.

import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { after, before, test } from "node:test";
import { DESKTOP, PEOPLE, PHONE, api, flawless, openPage, signIn, startBrowser, startServer, words } from "./harness.mjs";

/** Where pictures are kept for whoever wants to look at them. */
const PICTURES = process.env.MORTISE_SHOTS;
const LOOKS = [
  { name: "a phone in Chinese", language: "zh-CN", device: PHONE },
  { name: "a desktop in English", language: "en", device: DESKTOP },
];

let server, browser, admin;

before(async () => {
  if (PICTURES) mkdirSync(PICTURES, { recursive: true });
  server = await startServer();
  browser = await startBrowser();
  admin = await api(server, PEOPLE.administrator);
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

async function picture(page, name) {
  if (PICTURES) await page.screenshot({ path: `${PICTURES}/sandbox-${name}.png`, fullPage: true });
}

for (const { name, language, device } of LOOKS) {
  test(`the next days are shown with links to the records on ${name}`, { timeout: 300_000 }, async () => {
    const t = words(language);
    const { page, complaints, close } = await openPage(browser, { device, language });
    await signIn(page, server, PEOPLE.administrator, language);
    await page.goto(`${server.base}/admin/sandbox`);
    await flawless(page);
    await picture(page, `${language}-form`);
    await page.getByRole("button", { name: t("sandbox.days_choice", { days: 14 }) }).click();
    assert.equal(await page.locator("#days").inputValue(), "14");
    await page.locator("#days").fill("5");
    await page.getByRole("button", { name: t("sandbox.run") }).click();
    await page.locator("[data-progress]:not([hidden])").waitFor();
    await page.locator(".sandbox-report").waitFor({ timeout: 240_000 });
    assert.equal(await page.locator("[data-progress]").isHidden(), true);
    const days = await page.locator(".sandbox-by-day tbody tr").count();
    assert.ok(days === 5 || days === 6, `${days} days`);
    await page.getByRole("heading", { name: t("sandbox.clocks_title") }).waitFor();
    await flawless(page);
    await picture(page, language);
    const shown = page.locator(".sandbox-records", { has: page.locator("a") }).first();
    await shown.locator("summary").click();
    await flawless(page);
    const link = shown.locator("a").first();
    const title = await link.innerText();
    await link.click();
    await page.waitForURL(/\/a\/lead-management\/lead\/[0-9a-f-]{36}$/);
    await page.getByRole("heading", { level: 1 }).filter({ hasText: title }).waitFor();
    assert.deepEqual(complaints, []);
    await close();
  });
}

test("another value of a setting is tried without being in force", { timeout: 300_000 }, async () => {
  const t = words("zh-CN");
  const { page, complaints, close } = await openPage(browser);
  await signIn(page, server, PEOPLE.administrator);
  await page.goto(`${server.base}/admin/sandbox`);
  await page.getByText(t("sandbox.draft")).click();
  await page.locator('[name="setting:lead-management:l1_hours"]').fill("1");
  await flawless(page);
  await page.locator("#days").fill("1");
  await page.getByRole("button", { name: t("sandbox.run") }).click();
  await page.locator(".sandbox-report").waitFor({ timeout: 240_000 });
  const app = (await admin("GET", "/apps/lead-management")).json;
  assert.equal(app.settings.find((one) => one.name === "l1_hours").value, 72);
  assert.deepEqual(complaints, []);
  await close();
});

test("what is wrong is said above the report, and a simulation can be given up", { timeout: 300_000 }, async () => {
  const t = words("en");
  const { page, close } = await openPage(browser, { language: "en" });
  await signIn(page, server, PEOPLE.administrator, "en");
  await page.goto(`${server.base}/admin/sandbox`);
  await page.getByText(t("sandbox.draft")).click();
  await page.locator('[name="setting:lead-management:l1_hours"]').fill("soon");
  await page.getByRole("button", { name: t("sandbox.run") }).click();
  await page.locator("#outcome [role=alert]").waitFor({ timeout: 240_000 });
  await flawless(page);
  await page.reload();
  await page.locator("#days").fill("92");
  await page.getByRole("button", { name: t("sandbox.run") }).click();
  await page.getByRole("button", { name: t("cancel") }).click();
  await page.locator("[data-progress]").waitFor({ state: "hidden" });
  assert.equal(await page.locator(".sandbox-report").count(), 0);
  await close();
});

test("without scripts the page waits for the report", { timeout: 300_000 }, async () => {
  const t = words("zh-CN");
  const context = await browser.newContext({ ...DESKTOP, locale: "zh-CN", javaScriptEnabled: false });
  const page = await context.newPage();
  await signIn(page, server, PEOPLE.administrator);
  await page.goto(`${server.base}/admin/sandbox`);
  await page.locator("#days").fill("2");
  await page.getByRole("button", { name: t("sandbox.run") }).click({ timeout: 240_000 });
  await page.locator(".sandbox-report").waitFor({ timeout: 240_000 });
  assert.equal(await page.locator("#days").inputValue(), "2");
  await page.emulateMedia({ media: "print" });
  assert.equal(await page.locator("form[action$='/admin/sandbox']").isVisible(), false);
  await picture(page, "print");
  await context.close();
});

test("nobody but administrators looks ahead", { timeout: 240_000 }, async () => {
  const { page, close } = await openPage(browser);
  await signIn(page, server, PEOPLE.representative);
  const answer = await page.goto(`${server.base}/admin/sandbox`);
  assert.equal(answer.status(), 403);
  await close();
});
