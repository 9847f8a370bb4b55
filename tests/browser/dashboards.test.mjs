// Dashboards and the homes of roles: cards of every kind, what is chosen above them, the way to the records, live figures, pictures
// and paper; on a phone and on a desktop, in both languages, light and dark.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { DESKTOP, PEOPLE, PHONE, api, flawless, openPage, signIn, startBrowser, startServer, words } from "./harness.mjs";

let server, browser;

before(async () => {
  server = await startServer({ records: 300 });
  browser = await startBrowser();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

/** All cards have come, and what is drawn is drawn. */
async function filled(page) {
  await page.waitForFunction(() => document.querySelectorAll(".dash-card").length > 0 && document.querySelectorAll(".dash-wait").length === 0);
  await page.waitForFunction(() => [...document.querySelectorAll("m-chart")].every((chart) => chart.querySelector("canvas")));
}

/** Nothing wider than the screen, nothing that a reader of the screen would stumble over, no key instead of words. */
async function inOrder(page) {
  await flawless(page);
  assert.doesNotMatch(await page.locator("main").innerText(), /\bui\.[a-z_]+\./);
}

/** How far things have jumped since the page began. */
const shifts = (page) => page.evaluate(() => new Promise((resolve) => {
  let sum = 0;
  new PerformanceObserver((list) => list.getEntries().forEach((entry) => (sum += entry.hadRecentInput ? 0 : entry.value))).observe({ type: "layout-shift", buffered: true });
  setTimeout(() => resolve(sum), 200);
}));

const FACES = [
  ["a representative", PEOPLE.representative, "home_representative", [".dash-tasks", ".dash-pool", ".dash-entry"]],
  ["a supervisor", PEOPLE.ownSupervisor, "home_supervisor", [".dash-alerts", ".dash-stacked", ".dash-heat", ".dash-gauge", ".dash-radar"]],
  ["a director", PEOPLE.director, "home_director", [".dash-funnel", ".dash-map", ".dash-line", ".dash-changes"]],
];

for (const [screen, device, language, colorScheme] of [
  ["a desktop in Chinese", { ...DESKTOP, viewport: { width: 1440, height: 900 } }, "zh-CN", "light"],
  ["a phone in English, in the dark", PHONE, "en", "dark"],
]) {
  for (const [who, login, home, kinds] of FACES) {
    test(`${who} comes home to what matters on ${screen}`, { timeout: 240_000 }, async () => {
      const { page, complaints, close } = await openPage(browser, { device, language });
      await page.emulateMedia({ colorScheme });
      await signIn(page, server, login, language);
      await page.goto(`${server.base}/`);
      await filled(page);
      for (const kind of kinds) assert.ok((await page.locator(kind).count()) > 0, kind);
      const known = (await (await api(server, login))("GET", `/dashboards/lead-management.${home}`)).json;
      assert.equal(await page.locator(".dash-card").count(), known.cards.length);
      assert.deepEqual(known.cards.filter((card) => card.problem), []);
      assert.equal(await page.locator(".dash-empty[role=status]").count(), 0, "a card failed");
      assert.ok((await shifts(page)) < 0.05, "the page jumped");
      await inOrder(page);
      if (device === PHONE) {
        const lefts = await page.locator(".dash-card").evaluateAll((cards) => new Set(cards.map((card) => Math.round(card.getBoundingClientRect().left))).size);
        assert.equal(lefts, 1, "one column");
      }
      assert.deepEqual(complaints, []);
      await close();
    });
  }
}

test("a task offers the form that stops its clock, with the record filled in", { timeout: 240_000 }, async () => {
  const { page, close } = await openPage(browser);
  await signIn(page, server, PEOPLE.representative);
  await page.goto(`${server.base}/`);
  await filled(page);
  const row = page.locator(".dash-tasks .dash-item").first();
  await row.locator("[data-left]").waitFor();
  await row.getByRole("link", { name: /跟进记录/ }).click();
  await page.waitForURL(/interaction\/new\?_form=lead-management\.lead_interaction&lead=/);
  await close();
});

test("a record of the pool is claimed from home", { timeout: 240_000 }, async () => {
  const admin = await api(server, PEOPLE.administrator);
  const [free] = (await admin("GET", "/records/lead-management.lead?where.status=contacted&limit=1")).json.rows;
  const freed = await admin("PATCH", `/records/lead-management.lead/${free.id}`, { owner: null });
  assert.equal(freed.status, 200, freed.text);
  const { page, close } = await openPage(browser);
  const t = words("zh-CN");
  await signIn(page, server, PEOPLE.representative);
  await page.goto(`${server.base}/`);
  await filled(page);
  await page.locator(".dash-pool").getByRole("button", { name: t("claim.button") }).first().click();
  await page.waitForURL(/\/lead\/[0-9a-f-]{36}/);
  await close();
});

test("a record is entered at home with its required fields only", { timeout: 240_000 }, async () => {
  const { page, close } = await openPage(browser, { device: PHONE });
  const t = words("zh-CN");
  await signIn(page, server, PEOPLE.representative);
  await page.goto(`${server.base}/`);
  const form = page.locator(".dash-entry form");
  await form.getByLabel("联系人姓名").fill("沈嘉禾");
  assert.equal(await form.locator(".field:visible").count(), 4);
  await form.getByLabel("联系电话").fill("138 2233 4455");
  await form.getByLabel("公司名称").fill("无锡滨湖恒越阀门有限公司");
  await form.getByLabel("客户需求").fill("想了解阀门检测方案");
  await form.getByRole("button", { name: t("form.save"), exact: true }).click();
  await page.getByRole("heading", { level: 1, name: "沈嘉禾" }).waitFor();
  await close();
});

test("what is chosen above the cards stands in the address, and a shared address shows the same", { timeout: 240_000 }, async () => {
  const { page, close } = await openPage(browser);
  await signIn(page, server, PEOPLE.director);
  const own = `${server.base}/dashboards/lead-management.home_director`;
  await page.goto(own);
  await filled(page);
  const figure = page.locator("#card-new .dash-figure");
  const whole = Number((await figure.innerText()).replaceAll(",", ""));
  await page.locator("select[name='by.region']").selectOption("32");
  await page.waitForURL(/by\.region=32/);
  await filled(page);
  const part = Number((await figure.innerText()).replaceAll(",", ""));
  assert.ok(part > 0 && part < whole, `${part} of ${whole}`);
  // A card that does not know regions says so.
  assert.ok((await page.locator("#card-pipeline .icon").count()) > 0);
  await page.locator("select[name=span]").selectOption("90d");
  await page.waitForURL(/span=90d/);
  await filled(page);
  const shared = await figure.innerText();
  const other = await page.context().newPage();
  await other.goto(page.url());
  await filled(other);
  assert.equal(await other.locator("#card-new .dash-figure").innerText(), shared);
  // From the figure to just as many records.
  await figure.getByRole("link").click();
  await page.waitForURL(/where\.region\.under=32/);
  const told = await page.locator("main").innerText();
  assert.ok(told.includes(shared), `${shared} records`);
  await close();
});

test("figures follow the records while one looks at them", { timeout: 240_000 }, async () => {
  const { page, close } = await openPage(browser);
  await signIn(page, server, PEOPLE.director);
  await page.goto(`${server.base}/dashboards/lead-management.home_director`);
  await filled(page);
  const figure = page.locator("#card-new .dash-figure");
  const before = Number((await figure.innerText()).replaceAll(",", ""));
  const representative = await api(server, PEOPLE.representative);
  const made = await representative("POST", "/records/lead-management.lead", { name: "夏明远", phone: "13922334455", company: "常州天宁明远轴承厂", need: "询价" });
  assert.equal(made.status, 201, made.text);
  await page.waitForFunction((wanted) => document.querySelector("#card-new .dash-figure")?.textContent?.replaceAll(",", "").trim() === wanted, String(before + 1), { timeout: 15_000 });
  await close();
});

test("a card that fails says so and can be asked again; the others are there", { timeout: 240_000 }, async () => {
  const t = words("zh-CN");
  // What a service worker asks for passes by those who listen to the page.
  const { page, close } = await openPage(browser, { device: { ...DESKTOP, serviceWorkers: "block" } });
  await signIn(page, server, PEOPLE.director);
  const lost = /\/dashboards\/lead-management\.home_director\/(funnel|win)$/;
  await page.route(lost, (route) => (route.request().url().endsWith("win") ? route.fulfill({ status: 502, body: "bad gateway" }) : route.abort()));
  await page.goto(`${server.base}/`);
  await page.locator("#card-new .dash-figure").waitFor();
  await page.locator("#card-lost m-chart canvas").waitFor();
  for (const card of ["funnel", "win"]) await page.locator(`#card-${card}`).getByText(t("dashboard.failed")).waitFor();
  assert.equal(await page.locator(".toast").count(), 0, "a card's trouble is told in the card");
  await inOrder(page);
  await page.unroute(lost);
  for (const card of ["funnel", "win"]) await page.locator(`#card-${card}`).getByRole("button", { name: t("dashboard.retry") }).click();
  await page.locator("#card-funnel m-chart canvas").waitFor();
  await page.locator("#card-win .dash-figure").waitFor();
  // What comes later does not rename the page.
  assert.equal(await page.title(), `${t("home.title")} · 演示公司`);
  await close();
});

test("a drawn card is saved as a picture, and the page is fit for paper", { timeout: 240_000 }, async () => {
  const { page, close } = await openPage(browser);
  await signIn(page, server, PEOPLE.director);
  await page.goto(`${server.base}/`);
  await filled(page);
  const [download] = await Promise.all([page.waitForEvent("download"), page.locator("#card-funnel [data-png]").click()]);
  assert.match(download.suggestedFilename(), /\.png$/);
  const picture = readFileSync(await download.path());
  assert.deepEqual([...picture.subarray(1, 4)], [...Buffer.from("PNG")]);
  await page.emulateMedia({ media: "print" });
  assert.equal(await page.locator(".sidebar").isVisible(), false);
  assert.equal(await page.locator("#card-funnel").isVisible(), true);
  await close();
});
