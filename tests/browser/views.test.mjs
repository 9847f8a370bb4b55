// Lists that are drawn as boards, calendars, timelines, maps and galleries: what they show, and cards that are moved by mouse, by
// finger and by keyboard, with everything that may stand in the way. On a phone and on a desktop, in both languages, light and dark.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { DESKTOP, PEOPLE, PHONE, api, flawless, openPage, signIn, startBrowser, startServer, words } from "./harness.mjs";

const LEAD = "lead-management.lead";
const OPPORTUNITY = "sales-core.opportunity";
const LEADS = "/a/lead-management/lead";
const OPPORTUNITIES = "/a/sales-core/opportunity";
const LOOKS = [
  { name: "a phone in Chinese", language: "zh-CN", device: PHONE },
  { name: "a desktop in English", language: "en", device: DESKTOP },
  { name: "a dark desktop in Chinese", language: "zh-CN", device: { ...DESKTOP, colorScheme: "dark" } },
];
/** So wide that all columns of a board are in sight. */
const WIDE = { viewport: { width: 2600, height: 900 } };
const PAGES = [
  ["board of leads", `${LEADS}?view=lead_board`, "m-board"],
  ["calendar of next steps", `${LEADS}?view=next_steps`, "m-calendar"],
  ["week of next steps", `${LEADS}?view=next_steps&span=week`, "m-calendar"],
  ["map of leads", `${LEADS}?view=lead_map`, "m-map canvas"],
  ["map of a province", `${LEADS}?view=lead_map&at=32`, "m-map"],
  ["board of opportunities", `${OPPORTUNITIES}?view=opportunity_board`, "m-board"],
  ["timeline of opportunities", `${OPPORTUNITIES}?view=opportunity_timeline`, "m-timeline"],
  ["gallery of products", "/a/sales-core/product?view=product_gallery", "m-gallery"],
];
/** One white point. */
const PNG = Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8/5+hHgAHggJ/PchI7wAAAABJRU5ErkJggg==", "base64");

let server, browser, admin, phone = 13900000000;

before(async () => {
  server = await startServer();
  browser = await startBrowser();
  admin = await api(server, PEOPLE.administrator);
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

/** A lead of its own, which stands first in its column. */
async function lead(name) {
  const made = await admin("POST", `/records/${LEAD}`, { name, phone: String(phone++), company: `${name}公司`, need: "需要报价" });
  assert.equal(made.status, 201, made.text);
  return made.json.id;
}

/** The first opportunity that is open, and two stages: its own and another one. */
async function opportunity() {
  const stages = (await admin("GET", "/records/sales-core.stage?sort=position")).json.rows;
  const found = (await admin("GET", `/records/${OPPORTUNITY}?where.status=open&sort=expected_close_on&limit=1`)).json.rows[0];
  const [own, other] = [stages.find((one) => one.id === idOf(found.stage)), stages.find((one) => one.id !== idOf(found.stage))];
  return { id: found.id, version: found.version, own, other };
}

const idOf = (reference) => (typeof reference === "object" ? reference.id : reference);
const card = (page, id) => page.locator(`[data-card="${id}"]`);
const laneOf = (page, id) => card(page, id).evaluate((element) => element.closest("[data-lane]").dataset.lane);

async function open(address, login = PEOPLE.administrator, how = {}) {
  const opened = await openPage(browser, how);
  await signIn(opened.page, server, login, how.language);
  await opened.page.goto(`${server.base}${address}`);
  return opened;
}

/** Drags a card by the mouse into a column. */
async function drag(page, id, lane) {
  await card(page, id).scrollIntoViewIfNeeded();
  const from = await card(page, id).boundingBox();
  await page.mouse.move(from.x + 30, from.y + 12);
  await page.mouse.down();
  await page.mouse.move(from.x + 60, from.y + 30, { steps: 4 });
  const target = page.locator(`[data-lane="${lane}"]`);
  const to = await target.boundingBox();
  await page.mouse.move(to.x + to.width / 2, to.y + 90, { steps: 8 });
  await page.mouse.up();
}

for (const look of LOOKS) {
  test(`every way of drawing is sound on ${look.name}`, { timeout: 240_000 }, async () => {
    const { page, complaints, close } = await openPage(browser, look);
    await signIn(page, server, PEOPLE.administrator, look.language);
    for (const [, address, drawn] of PAGES) {
      await page.goto(`${server.base}${address}`);
      await page.locator(drawn).first().waitFor();
      await flawless(page);
    }
    assert.deepEqual(complaints, []);
    await close();
  });
}

test("the filters of the list stay above a board and narrow it", { timeout: 240_000 }, async () => {
  const { page, close } = await open(`${LEADS}?view=lead_board`);
  const id = await lead("筛选甲");
  await page.reload();
  await card(page, id).waitFor();
  await page.getByRole("searchbox").fill("筛选甲");
  await page.waitForURL(/q=/);
  await card(page, id).waitFor();
  assert.equal(await page.locator(".vcard").count(), 1);
  assert.equal(await page.locator("[data-lane=new] [data-count]").innerText(), "1");
  await close();
});

test("a step that is not open is refused with its reasons, and the card stays", { timeout: 240_000 }, async () => {
  const id = await lead("拒绝乙");
  const { page, close } = await open(`${LEADS}?view=lead_board`);
  const t = words("zh-CN");
  const grip = card(page, id).getByRole("button", { name: t("views.board.move", { title: "拒绝乙" }) });
  await grip.focus();
  await page.keyboard.press("Space");
  const said = page.locator("[data-said]");
  assert.match(await said.innerText(), /拒绝乙/);
  await page.keyboard.press("ArrowRight");
  assert.equal(await page.locator(".is-target").getAttribute("data-lane"), "contacted");
  await page.keyboard.press("Space");
  const dialog = page.getByRole("dialog");
  await dialog.waitFor();
  assert.match(await dialog.innerText(), /登记为已联系/);
  await flawless(page);
  await dialog.getByRole("button", { name: t("close") }).click();
  assert.equal(await laneOf(page, id), "new");
  await grip.focus();
  await page.keyboard.press("Space");
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("Escape");
  assert.equal(await page.locator(".is-target").count(), 0);
  assert.equal((await admin("GET", `/records/${LEAD}/${id}`)).json.status, "new");
  await close();
});

test("a step that needs facts asks for them in a dialog and is then taken", { timeout: 240_000 }, async () => {
  const id = await lead("流失丙");
  const { page, close } = await open(`${LEADS}?view=lead_board`, PEOPLE.administrator, { device: WIDE });
  await drag(page, id, "lost");
  const dialog = page.getByRole("dialog");
  await dialog.locator("select[name=lost_reason]").waitFor();
  assert.equal(await laneOf(page, id), "new");
  await flawless(page);
  await dialog.getByRole("button", { name: "标记流失" }).click();
  await dialog.locator(".form-summary[role=alert]").waitFor();
  await dialog.locator("select[name=lost_reason]").selectOption({ index: 1 });
  await dialog.getByRole("button", { name: "标记流失" }).click();
  await page.locator(`[data-lane=lost] [data-card="${id}"]`).waitFor();
  assert.equal((await admin("GET", `/records/${LEAD}/${id}`)).json.status, "lost");
  await close();
});

test("a card of a board by any other field is moved by changing it", { timeout: 240_000 }, async () => {
  const { id, other } = await opportunity();
  const { page, close } = await open(`${OPPORTUNITIES}?view=opportunity_board`, PEOPLE.administrator, { device: WIDE });
  const count = page.locator(`[data-lane="${other.id}"] [data-count]`);
  const before = Number((await count.innerText()).replace(/\D/g, ""));
  await drag(page, id, other.id);
  await page.waitForFunction(([selector, was]) => Number(document.querySelector(selector).textContent.replace(/\D/g, "")) === was + 1, [`[data-lane="${other.id}"] [data-count]`, before]);
  assert.equal(await laneOf(page, id), other.id);
  assert.equal(idOf((await admin("GET", `/records/${OPPORTUNITY}/${id}`)).json.stage), other.id);
  await close();
});

test("what somebody else changed meanwhile is shown instead of being overwritten", { timeout: 240_000 }, async () => {
  const { id, own, other } = await opportunity();
  const { page, close } = await open(`${OPPORTUNITIES}?view=opportunity_board`, PEOPLE.administrator, { device: WIDE });
  await card(page, id).waitFor();
  const changed = await admin("PATCH", `/records/${OPPORTUNITY}/${id}`, { name: "改过的商机" });
  assert.equal(changed.status, 200, changed.text);
  await drag(page, id, other.id);
  await page.getByText(words("zh-CN")("views.move.stale", { title: "改过的商机" })).first().waitFor();
  await card(page, id).getByText("改过的商机").waitFor();
  assert.equal(await laneOf(page, id), own.id);
  await close();
});

test("a long press takes a card on a phone, and swiping does not", { timeout: 240_000 }, async () => {
  const id = await lead("手指丁");
  const { page, close } = await open(`${LEADS}?view=lead_board`, PEOPLE.administrator, { device: PHONE });
  const box = await card(page, id).boundingBox();
  const touch = await page.context().newCDPSession(page);
  const at = (x, y) => [{ x, y }];
  const send = (type, touchPoints) => touch.send("Input.dispatchTouchEvent", { type, touchPoints });
  await send("touchStart", at(box.x + 40, box.y + 20));
  await send("touchMove", at(box.x + 10, box.y + 20));
  await send("touchEnd", []);
  assert.equal(await page.locator(".is-ghost").count(), 0);
  await page.goto(`${server.base}${LEADS}?view=lead_board`);
  const again = await card(page, id).boundingBox();
  await send("touchStart", at(again.x + 60, again.y + 24));
  await page.locator(".is-ghost").waitFor();
  await send("touchMove", at(again.x + 80, again.y + 40));
  await send("touchEnd", []);
  await page.locator(".is-ghost").waitFor({ state: "detached" });
  assert.equal(await laneOf(page, id), "new");
  await close();
});

test("a calendar shows what comes and moves it to another day", { timeout: 240_000 }, async () => {
  const id = await lead("日历戊");
  const day = (offset) => new Date(Date.UTC(2027, 2, 10 + offset)).toISOString().slice(0, 10);
  assert.equal((await admin("PATCH", `/records/${LEAD}/${id}`, { next_step_on: day(0) })).status, 200);
  const { page, close } = await open(`${LEADS}?view=next_steps&at=2027-03-10`);
  assert.equal(await laneOf(page, id), day(0));
  await card(page, id).locator("[data-grip]").focus();
  for (const key of ["Space", "ArrowDown", "ArrowRight", "Space"]) await page.keyboard.press(key);
  await page.locator(`[data-lane="${day(8)}"] [data-card="${id}"]:not([aria-busy=true])`).waitFor();
  assert.equal((await admin("GET", `/records/${LEAD}/${id}`)).json.next_step_on, day(8));
  await page.getByRole("link", { name: words("zh-CN")("views.calendar.week") }).click();
  await page.waitForURL(/span=week/);
  await close();
});

test("on a phone a calendar is a list of the days that have something", { timeout: 240_000 }, async () => {
  const id = await lead("议程己");
  await admin("PATCH", `/records/${LEAD}/${id}`, { next_step_on: "2027-04-15" });
  const { page, close } = await open(`${LEADS}?view=next_steps&at=2027-04-01`, PEOPLE.administrator, { device: PHONE });
  await card(page, id).waitFor();
  assert.equal(await page.locator(".cal-day:visible").count(), 1);
  await close();
});

test("a map leads from the country to a province, and to the records of a place", { timeout: 240_000 }, async () => {
  const { page, close } = await open(`${LEADS}?view=lead_map`);
  await page.locator(".vmap-canvas canvas").waitFor();
  const first = page.locator(".vmap-places tbody tr").first();
  const place = (await first.getByRole("rowheader").innerText()).trim();
  await first.getByRole("cell").getByRole("link").first().click();
  await page.locator("#map-records .vcard").first().waitFor();
  await first.getByRole("rowheader").getByRole("link").click();
  await page.waitForURL(/at=/);
  await page.locator(".vmap-path [aria-current]").getByText(place).waitFor();
  await close();
});

test("a timeline tells in words what its bars show", { timeout: 240_000 }, async () => {
  const { page, close } = await open(`${OPPORTUNITIES}?view=opportunity_timeline&span=year`);
  const rows = page.locator(".tl-row");
  assert.ok((await rows.count()) > 0);
  assert.equal(await page.locator(".tl-bar").count(), await rows.count());
  assert.notEqual((await rows.first().locator(".tl-when").innerText()).trim(), "");
  await close();
});

test("a picture of a gallery is looked at in large", { timeout: 240_000 }, async () => {
  const { page, close } = await open("/a/sales-core/product?view=product_gallery");
  const product = (await admin("GET", "/records/sales-core.product?sort=code&limit=1")).json.rows[0];
  const sent = await page.evaluate(async ([address, bytes]) => {
    const answer = await fetch(address, { method: "POST", headers: { "content-type": "image/png" }, body: new Uint8Array(bytes) });
    return answer.json();
  }, [`${server.base}/api/v1/files?name=p.png`, [...PNG]]);
  assert.equal((await admin("PATCH", `/records/sales-core.product/${product.id}`, { picture: sent.id })).status, 200);
  await page.reload();
  await page.getByRole("link", { name: words("zh-CN")("views.gallery.open", { title: product.name }) }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("img", { name: product.name }).waitFor();
  await flawless(page);
  await close();
});

test("a board counts what its reader may see, no more", { timeout: 240_000 }, async () => {
  const { page, close } = await open(`${LEADS}?view=lead_board`, PEOPLE.representative);
  await page.locator("m-board").waitFor();
  const shown = await page.locator("[data-count]").allInnerTexts();
  const own = await (await api(server, PEOPLE.representative))("GET", `/records/${LEAD}?limit=1`);
  const sum = shown.reduce((all, one) => all + Number(one.replace(/\D/g, "")), 0);
  assert.equal(sum, own.json.total);
  await close();
});
