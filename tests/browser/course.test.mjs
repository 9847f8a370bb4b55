// The course of a record in the browser: transitions with their evidence, clocks, reasons of assignments, claims; and
// what is made of many records: dashboards, failed work, findings, replays. On a phone and on a desktop, in both languages.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { DESKTOP, PEOPLE, PHONE, api, flawless, openPage, signIn, startBrowser, startServer, words } from "./harness.mjs";

const ENTITY = "lead-management.lead";
const LIST = "/a/lead-management/lead";
const LOOKS = [
  { name: "a phone in Chinese", language: "zh-CN", device: PHONE },
  { name: "a desktop in English", language: "en", device: DESKTOP },
  { name: "a dark desktop in Chinese", language: "zh-CN", device: { ...DESKTOP, colorScheme: "dark" } },
];

let server, browser, admin, records;

before(async () => {
  server = await startServer();
  browser = await startBrowser();
  admin = await api(server, PEOPLE.administrator);
  records = (await admin("GET", `/records/${ENTITY}?limit=200`)).json.rows;
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

/** A record in a state that no test before has had. */
function take(status) {
  const index = records.findIndex((record) => record.status === status && record.owner);
  assert.ok(index >= 0, `no record is ${status}`);
  return records.splice(index, 1)[0].id;
}

test("a transition asks for its evidence, keeps what was typed, and is told on the record", { timeout: 240_000 }, async () => {
  const { page, complaints, close } = await openPage(browser);
  const t = words("zh-CN");
  await signIn(page, server, PEOPLE.administrator);
  const id = take("contacted");
  await page.goto(`${server.base}${LIST}/${id}`);
  await page.getByRole("link", { name: "标记流失" }).click();
  await page.waitForURL(/transitions\/lose$/);
  await flawless(page);
  await page.getByRole("button", { name: "标记流失" }).click();
  await page.locator(".form-summary[role=alert]").waitFor();
  assert.match(page.url(), /transitions\/lose$/);
  await page.locator("select[name=lost_reason]").selectOption({ index: 1 });
  await page.getByRole("button", { name: "标记流失" }).click();
  await page.waitForURL((url) => url.pathname.endsWith(id));
  await page.getByText(t("transition.taken", { transition: "标记流失" })).waitFor();
  assert.equal((await admin("GET", `/records/${ENTITY}/${id}`)).json.status, "lost");
  assert.match(await page.locator("#timeline").innerText(), new RegExp(t("timeline.transitioned")));
  // The browser itself complains about the answer to the form without evidence.
  assert.deepEqual(complaints.filter((one) => !one.includes("422")), []);
  await close();
});

test("one press takes a transition that asks for nothing", { timeout: 240_000 }, async () => {
  const { page, close } = await openPage(browser);
  await signIn(page, server, PEOPLE.administrator);
  const offered = async (id) => (await admin("GET", `/records/${ENTITY}/${id}/transitions`)).json.rows;
  let id;
  do id = take("contacted");
  while (!(await offered(id)).some((one) => one.id === "qualify" && one.ready));
  await page.goto(`${server.base}${LIST}/${id}`);
  await page.getByRole("button", { name: "确认有效" }).click();
  await page.getByText(words("zh-CN")("transition.taken", { transition: "确认有效" })).waitFor();
  assert.equal((await admin("GET", `/records/${ENTITY}/${id}`)).json.status, "qualified");
  await close();
});

test("a guard that does not hold says why beside its button", { timeout: 240_000 }, async () => {
  const { page, close } = await openPage(browser);
  await signIn(page, server, PEOPLE.administrator);
  const offered = async (id) => (await admin("GET", `/records/${ENTITY}/${id}/transitions`)).json.rows;
  let id;
  do id = take("contacted");
  while (!(await offered(id)).some((one) => one.id === "qualify" && !one.ready));
  await page.goto(`${server.base}${LIST}/${id}`);
  await page.getByText("请先联系客户，并补齐基础资料。").waitFor();
  await flawless(page);
  await close();
});

test("the state is no field of a form", { timeout: 240_000 }, async () => {
  const { page, close } = await openPage(browser);
  await signIn(page, server, PEOPLE.administrator);
  for (const path of [`${LIST}/new`, `${LIST}/${take("contacted")}/edit`]) {
    await page.goto(server.base + path);
    assert.equal(await page.locator("main [name=status]").count(), 0, path);
  }
  await close();
});

test("a free record is claimed from the list by one press", { timeout: 240_000 }, async () => {
  const id = take("new");
  const freed = await admin("PATCH", `/records/${ENTITY}/${id}`, { owner: null });
  assert.equal(freed.status, 200, freed.text);
  const { page, close } = await openPage(browser, { device: PHONE });
  const t = words("zh-CN");
  await signIn(page, server, PEOPLE.representative);
  await page.goto(`${server.base}${LIST}?view=pool`);
  await flawless(page);
  await page.getByRole("button", { name: t("claim.button") }).first().click();
  await page.waitForURL((url) => /\/lead\/[0-9a-f-]{36}$/.test(url.pathname));
  await page.getByRole("link", { name: t("assignment.why") }).click();
  await page.locator(".decision").first().waitFor();
  await flawless(page);
  await close();
});

for (const { name, language, device } of LOOKS) {
  test(`a record shows its clocks and why somebody has it on ${name}`, { timeout: 240_000 }, async () => {
    const { page, complaints, close } = await openPage(browser, { device, language });
    const t = words(language);
    await signIn(page, server, PEOPLE.administrator, language);
    let id, clocks;
    do {
      id = take("contacted");
      clocks = (await admin("GET", `/records/${ENTITY}/${id}/clocks`)).json.rows;
    } while (clocks.length === 0);
    await page.goto(`${server.base}${LIST}/${id}`);
    assert.equal(await page.locator(".clock").count(), new Set(clocks.map((clock) => clock.sla)).size);
    await flawless(page);
    await page.goto(`${server.base}${LIST}/${id}/assignments`);
    await page.getByRole("heading", { level: 1, name: t("assignment.title") }).waitFor();
    await flawless(page);
    assert.deepEqual(complaints, []);
    await close();
  });

  test(`the dashboard fills its cards, each by itself, on ${name}`, { timeout: 240_000 }, async () => {
    const { page, complaints, close } = await openPage(browser, { device, language });
    await signIn(page, server, PEOPLE.administrator, language);
    await page.goto(`${server.base}/dashboards/lead-management.leads`);
    await page.waitForFunction(() => document.querySelectorAll(".dash-wait").length === 0);
    await page.locator("m-chart canvas").first().waitFor();
    assert.equal(await page.locator(".dash-card").count(), (await admin("GET", "/dashboards/lead-management.leads")).json.cards.length);
    await flawless(page);
    await page.locator("#card-in_hand a").first().click();
    await page.waitForURL(/where\.owner=/);
    assert.ok((await page.locator("tbody tr").count()) > 0);
    assert.deepEqual(complaints, []);
    await close();
  });

  test(`administrators see failed work, findings and replays on ${name}`, { timeout: 240_000 }, async () => {
    const { page, complaints, close } = await openPage(browser, { device, language });
    await signIn(page, server, PEOPLE.administrator, language);
    const paths = ["/admin/automation", "/admin/automation?state=done", "/admin/apps/lead-management/findings", "/admin/automation/replay/lead-management.lead?count=60"];
    for (const path of paths) {
      const answer = await page.goto(server.base + path);
      assert.equal(answer.status(), 200, path);
      await flawless(page);
    }
    assert.deepEqual(complaints, []);
    await close();
  });
}

test("a card that fails leaves the others alone", { timeout: 240_000 }, async () => {
  const { page, close } = await openPage(browser);
  await signIn(page, server, PEOPLE.administrator);
  await page.route(/\/dashboards\/lead-management\.leads\/funnel$/, (route) => route.abort());
  await page.goto(`${server.base}/dashboards/lead-management.leads`);
  await page.locator("#card-in_hand tbody tr").first().waitFor();
  assert.ok(await page.locator("#card-new .dash-figure").isVisible());
  await close();
});

test("clocks that a setting moves are shown before it is saved", { timeout: 240_000 }, async () => {
  const { page, close } = await openPage(browser);
  const t = words("zh-CN");
  await signIn(page, server, PEOPLE.administrator);
  await page.goto(`${server.base}/admin/apps/lead-management`);
  await page.locator("#s-first_contact_minutes").fill("30");
  await page.getByRole("button", { name: t("form.save"), exact: true }).click();
  await page.getByText(t("clock.moves")).waitFor();
  await flawless(page);
  await close();
});
