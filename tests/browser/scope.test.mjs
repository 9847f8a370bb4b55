// What lies outside the row scope of a person does not exist for that person, whichever way they look.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { PEOPLE, api, openPage, signIn, startBrowser, startServer, words } from "./harness.mjs";

const LEADS = "/records/lead-management.lead";
const COMPANY = "绍兴越城无双纺织机械有限公司";

let server, browser, lead, owner;

before(async () => {
  server = await startServer();
  browser = await startBrowser();
  owner = await api(server, PEOPLE.representative);
  const values = { name: "祝无双", phone: "13912340987", company: COMPANY, need: "想了解整经机的交付周期" };
  const created = await owner("POST", LEADS, values);
  assert.equal(created.status, 201, created.text);
  lead = created.json.id;
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

const total = (page) => page.json.total?.count ?? page.json.total;

test("the owner and the owner's supervisor find the lead", async () => {
  for (const login of [PEOPLE.representative, PEOPLE.ownSupervisor]) {
    const person = await api(server, login);
    const found = await person("GET", `${LEADS}?q=${encodeURIComponent("无双纺织")}&total=true`);
    assert.deepEqual(found.json.rows.map((row) => row.id), [lead], login);
    assert.equal((await person("GET", `${LEADS}/${lead}`)).status, 200);
  }
});

for (const role of ["colleague", "otherSupervisor"]) {
  test(`the ${role} cannot find it by the API: list, count, search, filter, address, timeline, change`, async () => {
    const person = await api(server, PEOPLE[role]);
    for (const query of [`q=${encodeURIComponent("无双纺织")}`, `where.company=${encodeURIComponent(COMPANY)}`, "where.phone=%2B8613912340987"]) {
      const list = await person("GET", `${LEADS}?${query}&total=true`);
      assert.equal(list.status, 200, list.text);
      assert.deepEqual(list.json.rows, [], query);
      assert.equal(total(list), 0, query);
    }
    const attempts = [
      ["GET", `${LEADS}/${lead}`],
      ["GET", `${LEADS}/${lead}/timeline`],
      ["PATCH", `${LEADS}/${lead}`, { need: "改掉" }],
      ["POST", `${LEADS}/${lead}/comments`, { text: "看得到吗" }],
    ];
    for (const [method, path, body] of attempts) {
      const answer = await person(method, path, body);
      assert.equal(answer.status, 404, `${method} ${path}: ${answer.text}`);
    }
    const whole = await person("GET", `${LEADS}?limit=200`);
    assert.ok(!whole.text.includes(COMPANY));
  });
}

test("the exports of somebody outside the scope do not contain it", async () => {
  const person = await api(server, PEOPLE.otherSupervisor);
  const csv = await person("GET", `${LEADS}/export?format=csv`);
  assert.equal(csv.status, 200, csv.text);
  assert.ok(csv.text.split("\n").length > 1, "the export has rows at all");
  assert.ok(!csv.text.includes("无双"));
  const representative = await api(server, PEOPLE.colleague);
  assert.equal((await representative("GET", `${LEADS}/export?format=csv`)).status, 403);
});

test("the pages of a colleague show it neither in a list nor in a search nor at its address", async () => {
  const t = words("zh-CN");
  const { page, complaints, close } = await openPage(browser);
  await signIn(page, server, PEOPLE.colleague);
  const list = `${server.base}/a/lead-management/lead`;
  await page.goto(`${list}?view=open_leads`);
  assert.ok(!(await page.locator("#list").innerText()).includes("无双"));
  await page.goto(`${list}?q=${encodeURIComponent("无双纺织")}`);
  await page.getByText(t("list.nothing_found"), { exact: true }).waitFor();
  complaints.length = 0;
  const answer = await page.goto(`${list}/${lead}`);
  assert.equal(answer.status(), 404);
  assert.ok(!(await page.content()).includes(COMPANY));
  await close();
});

test("the record is as its owner left it", async () => {
  const record = await owner("GET", `${LEADS}/${lead}`);
  assert.equal(record.json.need, "想了解整经机的交付周期");
  // Rules of the app may have worked on it since; of people, nobody but its owner has.
  const timeline = await owner("GET", `${LEADS}/${lead}/timeline`);
  const people = timeline.json.rows.filter((entry) => entry.actor).map((entry) => entry.actor_name);
  assert.deepEqual([...new Set(people)], ["林晓雨"], timeline.text);
  assert.equal(timeline.json.rows.filter((entry) => entry.comment).length, 0, timeline.text);
});
