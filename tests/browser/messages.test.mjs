// Messages and connectors as people see them: the bell counts without a reload, a message leads to its record, an
// administrator sets up a robot, tries it, and finds what could not be sent.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { DESKTOP, PEOPLE, PHONE, api, flawless, openPage, signIn, startBrowser, startServer, words } from "./harness.mjs";

const label = (en, zh) => ({ en, "zh-CN": zh });
const APP = {
  "app.json": { id: "help", version: "1.0.0", label: label("Help", "求助") },
  "entities/call.json": { id: "call", label: label("Call", "求助"), title: "what", fields: [
    { id: "what", label: label("What", "内容"), type: "text", required: true }] },
  "views/calls.json": { id: "calls", entity: "call", label: label("Calls", "求助"), kind: "table", columns: ["what"] },
  "connectors/robot.json": { id: "robot", label: label("Duty robot", "值班机器人"), kind: "dingtalk" },
  "connectors/form.json": { id: "form", label: label("Web form", "网站表单"), kind: "inbound", receive: { entity: "call", map: [{ field: "what", from: "/what" }] } },
  "notifications/new.json": { id: "new", entity: "call", label: label("New call", "新求助"), to: ["creator"], channels: ["robot"],
    title: label("New: {{ record.what }}", "新求助：{{ record.what }}"), body: label("Please help.", "请尽快处理。") },
  "rules/new.json": { id: "new", entity: "call", label: label("New", "新求助"), on: [{ type: "created" }], do: [{ type: "notify", notification: "new" }] },
};

let server, browser, admin, robot, heard;

before(async () => {
  process.env.MORTISE_ALLOW_PRIVATE_ADDRESSES = "1";
  server = await startServer();
  browser = await startBrowser();
  admin = await api(server, PEOPLE.administrator);
  const files = Object.fromEntries(Object.entries(APP).map(([path, file]) => [path, JSON.stringify(file)]));
  assert.equal((await admin("POST", "/apps", { files })).status, 200);
  heard = [];
  robot = createServer((request, answer) => {
    let body = "";
    request.on("data", (bytes) => (body += bytes));
    request.on("end", () => {
      heard.push(JSON.parse(body).text.content);
      answer.end('{"errcode":0}');
    });
  });
  await new Promise((resolve) => robot.listen(0, "127.0.0.1", resolve));
});
after(async () => {
  await browser?.close();
  await server?.stop();
  robot?.close();
});

for (const [language, device] of [["zh-CN", PHONE], ["en", DESKTOP]]) {
  const t = words(language);

  test(`the bell rings while one looks elsewhere, and a message leads to its record (${language})`, async () => {
    const { page, complaints, close } = await openPage(browser, { device, language });
    assert.equal((await admin("POST", "/inbox/read", {})).status, 204);
    await signIn(page, server, PEOPLE.administrator, language);
    await page.goto(`${server.base}/a/help/call`);
    const bell = page.locator(device === PHONE ? ".bottom-bar [data-unread]" : ".topbar [data-unread]");
    await bell.waitFor({ state: "attached" });
    assert.equal(await bell.isVisible(), false);
    assert.equal((await admin("POST", "/records/help.call", { what: "漏水" })).status, 201);
    await bell.filter({ hasText: "1" }).waitFor();
    await flawless(page);
    await page.getByRole("link", { name: t("inbox.count", { count: 1 }) }).click();
    // Where there is room, the latest messages open below the bell.
    if (device !== PHONE) await page.getByRole("link", { name: t("notices.all") }).click();
    await page.waitForURL(/\/inbox$/);
    await flawless(page);
    await page.locator(".message.is-unread .message-title").first().click();
    await page.waitForURL(/\/a\/help\/call\/[0-9a-f-]{36}$/);
    await bell.waitFor({ state: "hidden" });
    await page.goto(`${server.base}/inbox?show=unread`);
    await page.getByText(t("inbox.none"), { exact: true }).waitFor();
    await flawless(page);
    assert.deepEqual(complaints, []);
    await close();
  });

  test(`a robot is set up and tried, and what could not be sent is sent again (${language})`, async () => {
    const { page, complaints, close } = await openPage(browser, { device, language });
    await signIn(page, server, PEOPLE.administrator, language);
    await page.goto(`${server.base}/admin/deliveries?state=dead`);
    await page.locator("table .danger-text").first().waitFor();
    await flawless(page);
    await page.goto(`${server.base}/admin/connectors`);
    await flawless(page);
    const card = page.locator('[id="connector-help.robot"]');
    await card.getByRole("button", { name: t("connectors.set_up") }).click();
    const dialog = page.locator("dialog[open]");
    await dialog.getByRole("textbox").first().fill(`http://127.0.0.1:${robot.address().port}/robot`);
    await flawless(page);
    await dialog.getByRole("button", { name: t("form.save") }).click();
    await card.getByText(t("connectors.ready"), { exact: true }).waitFor();
    await card.getByRole("button", { name: t("connectors.try") }).click();
    await page.locator(".toast", { hasText: t("connectors.tried") }).waitFor();
    assert.match(heard.pop(), new RegExp(t("connectors.test_title")));
    await page.goto(`${server.base}/admin/deliveries`);
    await page.getByRole("button", { name: new RegExp(t("deliveries.again_all")) }).first().click();
    await page.locator(".toast-good").waitFor();
    for (let tries = 0; heard.length === 0 && tries < 200; tries += 1) await new Promise((resolve) => setTimeout(resolve, 50));
    assert.match(heard.pop(), /新求助：漏水/);
    await page.goto(`${server.base}/admin/connectors`);
    await page.locator('[id="connector-help.form"]').getByRole("button", { name: t("connectors.set_up") }).click();
    await dialog.getByRole("button", { name: t("form.save") }).click();
    await page.locator("code", { hasText: "whsec_" }).waitFor();
    await flawless(page);
    assert.deepEqual(complaints.filter((complaint) => !complaint.includes("422")), []);
    for (const key of ["help.robot", "help.form"]) assert.equal((await admin("DELETE", `/connectors/${key}`)).status, 204);
    assert.equal((await admin("POST", "/records/help.call", { what: "漏水" })).status, 201);
    await close();
  });
}

/** How often the server was asked for a route. */
async function asked(route) {
  const lines = (await (await fetch(`${server.origin}/metrics`)).text()).split("\n");
  const counts = lines.filter((line) => line.startsWith("mortise_requests_total") && line.includes(`route="${route}"`));
  return counts.reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
}

test("a page is asked for once, also while its worker is still asleep: a second question would find the message gone", async () => {
  const { page, complaints, close } = await openPage(browser);
  await signIn(page, server, PEOPLE.administrator, "zh-CN");
  await page.evaluate(async () => void (await navigator.serviceWorker.ready));
  const tools = await page.context().newCDPSession(page);
  await tools.send("ServiceWorker.enable");
  for (const route of ["/admin/users", "/profile", "/inbox"]) {
    await tools.send("ServiceWorker.stopAllWorkers");
    const before = await asked(route);
    await page.goto(server.base + route);
    await page.locator("h1").first().waitFor();
    assert.equal((await asked(route)) - before, 1, route);
  }
  assert.deepEqual(complaints, []);
  await close();
});
