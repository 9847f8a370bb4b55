// Tables: long ones that have few rows in the browser, cells changed in place, columns that people arrange, groups with their
// figures, many rows at once, filters that are kept, and filters put together from rows.

import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { PEOPLE, PHONE, api, flawless, openPage, overflow, signIn, startBrowser, startServer, words, workspace } from "./harness.mjs";

const t = words("en");
const ENTRIES = "/a/ledger/entry?view=ledger.entries";
const KINDS = "/a/ledger/entry?view=ledger.by_kind";
/** Records of the long list: sixty windows. */
const MANY = 3000;
/** Rows that the browser has at most: some windows of fifty. */
const ROWS_MAX = 300;

let server, browser, call, page, close, complaints;

before(async () => {
  server = await startServer();
  server.run("app", "install", "demo", join(workspace, "tests/data/ledger"));
  call = await api(server, PEOPLE.administrator);
  for (let from = 0; from < MANY; from += 1000) {
    const operations = Array.from({ length: 1000 }, (_, index) => {
      const number = from + index;
      const kind = [null, "south", "east"][number % 3];
      return { op: "create", values: { name: `Entry ${String(number).padStart(5, "0")}`, kind, amount: "1.50", pieces: number, day: "2026-06-01" } };
    });
    const answer = await call("POST", "/records/ledger.entry/batch", { operations });
    assert.equal(answer.status, 200, answer.text);
  }
  browser = await startBrowser();
  ({ page, close, complaints } = await openPage(browser, { language: "en", device: { viewport: { width: 1440, height: 900 } } }));
  await signIn(page, server, PEOPLE.administrator, "en");
});
after(async () => {
  await close?.();
  await browser?.close();
  await server?.stop();
});

const open = (path, on = page) => on.goto(server.base + path);
const grid = (on = page) => on.getByRole("grid");
const row = (name, on = page) => on.getByRole("row").filter({ has: on.getByRole("link", { name, exact: true }) });
const entry = (number) => `Entry ${String(number).padStart(5, "0")}`;
const cell = (name, column) => row(name).locator(`[data-col="${column}"]`);
const stored = async (name) => {
  const found = await call("GET", `/records/ledger.entry?where.name=${encodeURIComponent(name)}`);
  return found.json.rows[0];
};
/** The rows of a place have come: what is drawn for it is drawn in the next frame. */
const settled = async () => {
  await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
  await page.waitForFunction(() => !document.querySelector("tbody[data-waiting]"));
};

test("a long list has few rows in the browser, a true scroll bar, and shows any place of it", async () => {
  await open(ENTRIES);
  const wrap = page.locator(".table-wrap");
  await grid().waitFor();
  assert.equal(await grid().getAttribute("aria-rowcount"), String(MANY + 1));
  const height = await wrap.evaluate((one) => one.scrollHeight);
  const each = await row(entry(0)).evaluate((one) => one.offsetHeight);
  assert.ok(Math.abs(height - MANY * each) < 6 * each, `${height} for ${MANY} rows of ${each}`);
  for (const [part, number] of [[0.5, MANY / 2], [1, MANY - 1], [0.25, MANY / 4], [0, 0]]) {
    await wrap.evaluate((one, part) => (one.scrollTop = (one.scrollHeight - one.clientHeight) * part), part);
    await settled();
    const seen = await page.locator("tbody.rows > tr[data-id]").evaluateAll((rows) => rows.map((one) => [one.querySelector(".row-link").textContent, Number(one.ariaRowIndex)]));
    assert.ok(seen.length <= ROWS_MAX, `${seen.length} rows`);
    assert.ok(seen.some(([name]) => Math.abs(Number(name.slice(6)) - number) < 40), `${part}: ${seen[0]} … ${seen.at(-1)}`);
    for (const [name, index] of seen) assert.equal(index, Number(name.slice(6)) + 2, name);
  }
});

test("scrolling row by row, forwards and back, leaves no row out", async () => {
  await open(ENTRIES);
  const wrap = page.locator(".table-wrap");
  const seen = new Set();
  for (const way of [1, -1]) {
    for (let step = 0; step < 14; step++) {
      await wrap.evaluate((one, by) => one.scrollBy(0, by), way * 600);
      await settled();
      const rows = await page.locator("tbody.rows > tr[data-id]").evaluateAll((all) => all.map((one) => Number(one.querySelector(".row-link").textContent.slice(6))));
      rows.forEach((number, index) => assert.equal(number, rows[0] + index, "the rows follow one another"));
      rows.forEach((number) => seen.add(number));
    }
  }
  assert.ok(seen.size > 180, `${seen.size}`);
});

test("heading, figures and first column stay where they are", async () => {
  await open(ENTRIES);
  const wrap = page.locator(".table-wrap");
  await wrap.evaluate((one) => one.scrollTo(300, 4000));
  await settled();
  const edge = await wrap.evaluate((one) => one.getBoundingClientRect());
  const heading = await page.locator("thead th.cell-title").boundingBox();
  const total = await page.locator("tfoot .cell-title").boundingBox();
  assert.ok(Math.abs(heading.y - edge.y) < 3 && heading.x < edge.x + 80, JSON.stringify(heading));
  assert.ok(Math.abs(total.y + total.height - edge.y - edge.height) < 3 && total.x < edge.x + 80, JSON.stringify(total));
  assert.match(await page.locator("tfoot").innerText(), /4,?500\.00/);
  assert.ok((await overflow(page)) <= 0);
});

test("a table is walked through by keys alone", async () => {
  await open(ENTRIES);
  await page.locator(".table-wrap").focus();
  const at = () => page.evaluate(() => document.activeElement.closest("tr")?.querySelector(".row-link")?.textContent + "/" + (document.activeElement.dataset.col ?? "box"));
  await page.keyboard.press("ArrowDown");
  assert.equal(await at(), `${entry(0)}/box`);
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("ArrowDown");
  assert.equal(await at(), `${entry(1)}/name`);
  await page.keyboard.press("Control+End");
  await page.waitForFunction((name) => document.activeElement.closest("tr")?.querySelector(".row-link")?.textContent === name, entry(MANY - 1));
  await page.keyboard.press("Control+Home");
  await page.waitForFunction((name) => document.activeElement.closest("tr")?.querySelector(".row-link")?.textContent === name, entry(0));
  await page.keyboard.press("PageDown");
  assert.ok(Number((await at()).slice(6, 11)) >= 8);
  await page.keyboard.press("Space");
  await page.locator(".bulk-bar").getByText(t("js.rows_chosen", { count: 1 })).waitFor();
});

test("cells are changed as in a spreadsheet: Enter goes down, Tab on, Escape back", async () => {
  await open(ENTRIES);
  await cell(entry(3), "amount").click();
  await page.keyboard.type("7");
  const editor = page.locator(".cell-form");
  await editor.waitFor();
  await page.keyboard.type(".25");
  await page.keyboard.press("Enter");
  await editor.waitFor({ state: "detached" });
  await cell(entry(3), "amount").getByText("7.25").waitFor();
  assert.equal((await stored(entry(3))).amount, "7.25");
  assert.equal(await page.evaluate(() => document.activeElement.closest("tr").querySelector(".row-link").textContent), entry(4));

  await page.keyboard.press("F2");
  await editor.waitFor();
  await page.keyboard.type("9.00");
  await page.keyboard.press("Tab");
  await page.locator('[data-col="day"] .cell-form').waitFor();
  await cell(entry(4), "amount").getByText("9.00").waitFor();
  await page.keyboard.press("Escape");
  await editor.waitFor({ state: "detached" });
  assert.equal((await stored(entry(4))).day, "2026-06-01");
  await page.locator("tfoot").getByText(/4,?513\.25/).waitFor();
});

test("a value that is refused stays in its cell with the reason", async () => {
  await open(ENTRIES);
  await cell(entry(5), "amount").dblclick();
  await page.locator(".cell-form input[name=amount]").fill("100001");
  await page.keyboard.press("Enter");
  await page.locator(".cell-note[role=alert] .field-error").waitFor();
  assert.equal(await page.locator(".cell-form input[name=amount]").inputValue(), "100001");
  await page.keyboard.press("Escape");
  assert.equal((await stored(entry(5))).amount, "1.50");
});

test("nobody overwrites unseen what somebody else changed meanwhile", async () => {
  await open(ENTRIES);
  await cell(entry(6), "note").dblclick();
  await page.locator(".cell-form").waitFor();
  const { id } = await stored(entry(6));
  await call("PATCH", `/records/ledger.entry/${id}`, { pieces: 6, amount: "2.00" });
  await page.locator(".cell-form input[name=note]").fill("mine");
  await page.keyboard.press("Enter");
  await cell(entry(6), "note").getByText("mine").waitFor();
  assert.equal((await stored(entry(6))).amount, "2.00", "another field is merged");

  await cell(entry(6), "note").dblclick();
  await page.locator(".cell-form").waitFor();
  await call("PATCH", `/records/ledger.entry/${id}`, { note: "theirs" });
  await page.locator(".cell-form input[name=note]").fill("mine again");
  await page.keyboard.press("Enter");
  await page.locator(".cell-note").getByText(t("cell.theirs", { value: "theirs" })).waitFor();
  assert.equal((await stored(entry(6))).note, "theirs");
  await page.getByRole("button", { name: t("cell.mine") }).click();
  await page.locator(".cell-form").waitFor({ state: "detached" });
  assert.equal((await stored(entry(6))).note, "mine again");
});

test("columns are widened and moved by mouse and keys, hidden in the drawer, and are so on every device", async () => {
  await open(ENTRIES);
  const heading = (key) => page.locator(`thead th[data-col="${key}"]`);
  const keys = () => page.locator("thead th[data-col]").evaluateAll((all) => all.map((one) => one.dataset.col).join(" "));
  const width = (key) => heading(key).evaluate((one) => one.offsetWidth);
  const kept = () => page.waitForResponse((answer) => answer.url().includes("/choices/") && answer.request().method() === "PUT");
  const grip = await heading("kind").locator(".col-grip").boundingBox();
  let saved = kept();
  await page.mouse.move(grip.x + 4, grip.y + 8);
  await page.mouse.down();
  await page.mouse.move(grip.x + 94, grip.y + 8, { steps: 6 });
  await page.mouse.up();
  await saved;
  const wide = await width("kind");
  saved = kept();
  await heading("kind").locator(".col-grip").focus();
  await page.keyboard.press("ArrowRight");
  await saved;
  assert.equal(await width("kind"), wide + 16);

  saved = kept();
  const [from, to] = [await heading("day").boundingBox(), await heading("kind").boundingBox()];
  await page.mouse.move(from.x + 30, from.y + 15);
  await page.mouse.down();
  await page.mouse.move(to.x + 20, to.y + 15, { steps: 20 });
  await page.mouse.up();
  await saved;
  assert.equal(await keys(), "name day kind amount pieces keeper note");
  saved = kept();
  await heading("kind").locator("a").focus();
  await page.keyboard.press("Control+Shift+ArrowRight");
  await saved;
  assert.equal(await keys(), "name day amount kind pieces keeper note");
  assert.deepEqual(await row(entry(8)).locator("[data-col]").evaluateAll((all) => all.map((one) => one.dataset.col)), (await keys()).split(" "));

  await page.getByRole("button", { name: t("columns.title") }).click();
  await page.locator("#columns").getByRole("checkbox", { name: "Pieces" }).uncheck();
  await page.getByRole("button", { name: t("columns.apply"), exact: true }).click();
  await page.locator('thead th[data-col="pieces"]').waitFor({ state: "detached" });
  assert.equal(await keys(), "name day amount kind keeper note");
  const other = await openPage(browser, { language: "en" });
  await signIn(other.page, server, PEOPLE.administrator, "en");
  await open(ENTRIES, other.page);
  assert.equal(await other.page.locator('thead th[data-col="kind"]').evaluate((one) => one.offsetWidth), wide + 16);
  await other.close();
  await page.getByRole("button", { name: t("columns.title") }).click();
  await page.getByRole("button", { name: t("columns.reset") }).click();
  await page.locator('thead th[data-col="pieces"]').waitFor();
});

test("groups come in the order of the choices, with their figures, and are closed and opened", async () => {
  await open(KINDS);
  const heads = page.locator("tbody.group-head");
  assert.equal(await heads.count(), 3);
  const told = await heads.allInnerTexts();
  for (const [index, name] of [[0, "South"], [1, "East"]]) assert.ok(told[index].includes(name) && told[index].includes("1,000"), told[index]);
  assert.ok(told[0].includes(t("list.total_sum")));
  // A change counts in its group and in the whole list, and nowhere else.
  const figures = (within) => within.locator("[data-figure=amount]").innerText().then((text) => Number(text.replace(/[^\d.]/g, "")));
  const [south, east, all] = await Promise.all([figures(heads.nth(0)), figures(heads.nth(1)), figures(page.locator("tfoot"))]);
  assert.equal(await page.locator("tfoot [data-figure=name]").innerText(), "3,000");
  await cell(entry(1), "amount").dblclick();
  await page.locator(".cell-form input[name=amount]").fill("101.50");
  await page.keyboard.press("Enter");
  await page.waitForFunction((text) => document.querySelector("tfoot [data-figure=amount]").textContent.replace(/[^\d.]/g, "") === text, (all + 100).toFixed(2));
  assert.deepEqual([await figures(heads.nth(0)), await figures(heads.nth(1))], [south + 100, east]);
  assert.equal(await page.locator("tfoot [data-figure=name]").innerText(), "3,000");
  const toggle = heads.first().getByRole("button");
  await toggle.click();
  assert.equal(await toggle.getAttribute("aria-expanded"), "false");
  await settled();
  const first = await page.locator("tbody.rows > tr[data-id] [data-col=kind]").first().innerText();
  assert.equal(first, "East");
  await heads.nth(1).getByRole("link").click();
  await page.waitForURL(/where\.kind=east/);
  assert.equal(await page.locator("tbody.group-head").count(), 0);
});

test("a field is changed on many rows with a bar, a way to stop, and reasons for what is refused", async () => {
  await open(`${ENTRIES}&where.kind=south`);
  await page.locator("input[data-all]").check();
  await page.getByRole("button", { name: t("list.select_everything") }).click();
  await page.locator(".bulk-bar").getByText(t("js.rows_chosen", { count: 1000 })).waitFor();
  await page.getByRole("button", { name: t("list.bulk_edit") }).click();
  const dialog = page.getByRole("dialog", { name: t("list.bulk_edit_title") });
  await dialog.getByLabel(t("list.bulk_field")).selectOption("note");
  await dialog.locator("input[name=note]").fill("all of them");
  await dialog.getByRole("button", { name: t("list.bulk_start"), exact: true }).click();
  await dialog.getByText(t("table.bulk_done", { done: 1000, failed: 0 })).waitFor({ timeout: 240_000 });
  const count = await call("GET", "/records/ledger.entry?where.note=all%20of%20them&limit=1");
  assert.equal(count.json.total, 1000);
  await dialog.getByRole("button", { name: t("table.close") }).click();

  await open(`${ENTRIES}&where.kind=south`);
  await page.locator('tbody input[name="id"]').nth(0).check();
  await page.locator('tbody input[name="id"]').nth(1).check();
  const gone = await page.locator("tbody.rows > tr").nth(1).getAttribute("data-id");
  await call("DELETE", `/records/ledger.entry/${gone}`);
  await page.getByRole("button", { name: t("list.bulk_edit") }).click();
  await dialog.getByLabel(t("list.bulk_field")).selectOption("amount");
  await dialog.locator("input[name=amount]").fill("x");
  await dialog.getByRole("button", { name: t("list.bulk_start"), exact: true }).click();
  await dialog.getByRole("alert").filter({ hasText: /./ }).waitFor();
  await dialog.locator("input[name=amount]").fill("3");
  await dialog.getByRole("button", { name: t("list.bulk_start"), exact: true }).click();
  await dialog.getByText(t("table.bulk_done", { done: 1, failed: 1 })).waitFor();
  assert.equal(await dialog.locator(".bulk-refused li").count(), 1);
  await call("POST", `/records/ledger.entry/${gone}/restore`);
});

test("a filter is kept, shared, found by another person and thrown away", async () => {
  await open(`${ENTRIES}&where.kind=east`);
  const menu = page.locator(".saved-filters");
  await menu.locator("summary").click();
  await menu.getByLabel(t("saved.name")).fill("Only east");
  await menu.getByLabel(t("saved.share")).check();
  await menu.getByRole("button", { name: t("saved.keep"), exact: true }).click();
  await page.getByText(t("saved.kept", { name: "Only east" })).waitFor();
  await open(ENTRIES);
  await menu.locator("summary").click();
  await menu.getByRole("link", { name: "Only east" }).click();
  await page.waitForURL(/where\.kind=east/);
  const answer = await call("GET", "/saved-filters?entity=ledger.entry");
  assert.deepEqual(answer.json.rows.map(({ name, shared }) => [name, shared]), [["Only east", true]]);
  await menu.locator("summary").click();
  await menu.getByRole("button", { name: t("saved.forget", { name: "Only east" }) }).click();
  await page.getByText(t("saved.forgotten")).waitFor();
});

test("rows of conditions become an expression and a sentence; what they cannot say stays text", async () => {
  await open(ENTRIES);
  await page.getByRole("button", { name: t("filter.title"), exact: true }).click();
  const builder = page.locator("m-filter");
  await builder.getByText(t("builder.title"), { exact: true }).click();
  await builder.getByRole("button", { name: t("builder.add"), exact: true }).click();
  await builder.getByLabel(t("builder.field"), { exact: true }).selectOption("amount");
  await builder.getByLabel(t("builder.op"), { exact: true }).selectOption("gte");
  await builder.locator("input.builder-value").fill("5");
  await builder.getByText(t("builder.says.gte", { label: "Amount", value: "5" })).waitFor();
  await builder.getByRole("button", { name: t("builder.add"), exact: true }).click();
  await builder.getByLabel(t("builder.field"), { exact: true }).nth(1).selectOption("kind");
  await builder.getByLabel("East").check();
  await page.waitForFunction(() => document.querySelector("#filter-expression").value === 'record.amount >= 5 && record.kind == "east"');
  await page.locator("#filters").getByRole("button", { name: t("filter.apply") }).click();
  await page.waitForURL(/filter=/);
  await page.locator(".chip").getByText("Amount is at least 5 and Kind is East").waitFor();

  await open(`${ENTRIES}&filter=${encodeURIComponent("record.amount * 2 > 13")}`);
  await page.getByRole("button", { name: new RegExp(`^${t("filter.title")}`) }).first().click();
  await builder.getByText(t("builder.only_text")).waitFor();
  assert.equal(await page.locator("#filter-expression").inputValue(), "record.amount * 2 > 13");
});

test("without script a table has pages, groups and columns all the same", async () => {
  const context = await browser.newContext({ javaScriptEnabled: false, locale: "en", storageState: await page.context().storageState() });
  const plain = await context.newPage();
  await open(ENTRIES, plain);
  assert.equal(await plain.locator("tbody.rows > tr").count(), 50);
  await plain.getByRole("link", { name: t("list.next") }).click();
  await plain.getByRole("link", { name: entry(50), exact: true }).waitFor();
  await open(KINDS, plain);
  assert.equal(await plain.locator("tbody.group-head").count(), 3);
  await context.close();
});

test("all rows of a list go into the trash in parts, and come to an end that is told", async () => {
  await open(`${ENTRIES}&where.kind=east`);
  await page.locator("input[data-all]").check();
  await page.getByRole("button", { name: t("list.select_everything") }).click();
  await page.locator(".bulk-bar").getByRole("button", { name: t("delete") }).click();
  await page.getByRole("dialog", { name: t("list.delete_title") }).getByRole("button", { name: t("delete") }).click();
  const dialog = page.getByRole("dialog", { name: t("table.bulk_deleting") });
  await dialog.getByText(t("table.bulk_done", { done: 1000, failed: 0 })).waitFor({ timeout: 240_000 });
  const left = await call("GET", "/records/ledger.entry?where.kind=east&limit=1");
  assert.equal(left.json.total, 0);
  await dialog.getByRole("button", { name: t("table.close") }).click();
  await page.getByText(t("list.nothing_found"), { exact: true }).waitFor();
});

test("on a phone records are cards, and a long list goes on while one scrolls", async () => {
  const phone = await openPage(browser, { language: "zh-CN", device: PHONE });
  await signIn(phone.page, server, PEOPLE.administrator, "zh-CN");
  await open(ENTRIES, phone.page);
  assert.equal(await phone.page.locator("tbody.rows > tr").first().evaluate((one) => getComputedStyle(one).display), "flex");
  assert.ok((await overflow(phone.page)) <= 0);
  for (let step = 0; step < 12; step++) {
    await phone.page.evaluate(() => window.scrollBy(0, 1500));
    await phone.page.waitForFunction(() => !document.querySelector("tbody[data-waiting]"));
  }
  assert.ok((await phone.page.locator("tbody.rows > tr[data-id]").count()) <= ROWS_MAX);
  await phone.page.locator(".quick > summary").filter({ hasText: words("zh-CN")("list.order") }).click();
  await phone.page.locator(".quick[open]").getByRole("link", { name: "名称", exact: true }).click();
  await phone.page.waitForURL(/sort=name/);
  await phone.page.locator(".row-link").nth(20).click();
  await phone.page.waitForURL(/entry\/[0-9a-f-]{36}/);
  assert.deepEqual(phone.complaints, []);
  await phone.close();
});

test("tables keep nobody out and complain about nothing", async () => {
  for (const path of [ENTRIES, KINDS]) {
    await open(path);
    await grid().waitFor();
    await flawless(page);
  }
  // A refused value answers 422 and a conflict 409; browsers note both.
  assert.deepEqual(complaints.filter((text) => !/status of (409|422)/.test(text)), []);
});
