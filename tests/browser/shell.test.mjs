// What surrounds every page: the palette, keys, messages below the bell, the bar of a phone, other organisations, installing as an
// app, and the page of the design system.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { DESKTOP, PASSWORD, PEOPLE, PHONE, api, flawless, openPage, signIn, startBrowser, startServer, words } from "./harness.mjs";

const LEADS = "/records/lead-management.lead";
const COMPANY = "绍兴越城无双纺织机械有限公司";
const NAME = "祝无双";
const label = (en, zh) => ({ en, "zh-CN": zh });
const CALLS = {
  "app.json": { id: "help", version: "1.0.0", label: label("Help", "求助") },
  "entities/call.json": { id: "call", label: label("Call", "求助"), title: "what", fields: [
    { id: "what", label: label("What", "内容"), type: "text", required: true }] },
  "views/calls.json": { id: "calls", entity: "call", label: label("Calls", "求助"), kind: "table", columns: ["what"] },
  "notifications/new.json": { id: "new", entity: "call", label: label("New call", "新求助"), to: ["creator"],
    title: label("New: {{ record.what }}", "新求助：{{ record.what }}"), body: label("Please help.", "请尽快处理。") },
  "rules/new.json": { id: "new", entity: "call", label: label("New", "新求助"), on: [{ type: "created" }], do: [{ type: "notify", notification: "new" }] },
};

let server, browser, lead;

before(async () => {
  server = await startServer();
  browser = await startBrowser();
  const owner = await api(server, PEOPLE.representative);
  const created = await owner("POST", LEADS, { name: NAME, phone: "13912340987", company: COMPANY, need: "想了解整经机的交付周期" });
  assert.equal(created.status, 201, created.text);
  lead = created.json.id;
  const admin = await api(server, PEOPLE.administrator);
  const files = Object.fromEntries(Object.entries(CALLS).map(([path, file]) => [path, JSON.stringify(file)]));
  assert.equal((await admin("POST", "/apps", { files })).status, 200);
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

const options = (page) => page.locator("#palette").getByRole("option");

for (const [language, device, scheme] of [["zh-CN", DESKTOP, "light"], ["en", DESKTOP, "dark"], ["zh-CN", PHONE, "dark"], ["en", PHONE, "light"]]) {
  const t = words(language);
  const look = `${language}, ${device === PHONE ? "phone" : "desktop"}, ${scheme}`;

  test(`a record is found and opened from any page without touching a mouse (${look})`, async () => {
    const { page, complaints, close } = await openPage(browser, { device, language });
    await page.emulateMedia({ colorScheme: scheme });
    await signIn(page, server, PEOPLE.representative, language);
    await page.goto(`${server.base}/inbox`);
    await page.keyboard.press("Control+k");
    const input = page.getByRole("combobox", { name: t("palette.placeholder") });
    await input.waitFor();
    await options(page).first().waitFor();
    await flawless(page);
    await page.keyboard.type("无双纺织");
    const hit = options(page).filter({ hasText: NAME });
    await hit.waitFor();
    await flawless(page);
    assert.equal(await hit.getAttribute("aria-selected"), "true");
    assert.equal(await input.getAttribute("aria-activedescendant"), await hit.getAttribute("id"));
    await page.keyboard.press("Enter");
    await page.waitForURL(new RegExp(`/lead/${lead}$`));
    // Next time it stands among what was opened last.
    await page.goto(`${server.base}/inbox`);
    await page.keyboard.press("Control+k");
    await options(page).filter({ hasText: NAME }).first().waitFor();
    await page.keyboard.press("Escape");
    await input.waitFor({ state: "hidden" });
    assert.deepEqual(complaints, []);
    await close();
  });

  test(`the design system shows every part without a flaw (${look})`, async () => {
    const { page, complaints, close } = await openPage(browser, { device, language });
    await page.emulateMedia({ colorScheme: scheme });
    await signIn(page, server, PEOPLE.representative, language);
    await page.goto(`${server.base}/design`);
    await page.getByRole("heading", { level: 1, name: t("design.title") }).waitFor();
    await flawless(page);
    await page.getByRole("button", { name: t("design.dialog"), exact: true }).click();
    await page.getByRole("dialog", { name: t("design.dialog") }).waitFor();
    await flawless(page);
    assert.deepEqual(complaints, []);
    await close();
  });
}

test("pages, views and actions are found as well, and those who administer find their pages", async () => {
  const t = words("zh-CN");
  const { page, close } = await openPage(browser);
  await signIn(page, server, PEOPLE.administrator);
  await page.keyboard.press("Control+k");
  await options(page).first().waitFor();
  await page.keyboard.type("审计");
  await options(page).filter({ hasText: t("audit.title") }).first().waitFor();
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/admin\/audit$/);
  await close();
});

test("nobody finds what lies outside of their scope", async () => {
  const t = words("zh-CN");
  for (const [login, seen] of [[PEOPLE.ownSupervisor, true], [PEOPLE.colleague, false], [PEOPLE.otherSupervisor, false]]) {
    const { page, close } = await openPage(browser);
    await signIn(page, server, login);
    for (const address of ["search", "palette"]) {
      const answer = await page.request.get(`${server.base}/${address}?q=${encodeURIComponent("无双纺织")}`);
      assert.equal(answer.status(), 200);
      assert.equal((await answer.text()).includes(COMPANY), seen, `${login} ${address}`);
    }
    if (!seen) {
      await page.goto(`${server.base}/search?q=${encodeURIComponent("无双纺织")}`);
      await page.getByText(t("palette.nothing", { query: "无双纺织" })).waitFor();
      await flawless(page);
    }
    await close();
  }
});

test("searching works without script", async () => {
  const context = await browser.newContext({ javaScriptEnabled: false, locale: "zh-CN" });
  const page = await context.newPage();
  await signIn(page, server, PEOPLE.representative);
  await page.goto(`${server.base}/search`);
  await page.getByRole("searchbox").fill("无双纺织");
  await page.keyboard.press("Enter");
  await page.getByRole("link", { name: NAME }).click();
  await page.waitForURL(new RegExp(`/lead/${lead}$`));
  await context.close();
});

test("two keys go to a list, and ? shows all of them", async () => {
  const t = words("en");
  const { page, complaints, close } = await openPage(browser, { language: "en" });
  await signIn(page, server, PEOPLE.representative, "en");
  await page.goto(`${server.base}/profile`);
  await page.keyboard.press("?");
  const help = page.getByRole("dialog", { name: t("shortcuts.title") });
  await help.waitFor();
  await flawless(page);
  const keys = await help.locator("[data-places] > div", { hasText: "Leads" }).locator("kbd").allInnerTexts();
  assert.equal(keys[0], "G");
  await page.keyboard.press("Escape");
  await help.waitFor({ state: "hidden" });
  await page.keyboard.press("g");
  await page.keyboard.press(keys[1].toLowerCase());
  await page.waitForURL(/\/a\/lead-management\/lead/);
  // What is typed is never a key.
  await page.locator("#list-search").fill("");
  await page.locator("#list-search").pressSequentially("gh?");
  assert.match(page.url(), /\/lead/);
  assert.equal(await help.isVisible(), false);
  assert.deepEqual(complaints, []);
  await close();
});

test("the bell shows the latest messages, and one of them is marked as read there", async () => {
  const t = words("zh-CN");
  const admin = await api(server, PEOPLE.administrator);
  assert.equal((await admin("POST", "/inbox/read", {})).status, 204);
  const { page, complaints, close } = await openPage(browser);
  await signIn(page, server, PEOPLE.administrator);
  assert.equal((await admin("POST", "/records/help.call", { what: "停电" })).status, 201);
  const bell = page.getByRole("link", { name: t("inbox.count", { count: 1 }) });
  await bell.click();
  const panel = page.getByRole("region", { name: t("notices.title") });
  await panel.getByText("新求助：停电").waitFor();
  await flawless(page);
  await panel.getByRole("button", { name: `${t("inbox.read")}: 新求助：停电` }).click();
  await page.locator(".topbar [data-unread]").waitFor({ state: "hidden" });
  await panel.getByRole("link", { name: t("notices.all") }).click();
  await page.waitForURL(/\/inbox$/);
  // A second press closes it.
  await page.locator(".bell").click();
  await panel.waitFor();
  await page.locator(".bell").click();
  await panel.waitFor({ state: "hidden" });
  assert.deepEqual(complaints, []);
  await close();
});

test("the bar of a phone leads home, to lists, to what is new, to the search and to messages", async () => {
  const t = words("zh-CN");
  const { page, complaints, close } = await openPage(browser, { device: PHONE });
  await signIn(page, server, PEOPLE.representative);
  const bar = page.getByRole("navigation", { name: t("shell.bottom") });
  // The form on a card is not what the page is about: the bar stays.
  await page.locator(".dash-form form").waitFor();
  for (const item of await bar.locator(".bottom-item").all()) {
    const box = await item.boundingBox();
    assert.ok(box.width >= 44 && box.height >= 44, JSON.stringify(box));
  }
  await bar.getByRole("button", { name: t("shell.lists") }).tap();
  await page.getByRole("complementary", { name: t("shell.navigation") }).waitFor();
  await flawless(page);
  await page.keyboard.press("Escape");
  await bar.getByRole("button", { name: t("shell.create") }).tap();
  await page.getByRole("dialog", { name: t("shell.create") }).getByRole("link", { name: "线索" }).first().waitFor();
  await flawless(page);
  await page.keyboard.press("Escape");
  await bar.getByRole("link", { name: t("shell.search") }).tap();
  const palette = page.getByRole("dialog", { name: t("palette.title") });
  await palette.waitFor();
  const box = await palette.boundingBox();
  assert.equal(Math.round(box.width), PHONE.viewport.width);
  await palette.getByRole("button", { name: t("cancel") }).tap();
  await bar.getByRole("link", { name: t("inbox.title") }).tap();
  await page.waitForURL(/\/inbox$/);
  await flawless(page);
  // On a list the plus makes one of those; where something is filled in there is no bar.
  await page.goto(`${server.base}/a/lead-management/lead`);
  await bar.locator("a.bottom-new").tap();
  await page.waitForURL(/\/lead\/new/);
  assert.equal(await bar.isVisible(), false);
  assert.deepEqual(complaints, []);
  await close();
});

test("pulling a page down reads it again, and a form is left alone", async () => {
  const { page, close } = await openPage(browser, { device: PHONE });
  await signIn(page, server, PEOPLE.representative);
  const touch = await page.context().newCDPSession(page);
  const pull = async () => {
    const at = (type, y) => touch.send("Input.dispatchTouchEvent", { type, touchPoints: y === undefined ? [] : [{ x: 195, y }] });
    await at("touchStart", 140);
    for (let y = 160; y <= 420; y += 20) await at("touchMove", y);
    await at("touchEnd");
  };
  const mark = () => page.evaluate(() => (window.before = true));
  await page.goto(`${server.base}/inbox`);
  await mark();
  const again = page.waitForEvent("load");
  await pull();
  await again;
  assert.equal(await page.evaluate(() => window.before), undefined);
  await page.goto(`${server.base}/a/lead-management/lead/new`);
  await mark();
  await pull();
  assert.equal(await page.evaluate(() => window.before), true);
  await close();
});

test("a device can keep the pages as an app", async () => {
  const { page, close } = await openPage(browser, { device: PHONE });
  await page.goto(`${server.base}/sign-in`);
  const href = await page.locator("link[rel=manifest]").getAttribute("href");
  const answer = await page.request.get(`${server.origin}${href}`);
  assert.match(answer.headers()["content-type"], /^application\/manifest\+json/);
  const manifest = await answer.json();
  assert.equal(manifest.name, "演示公司");
  assert.equal(manifest.scope, "/t/demo/");
  assert.equal(manifest.display, "standalone");
  assert.deepEqual(manifest.icons.map((icon) => `${icon.sizes} ${icon.purpose}`), ["192x192 any", "512x512 any", "192x192 maskable", "512x512 maskable"]);
  const touch = await page.locator("link[rel=apple-touch-icon]").getAttribute("href");
  for (const source of [...manifest.icons.map((icon) => icon.src), touch]) {
    const picture = await page.request.get(`${server.origin}${source}`);
    assert.equal(picture.status(), 200, source);
    assert.equal(picture.headers()["content-type"], "image/png");
    assert.equal((await picture.body()).subarray(1, 4).toString(), "PNG");
  }
  await close();
});

test("somebody who is signed in to two organisations goes from one to the other, until they sign out", async () => {
  const t = words("zh-CN");
  server.run("tenant", "create", "second", "--name", "第二公司", "--tenant-language", "zh-CN", "--time-zone", "Asia/Shanghai");
  server.runWith(PASSWORD, "user", "create", "second", "boss", "--name", "老板", "--administrator", "--stdin");
  const second = { base: `${server.origin}/t/second` };
  const { page, complaints, close } = await openPage(browser);
  await signIn(page, second, "boss");
  await signIn(page, server, PEOPLE.representative);
  const open = () => page.locator(".switcher > summary").click();
  await open();
  await page.getByRole("link", { name: "第二公司" }).click();
  await page.waitForURL(/\/t\/second\/$/);
  await page.locator(".user-menu > summary").click();
  await page.getByRole("button", { name: t("shell.sign_out") }).click();
  await page.waitForURL(/\/sign-in/);
  await page.goto(`${server.base}/`);
  await open();
  await page.locator(".switcher .menu-item").first().waitFor();
  assert.equal(await page.getByRole("link", { name: "第二公司" }).count(), 0);
  // An open menu lies over links, which then are too small to be hit.
  await page.keyboard.press("Escape");
  assert.deepEqual(complaints, []);
  await close();
});

test("whoever asks for less motion gets none", async () => {
  const { page, close } = await openPage(browser);
  await page.emulateMedia({ reducedMotion: "reduce" });
  await signIn(page, server, PEOPLE.representative);
  await page.keyboard.press("Control+k");
  const lasts = await page.locator("#palette").evaluate((dialog) => getComputedStyle(dialog).animationDuration);
  assert.ok(Number.parseFloat(lasts) <= 0.001, lasts);
  await close();
});
