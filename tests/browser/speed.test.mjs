// How quick pages are for a representative with a slow phone: first contentful paint, and interaction to next paint, with a processor
// slowed four times and a slow 4G network; and how long it takes to enter a new customer at the speed of a person. Figures are printed.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { PEOPLE, PHONE, openPage, signIn, startBrowser, startServer, words } from "./harness.mjs";

const LEADS = "/a/lead-management/lead";
/** Slow 4G as Lighthouse has it: 150 ms to the server and back, 1.6 Mbit/s down, 750 kbit/s up. */
const SLOW_4G = { offline: false, latency: 150, downloadThroughput: (1.6 * 1024 * 1024) / 8, uploadThroughput: (750 * 1024) / 8 };
const SLOWER = 4;
/**
 * The goals are 1000 and 200 ms on a machine that does nothing else. What is asserted is far above, so that a busy machine fails no
 * test and a page that has become several times slower does.
 */
const [PAINT_MS_MAX, INTERACTION_MS_MAX] = [4_000, 1_000];
/** A person types Chinese at forty characters a minute, and letters and digits at two hundred. */
const [HAN_MS, OTHER_MS] = [60_000 / 40, 60_000 / 200];
/** A new customer at that speed, by language; Chinese takes longer to type. */
const ENTRIES = [
  { language: "zh-CN", person: PEOPLE.representative, most: 90_000, typed: [["#f-name", "钱思远"], ["#f-phone", "13856781234"], ["#f-company", "海曙启明轴承"], ["#f-need", "想看轴承检测方案"]] },
  { language: "en", person: PEOPLE.english, most: 30_000, typed: [["#f-name", "Paul Berg"], ["#f-phone", "13856781235"], ["#f-company", "Berg Bearings Ltd"], ["#f-need", "Wants to see a demo"]] },
];
const REQUIRED_MAX = 4;

let server, browser;

before(async () => {
  server = await startServer({ records: 1000 });
  browser = await startBrowser();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

/** A page as a slow phone has it, with an ear for how long interactions take. */
async function slowPage() {
  const opened = await openPage(browser, { device: PHONE, unexamined: "what is measured would be the examination" });
  const { page } = opened;
  await page.addInitScript(() => {
    window.interactions = [];
    const note = (list) => {
      for (const entry of list.getEntries()) if (entry.interactionId) window.interactions.push({ what: entry.name, took: entry.duration });
    };
    new PerformanceObserver(note).observe({ type: "event", durationThreshold: 16, buffered: true });
  });
  await signIn(page, server, PEOPLE.representative);
  const control = await page.context().newCDPSession(page);
  await control.send("Network.enable");
  await control.send("Network.emulateNetworkConditions", SLOW_4G);
  await control.send("Emulation.setCPUThrottlingRate", { rate: SLOWER });
  return { ...opened, control };
}

const painted = (page) =>
  page.evaluate(
    () =>
      new Promise((resolve) => {
        const find = (list) => list.getEntries().find(({ name }) => name === "first-contentful-paint");
        new PerformanceObserver((list) => find(list) && resolve(find(list).startTime)).observe({ type: "paint", buffered: true });
      }),
  );

/** The slowest interaction so far, once what was set off by it has been painted. */
async function slowest(page) {
  await page.waitForTimeout(500);
  return page.evaluate(() => Math.max(0, ...window.interactions.map(({ took }) => took)));
}

const PAGES = [
  ["home", "/", async () => {}],
  ["list", LEADS, async (page) => {
    await page.locator(".filter-button").first().tap();
    await page.waitForTimeout(300);
  }],
  ["new customer", `${LEADS}/new`, async (page) => {
    await page.locator("#f-name").tap();
    await page.keyboard.type("Qian Siyuan", { delay: 80 });
    await page.locator("#f-phone").tap();
    await page.keyboard.type("13812345678", { delay: 80 });
  }],
  ["record", null, async (page) => {
    await page.locator("textarea[name=text]").first().tap();
    await page.keyboard.type("Called back", { delay: 80 });
  }],
];

test("pages come and answer quickly on a slow phone with a slow network", { timeout: 300_000 }, async () => {
  const { page, control, close } = await slowPage();
  const rows = [];
  const record = async () => {
    await page.goto(`${server.base}${LEADS}`);
    return page.locator(`a[href*="${LEADS}/"]`).evaluateAll((all) => all.map((one) => one.getAttribute("href")).find((href) => /[0-9a-f-]{36}$/.test(href)));
  };
  const measure = async ([name, address, interact]) => {
    const path = address ? `${server.base}${address}` : new URL(await record(), server.origin).href;
    // The first visit on a device, and one when scripts and styles are there.
    for (const visit of ["first", "later"]) {
      if (visit === "first") await control.send("Network.clearBrowserCache");
      await control.send("Network.setBypassServiceWorker", { bypass: visit === "first" });
      await page.goto(path);
      const paint = await painted(page);
      // What loads by itself has come by then; the stream of news never ends.
      await page.waitForTimeout(1_500);
      const before = await slowest(page);
      await interact(page);
      const interaction = Math.max(before, await slowest(page));
      rows.push({ page: name, visit, "first paint, ms": Math.round(paint), "slowest interaction, ms": Math.round(interaction) });
    }
  };
  try {
    for (const one of PAGES) await measure(one);
  } finally {
    // What was measured so far is told even if a page could not be used.
    console.table(rows);
  }
  for (const row of rows) {
    assert.ok(row["first paint, ms"] > 0 && row["first paint, ms"] < PAINT_MS_MAX, `${row.page} is painted after ${row["first paint, ms"]} ms`);
    assert.ok(row["slowest interaction, ms"] < INTERACTION_MS_MAX, `${row.page} answers after ${row["slowest interaction, ms"]} ms`);
  }
  await close();
});

/** Types as a person does: Chinese slowly, digits faster. */
async function type(page, text) {
  for (const letter of text) {
    await page.keyboard.insertText(letter);
    await page.waitForTimeout(/\p{Script=Han}/u.test(letter) ? HAN_MS : OTHER_MS);
  }
}

for (const { language, person, most, typed } of ENTRIES) test(`a new customer is entered on a phone on one page, with four fields that have to be filled in (${language})`, { timeout: 300_000 }, async () => {
  const t = words(language);
  const { page, complaints, close } = await openPage(browser, { device: PHONE, language });
  await signIn(page, server, person, language);
  await page.goto(`${server.base}${LEADS}/new`);
  const required = page.locator(".field.is-required:visible");
  const names = await required.locator(".field-label").allInnerTexts();
  assert.ok(names.length <= REQUIRED_MAX, `${names.length} fields have to be filled in: ${names.join(", ")}`);
  assert.equal(await page.locator("[data-next]:visible").count(), 0, "one page, without steps");

  const begun = Date.now();
  for (const [field, text] of typed) {
    await page.locator(field).tap();
    await type(page, text);
  }
  await page.getByRole("button", { name: t("form.save"), exact: true }).tap();
  await page.waitForURL(/\/lead\/[0-9a-f-]{36}$/);
  const took = Date.now() - begun;
  console.log(`a new customer took ${(took / 1000).toFixed(1)} s at the speed of a person (${language})`);
  assert.ok(took < most, `it took ${took} ms`);
  assert.deepEqual(complaints, []);
  await close();
});
