// The whole story of a lead: the website form brings it, somebody gets it and it is said why, nobody follows it up, so that time
// brings a reminder, a second owner, and in the end frozen rights and a report; back in the pool, a colleague takes it on a phone.

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { PEOPLE, PHONE, api, flawless, openPage, signIn, startBrowser, startServer, words } from "./harness.mjs";

const t = words("zh-CN");
const ENTITY = "lead-management.lead";
const LIST = "/a/lead-management/lead";
const COMPANY = "宁波海曙启明轴承有限公司";
const CONTACT = "钱思远";
const ROBOT_SECRET = "SEC-of-the-team-robot";

let server, browser, admin, robot, heard, names, lead, first, second;

before(async () => {
  process.env.MORTISE_ALLOW_PRIVATE_ADDRESSES = "1";
  server = await startServer({ records: 0, testClock: true });
  browser = await startBrowser();
  admin = await api(server, PEOPLE.administrator);
  const users = (await admin("GET", "/users?limit=100")).json.rows;
  names = Object.fromEntries(users.map((user) => [user.id, { login: user.login, name: user.name }]));
  heard = [];
  robot = createServer((request, answer) => {
    let body = "";
    request.on("data", (bytes) => (body += bytes));
    request.on("end", () => {
      const query = new URL(request.url, "http://robot").searchParams;
      const signed = `${query.get("timestamp")}\n${ROBOT_SECRET}`;
      const sign = createHmac("sha256", ROBOT_SECRET).update(signed).digest("base64");
      const fresh = Math.abs(Date.now() - Number(query.get("timestamp"))) < 3_600_000;
      const welcome = sign === query.get("sign") && fresh;
      if (welcome) heard.push(JSON.parse(body));
      answer.end(welcome ? '{"errcode":0}' : '{"errcode":310000,"errmsg":"sign not match"}');
    });
  });
  await new Promise((resolve) => robot.listen(0, "127.0.0.1", resolve));
  const address = { url: `http://127.0.0.1:${robot.address().port}/robot/send?access_token=1`, secret: ROBOT_SECRET };
  assert.equal((await admin("PUT", "/connectors/lead-management.team_robot", address)).status, 204);
});
after(async () => {
  await browser?.close();
  await server?.stop();
  robot?.close();
});

/** Waits until something is so; what happens by itself takes a moment. */
async function until(what, told) {
  for (let tries = 0; tries < 300; tries += 1) {
    const found = await what();
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.fail(`${told} did not happen: ${server.log()}`);
}

const read = async () => (await admin("GET", `/records/${ENTITY}/${lead}`)).json;
const advance = (by) => server.run("tenant", "advance", "demo", by);

/** A call of the website, signed as the form does it. */
async function submit(secret, id, form) {
  const body = JSON.stringify(form);
  const seconds = Math.floor(Date.now() / 1000);
  const key = Buffer.from(secret.replace("whsec_", ""), "base64");
  const sign = createHmac("sha256", key).update(`${id}.${seconds}.${body}`).digest("base64");
  const headers = { "content-type": "application/json", "webhook-id": id, "webhook-timestamp": String(seconds), "webhook-signature": `v1,${sign}` };
  return fetch(`${server.base}/hooks/lead-management.website_form`, { method: "POST", headers, body });
}

/** Signs somebody of the demo data in on a page of their own. */
async function as(login, device) {
  server.admit(login);
  const opened = await openPage(browser, { device });
  await signIn(opened.page, server, login);
  return opened;
}

test("a signed form of the website becomes a lead, which somebody gets for a reason", { timeout: 240_000 }, async () => {
  const { secret } = (await admin("POST", "/connectors/lead-management.website_form/secret", {})).json;
  const form = { id: "form-1", name: CONTACT, phone: "13812345678", company: COMPANY, need: "希望月底前看到轴承检测方案的演示", page: "https://www.example.com/demo" };
  assert.equal((await submit("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "msg-0", form)).status, 401);
  const answer = await submit(secret, "msg-1", form);
  assert.equal(answer.status, 201, await answer.clone().text());
  lead = (await answer.json()).record;
  first = (await until(async () => ((await read()).assigned_at ? read() : null), "the assignment")).owner;
  const { page, complaints, close } = await as(names[first].login);
  await page.locator(".topbar .bell-count", { hasText: "1" }).waitFor();
  await page.getByRole("link", { name: t("inbox.count", { count: 1 }) }).click();
  await page.getByRole("button", { name: `新线索：${COMPANY}`, exact: true }).click();
  await page.getByRole("heading", { level: 1, name: CONTACT }).waitFor();
  await page.locator(".test-clock").waitFor();
  const clocks = await page.locator(".clocks").innerText();
  for (const clock of ["首次联系", "跟进时限", "超时熔断"]) assert.ok(clocks.includes(clock), clocks);
  await flawless(page);
  await page.getByRole("link", { name: t("assignment.why") }).click();
  await page.getByRole("heading", { name: t("assignment.given", { person: names[first].name }) }).waitFor();
  const chosen = await page.locator("tr.is-chosen").innerText();
  assert.ok(chosen.includes(names[first].name), chosen);
  await flawless(page);
  assert.deepEqual(complaints, []);
  await close();
});

test("untouched for a day, the owner is reminded in the inbox and the team at its robot", { timeout: 240_000 }, async () => {
  const { page, complaints, close } = await as(names[first].login);
  assert.match(advance("25h1m"), /demo/);
  const reminded = `尚未跟进：${COMPANY}`;
  await until(() => heard.some((message) => JSON.stringify(message).includes(reminded)), "the message to the robot");
  const unread = (await (await api(server, names[first].login))("GET", "/inbox?unread=true")).json.unread;
  await page.locator(".topbar .bell-count", { hasText: String(unread) }).waitFor();
  await page.goto(`${server.base}/inbox`);
  await page.getByRole("button", { name: reminded, exact: true }).waitFor();
  await flawless(page);
  await page.getByRole("button", { name: reminded, exact: true }).click();
  await page.getByRole("heading", { level: 1, name: CONTACT }).waitFor();
  assert.match(await page.locator(".clocks").innerText(), /超时熔断/);
  await flawless(page);
  assert.deepEqual(complaints, []);
  await close();
});

test("untouched for two days, it goes to somebody else, and the first owner sees it no more", { timeout: 240_000 }, async () => {
  advance("24h");
  second = (await until(async () => ((await read()).owner === first ? null : read()), "the second assignment")).owner;
  assert.ok(second && second !== first);
  const told = await openPage(browser);
  await signIn(told.page, server, PEOPLE.director);
  await told.page.goto(`${server.base}${LIST}/${lead}`);
  const timeline = await told.page.locator("#timeline").innerText();
  assert.ok(timeline.includes("二次分配通知") && timeline.includes(names[second].name), timeline);
  await told.page.goto(`${server.base}${LIST}/${lead}/assignments`);
  await told.page.getByRole("heading", { name: t("assignment.given", { person: names[second].name }) }).waitFor();
  await flawless(told.page);
  await told.close();
  const { page, close } = await as(names[first].login);
  const answer = await page.goto(`${server.base}${LIST}/${lead}`);
  assert.equal(answer.status(), 404);
  await close();
});

test("untouched for three days, the rights of the first owner are frozen, and a report lies on the lead", { timeout: 240_000 }, async () => {
  advance("24h");
  await until(async () => (await admin("GET", `/records/${ENTITY}/${lead}/freezes`)).json.rows.length, "the freeze");
  const { page, complaints, close } = await openPage(browser);
  await signIn(page, server, PEOPLE.director);
  await page.goto(`${server.base}${LIST}/${lead}`);
  const banner = await page.locator(".freeze").innerText();
  assert.ok(banner.includes(names[first].name) && banner.includes("超时未跟进"), banner);
  await flawless(page);
  const link = page.locator("#timeline").getByRole("link", { name: /线索流转审计报告/ });
  const opened = page.context().waitForEvent("page");
  await link.click();
  const report = await opened;
  await report.getByRole("heading", { level: 1, name: "线索流转审计报告" }).waitFor();
  const text = await report.locator("body").innerText();
  for (const word of [COMPANY, names[first].name, names[second].name, "流转记录", "操作轨迹"]) assert.ok(text.includes(word), text);
  assert.deepEqual(complaints, []);
  await close();
});

test("back in the pool, who let it lie is told why it is not theirs to take", { timeout: 240_000 }, async () => {
  advance("49h");
  await until(async () => (await read()).owner === null, "the recall");
  const { page, complaints, close } = await as(names[first].login);
  await page.goto(`${server.base}${LIST}?view=pool`);
  await page.getByRole("button", { name: `${t("claim.button")}: ${CONTACT}` }).click();
  await page.locator(".toast-error", { hasText: "你对该记录的操作权限已冻结至" }).filter({ hasText: "超时未跟进" }).waitFor();
  await page.goto(`${server.base}${LIST}/${lead}`);
  const banner = await page.locator(".freeze").innerText();
  assert.match(banner, /你对这条记录的操作权限已冻结/);
  assert.equal(await page.getByRole("link", { name: t("edit"), exact: true }).count(), 0);
  await flawless(page);
  const owner = await api(server, names[first].login);
  const refused = await owner("PATCH", `/records/${ENTITY}/${lead}`, { job_title: "采购经理" });
  assert.deepEqual([refused.status, refused.json.code], [403, "record.frozen"]);
  assert.deepEqual(complaints, []);
  await close();
});

test("a colleague takes it from the pool on a phone by one tap", { timeout: 240_000 }, async () => {
  const colleague = Object.values(names).find((one) => one.login === PEOPLE.colleague && ![names[first].login, names[second].login].includes(one.login))
    ?? Object.values(names).find((one) => one.login === PEOPLE.representative);
  const { page, complaints, close } = await as(colleague.login, PHONE);
  await page.goto(`${server.base}${LIST}?view=pool`);
  await flawless(page);
  await page.getByRole("button", { name: `${t("claim.button")}: ${CONTACT}` }).tap();
  await page.locator(".toast", { hasText: t("claim.done", { title: CONTACT }) }).waitFor();
  assert.match(await page.locator(".record-sub").innerText(), new RegExp(colleague.name));
  assert.match(await page.locator(".freeze").innerText(), new RegExp(names[first].name));
  await flawless(page);
  await page.goto(`${server.base}${LIST}?view=my_leads`);
  await page.getByRole("link", { name: CONTACT }).first().waitFor();
  assert.deepEqual(complaints, []);
  await close();
});
