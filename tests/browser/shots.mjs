// Pictures of every page for people to look at: `cargo xtask shots` writes them into target/shots.
// Words after the command keep only the looks or the pages whose name contains one of them.

import { join } from "node:path";
import { DESKTOP, PASSWORD, PEOPLE, PHONE, api, openPage, signIn, startBrowser, startServer, words, workspace } from "./harness.mjs";
import { SHELF, pluginPages, preparePlugins } from "./plugin-scenes.mjs";

const [folder, ...only] = process.argv.slice(2);
const dark = (device) => ({ ...device, colorScheme: "dark" });
const SCREEN = { ...DESKTOP, viewport: { width: 1440, height: 900 } };
const LOOKS = [
  { look: "phone-zh", language: "zh-CN", device: PHONE },
  { look: "phone-en", language: "en", device: PHONE },
  { look: "phone-zh-dark", language: "zh-CN", device: dark(PHONE) },
  { look: "phone-en-dark", language: "en", device: dark(PHONE) },
  { look: "desktop-zh", language: "zh-CN", device: SCREEN },
  { look: "desktop-en", language: "en", device: SCREEN },
  { look: "desktop-zh-dark", language: "zh-CN", device: dark(SCREEN) },
  { look: "desktop-en-dark", language: "en", device: dark(SCREEN) },
];
/** Higher than any page that is worth one picture; of lists the screen is enough. */
const HEIGHT_MAX = 5000;

const LEADS = "/a/lead-management/lead";
const CORE = "/a/sales-core";
const LISTS = ["account", "contact", "opportunity", "interaction", "product", "product_line", "competitor", "source", "stage", "interaction_kind"];

/** Pages by person: name, address, and what to do there before the picture is taken. */
function pages(t, seen) {
  const open = (selector) => (page) => page.locator(selector).first().click();
  const director = [
    ["home", "/"],
    ["list", `${LEADS}?view=open_leads`],
    ["list-empty", `${LEADS}?view=my_leads`],
    ["list-nothing-found", `${LEADS}?q=zzzzzz`],
    ["list-filtered", `${LEADS}?view=all_leads&where.status.in=new&where.budget_range.in=from_200k`],
    ["list-filters", `${LEADS}?view=all_leads`, open(".filter-button")],
    ["list-quick", `${LEADS}?view=all_leads`, open(".quick > summary")],
    ["list-menu", `${LEADS}?view=all_leads`, open(".topbar-actions .menu > summary")],
    ["list-selected", `${LEADS}?view=all_leads`, async (page) => {
      for (const row of [0, 2]) await page.locator("tbody .row-check input").nth(row).check();
    }],
    ...LISTS.map((entity) => [`list-${entity}`, `${CORE}/${entity}`]),
    ["list-grade", "/a/lead-management/grade"],
    ["record", seen.lead],
    ["record-account", seen.account],
    ["record-opportunity", seen.opportunity],
    ["record-delete", seen.lead, async (page) => {
      await page.locator(".topbar-actions .menu > summary").click();
      await page.locator("[data-dialog=delete-dialog]").click();
    }],
    ["record-frozen", seen.frozen],
    ["record-assignments", `${seen.frozen}/assignments`],
    ["record-transition", `${seen.lead}/transitions/lose`],
    ["record-transition-errors", `${seen.lead}/transitions/lose`, async (page) => {
      await page.locator("button[data-main]").click();
      await page.locator(".form-summary[role=alert]").waitFor();
    }],
    ["dashboard", "/dashboards/lead-management.leads", drawn],
    ["dashboard-data", "/dashboards/lead-management.leads", async (page) => {
      await drawn(page);
      for (const data of await page.locator(".dash-data > summary").all()) await data.click();
    }],
    ["trash", `${LEADS}/trash`],
    ["trash-empty", `${CORE}/contact/trash`],
    ["not-found", "/a/lead-management/nothing"],
    ["no-permission", "/admin/users"],
  ];
  const representative = [
    ["home-representative", "/"],
    ["list-representative", LEADS],
    ["list-pool", `${LEADS}?view=pool`],
    ["menu", "/", async (page) => {
      const button = page.locator(".bottom-bar [popovertarget=sidebar]");
      if (await button.isVisible()) await button.click();
      await page.locator(".user-menu > summary").click();
    }],
    ["new", `${LEADS}/new`],
    ["new-errors", `${LEADS}/new`, async (page) => {
      await page.locator("#f-name").fill("钱思远");
      await page.locator("#f-phone").fill("13812");
      await page.locator("button[data-main]").click();
      await page.locator(".form-summary").first().waitFor();
    }],
    ["new-duplicate", `${LEADS}/new`, async (page) => {
      await page.locator("#f-name").fill(seen.own.name);
      await page.locator("#f-phone").fill(seen.own.phone);
      await page.locator("#f-company").fill(seen.own.company);
      await page.locator("#f-need").click();
      await page.locator("[data-suspects]:not([hidden])").waitFor();
    }],
    ["edit", `${seen.own.path}/edit`],
    ["edit-picker", `${seen.own.path}/edit`, (page) => page.locator("m-pick input[role=combobox]").first().click()],
    ["edit-tree", `${seen.own.path}/edit`, (page) => page.locator("m-tree input[role=combobox]").first().click()],
    ["edit-lines", `${seen.opportunity}/edit`],
    ["conflict", `${seen.own.path}/edit`, async (page) => {
      await page.locator("#f-job_title").fill("采购总监");
      await seen.change(seen.own.id, { job_title: `总经理${Date.now() % 1000}` });
      await page.locator("button[data-main]").click();
      await page.locator(".conflict-table").waitFor();
    }],
    ["profile", "/profile"],
    ["profile-token", "/profile", open("[data-dialog=token-new]")],
  ];
  const administrator = [
    ["home-administrator", "/"],
    ["import-1-upload", `${LEADS}/import`],
    ["import-2-mapping", `${LEADS}/import`, (page) => importSteps(page, t, 1)],
    ["import-3-preview", `${LEADS}/import`, (page) => importSteps(page, t, 2)],
    ["import-4-report", `${LEADS}/import`, (page) => importSteps(page, t, 3)],
    ["admin-overview", "/admin"],
    ["admin-stuck", "/admin/stuck"],
    ["admin-users", "/admin/users"],
    ["admin-user", seen.user],
    ["admin-user-new", "/admin/users/new"],
    ["admin-user-errors", "/admin/users/new", open("form[novalidate] button[data-main]")],
    ["admin-departments", "/admin/departments"],
    ["admin-department", "/admin/departments", open("[data-dialog=department-new]")],
    ["admin-roles", "/admin/roles"],
    ["admin-audit", "/admin/audit"],
    ["admin-connectors", "/admin/connectors"],
    ["admin-connector", "/admin/connectors", open("[data-dialog^=set-]")],
    ["admin-deliveries", "/admin/deliveries"],
    ["palette", "/", async (page) => {
      await page.keyboard.press("Control+k");
      await page.locator("#palette [role=option]").first().waitFor();
      await page.keyboard.type("有限");
      await page.locator("#palette [data-hits] [role=option]").first().waitFor();
    }],
    ["shortcuts", "/", (page) => page.keyboard.press("?")],
    ["search", "/search?q=有限"],
    ["design", "/design"],
    ["inbox", "/inbox"],
    ["inbox-unread", "/inbox?show=unread"],
    ["admin-automation", "/admin/automation"],
    ["admin-automation-done", "/admin/automation?state=done"],
    ["admin-replay", "/admin/automation/replay/lead-management.lead?count=60"],
    ["admin-findings", "/admin/apps/lead-management/findings"],
    ["admin-scenarios", "/admin/apps/lead-management/scenarios"],
    ["admin-scenarios-run", "/admin/apps/shots/scenarios", async (page) => {
      await page.locator(".topbar button[data-main]").click();
      await page.locator("#outcome").waitFor();
    }],
    ["admin-clock-preview", "/admin/apps/lead-management", async (page) => {
      await page.locator("#s-first_contact_minutes").fill("30");
      await page.getByRole("button", { name: t("form.save"), exact: true }).click();
      await page.locator(".form-summary").waitFor();
    }],
    ["admin-purge", "/admin/apps/shots/purge"],
    ["admin-overlay", "/admin/apps/shots/overlay"],
    ["admin-overlay-empty", "/admin/apps/lead-management/overlay"],
    ["record-unfreeze", seen.frozen, open("[data-dialog=unfreeze-dialog]")],
    ["admin-apps", "/admin/apps"],
    ["admin-app", "/admin/apps/lead-management"],
    ["admin-app-install", "/admin/apps", open("[data-dialog=install]")],
    ["admin-app-check", "/admin/apps", async (page) => {
      await page.locator("[data-dialog=install]").first().click();
      await page.locator("#app-folder").setInputFiles(join(workspace, "tests/data/all-fields"));
      await page.locator("#install button[data-main]").click();
      await page.waitForURL(/apps\/check/);
    }],
    ["admin-app-uninstall", "/admin/apps/lead-management", open("[data-dialog=uninstall]")],
    ...pluginPages().map(([name, ...rest]) => [`admin-${name}`, ...rest]),
    ["all-fields-new", "/a/all-fields/thing/new"],
    ["all-fields-record", seen.thing],
    ["all-fields-list", "/a/all-fields/thing"],
  ];
  return [[PEOPLE.director, director], [PEOPLE.representative, representative], [PEOPLE.administrator, administrator]];
}

/** A dashboard is ready when each card has its figures and its drawing. */
async function drawn(page) {
  await page.waitForFunction(() => document.querySelectorAll(".dash-wait").length === 0);
  await page.locator("m-chart canvas").first().waitFor();
}

const both = (en, zh) => ({ en, "zh-CN": zh });
/** An app with a rule that fails, a robot that nobody has set up, a scenario that fails, and a field that goes away. */
const FAILING = {
  "app.json": { id: "shots", version: "1.0.0", label: both("Help desk", "求助台") },
  "entities/call.json": { id: "call", label: both("Call", "求助"), title: "what", fields: [
    { id: "what", label: both("What", "内容"), type: "text", required: true },
    { id: "weight", label: both("Weight", "权重"), type: "integer", max: 100 },
    { id: "note", label: both("Note", "备注"), type: "text" }] },
  "views/calls.json": { id: "calls", entity: "call", label: both("Calls", "求助"), kind: "table", columns: ["what", "weight"] },
  "connectors/robot.json": { id: "robot", label: both("Duty robot", "值班机器人"), kind: "dingtalk" },
  "connectors/form.json": { id: "form", label: both("Web form", "网站表单"), kind: "inbound", receive: { entity: "call", map: [{ field: "what", from: "/what" }] } },
  "notifications/new.json": { id: "new", entity: "call", label: both("New call", "新求助"), to: ["creator"], channels: ["robot"],
    title: both("New: {{ record.what }}", "新求助：{{ record.what }}"), body: both("Please help.", "请尽快处理。") },
  "rules/new.json": { id: "new", entity: "call", label: both("Tell the team", "通知团队"), on: [{ type: "created" }], do: [{ type: "notify", notification: "new" }] },
  "rules/heavy.json": { id: "heavy", entity: "call", label: both("Weigh heavy calls", "重要求助加权"), on: [{ type: "created" }],
    do: [{ type: "set", values: { weight: "record.weight * 1000" } }] },
  "scenarios/good.json": { id: "good", label: both("A call is taken", "求助可以登记"), starts: "2026-03-02T09:00:00+08:00", people: {}, steps: [
    { type: "create", entity: "call", as: "call", values: { what: "漏水" } }, { type: "expect", record: "$call", values: { what: "漏水" } }] },
  "scenarios/wrong.json": { id: "wrong", label: both("A heavy call is weighed", "重要求助会加权"), starts: "2026-03-02T09:00:00+08:00", people: {}, steps: [
    { type: "create", entity: "call", as: "call", values: { what: "漏水", weight: 7 } }, { type: "expect", record: "$call", values: { weight: 70 } }] },
};

/** Failed work, messages that could not be sent, and what an upgrade left behind. */
async function failures(administrator) {
  const install = async (version, change = (files) => files) => {
    const files = change(structuredClone(FAILING));
    files["app.json"].version = version;
    const body = { files: Object.fromEntries(Object.entries(files).map(([path, file]) => [path, JSON.stringify(file)])) };
    const answer = await administrator("POST", "/apps", { ...body, confirm: ["shots.call.note"] });
    if (answer.status !== 200) throw new Error(answer.text);
  };
  await install("1.0.0");
  for (const what of ["三楼漏水，请尽快安排维修人员到现场查看", "空调不制冷"]) {
    const made = await administrator("POST", "/records/shots.call", { what, weight: 7, note: "来自前台" });
    if (made.status !== 201) throw new Error(made.text);
  }
  await install("1.1.0", (files) => {
    files["entities/call.json"].fields.pop();
    return files;
  });
  const patches = [
    { artifact: "entities/call", path: "label/zh-CN", before: "求助", after: "求助单" },
    { artifact: "entities/call", path: "fields/floor", after: { id: "floor", label: both("Floor", "楼层"), type: "text" } },
  ];
  const overlay = { overlay: { app: "shots", version: "1.1.0", patches }, confirm: [] };
  const changed = await administrator("PUT", "/apps/shots/overlay", overlay);
  if (changed.status !== 200) throw new Error(changed.text);
}

/** A lead that nobody followed up, until the rights of its owner were frozen. */
async function forgotten(server, administrator) {
  const made = await administrator("POST", "/records/lead-management.lead", {
    name: "周文彬", phone: "13900139000", company: "苏州工业园区恒泰精密机械制造有限公司（第二事业部）", need: "想了解产线数字化改造方案，最好能看到同行业的案例，并给出分阶段实施的报价。",
  });
  if (made.status !== 201) throw new Error(made.text);
  for (const by of ["25h1m", "24h", "24h"]) {
    const { now } = JSON.parse(server.run("--json", "tenant", "advance", "demo", by)).test_clock;
    for (let tries = 0; tries < 400; tries += 1) {
      const { lane } = (await administrator("GET", "/work")).json;
      if (lane.events === 0 && Date.parse(lane.next_due) > Date.parse(now)) break;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
  return `${LEADS}/${made.json.id}`;
}

async function importSteps(page, t, steps) {
  await page.locator("#import-file").setInputFiles(join(workspace, "tests/data/leads.csv"));
  await page.getByRole("button", { name: t("import.next") }).click();
  await page.locator("table.mapping").waitFor();
  if (steps === 1) return;
  await page.getByRole("button", { name: t("import.preview") }).click();
  await page.locator("form[action$=start]").waitFor();
  if (steps === 2) return;
  await page.locator("button[data-main]").click();
  await page.locator("#progress .form-actions").waitFor({ timeout: 120_000 });
}

/** Records to look at, with something in their timelines, and one in the trash. */
async function prepare(server) {
  server.run("app", "install", "demo", join(workspace, "tests/data/all-fields"));
  const director = await api(server, PEOPLE.director);
  const own = await api(server, PEOPLE.representative);
  const administrator = await api(server, PEOPLE.administrator);
  const first = async (call, path) => (await call("GET", path)).json.rows;
  const leads = "/records/lead-management.lead";
  const [mine] = await first(own, `${leads}?view=my_leads&limit=1`);
  await own("POST", `${leads}/${mine.id}/comments`, { text: "已电话沟通，客户希望下周三上午看演示，届时技术负责人也会参加。" });
  const [lead, deleted] = await first(director, `${leads}?limit=2`);
  await director("DELETE", `${leads}/${deleted.id}`);
  const [account] = await first(director, "/records/sales-core.account?limit=1");
  const [opportunity] = await first(own, "/records/sales-core.opportunity?limit=1");
  const thing = await administrator("POST", "/records/all-fields.thing", {
    name: "轴承 A-1", notes: "第一行\n第二行", count: 12, rate: "1.5", price: "1280.00", vip: true, day: "2026-03-01",
    at: "2026-03-01T08:30:00Z", length: "PT2H30M", phone: "13812345678", mail: "a@example.com", web: "https://example.com/",
    geo: { lat: 31.23, lon: 121.47 }, extra: { a: [1, 2] },
  });
  await failures(administrator);
  const frozen = await forgotten(server, administrator);
  await preparePlugins(administrator);
  const users = await first(administrator, "/users?q=lin.xiaoyu");
  const user = users.find((one) => one.login === PEOPLE.representative);
  return {
    lead: `${LEADS}/${mine.id ?? lead.id}`,
    own: { ...mine, path: `${LEADS}/${mine.id}` },
    frozen,
    account: `${CORE}/account/${account.id}`,
    opportunity: `${CORE}/opportunity/${opportunity.id}`,
    thing: thing.json?.id ? `/a/all-fields/thing/${thing.json.id}` : "/a/all-fields/thing",
    user: `/admin/users/${user.id}`,
    change: (id, values) => own("PATCH", `${leads}/${id}`, values),
  };
}

async function take(page, path, device, { list }) {
  await page.waitForLoadState("networkidle");
  // What sticks to the edges of the screen would lie in the middle of a picture of the whole page.
  const { height } = device.viewport;
  const whole = await page.evaluate(() => document.documentElement.scrollHeight);
  const most = list ? height : HEIGHT_MAX;
  await page.setViewportSize({ ...device.viewport, height: Math.min(Math.max(whole, height), most) });
  await page.screenshot({ path, animations: "disabled" });
  await page.setViewportSize(device.viewport);
}

async function takeAll(server, browser, seen, { look, language, device }) {
  const wanted = (name) => only.length === 0 || only.some((word) => `${look}/${name}`.includes(word));
  for (const [person, list] of pages(words(language), seen)) {
    const chosen = list.filter(([name]) => wanted(name));
    if (chosen.length === 0) continue;
    const { page, close } = await openPage(browser, { device: { ...device, reducedMotion: "reduce" }, language });
    const shoot = async (name, prepareIt = async () => {}) => {
      try {
        await prepareIt(page);
        await take(page, join(folder, `${look}-${name}.png`), device, { list: name.startsWith("list") });
      } catch (error) {
        console.error(`${look}-${name}: ${error.message.split("\n")[0]}`);
        process.exitCode = 1;
      }
    };
    if (person === PEOPLE.director && wanted("sign-in")) {
      await page.goto(`${server.base}/sign-in?lang=${language}`);
      await shoot("sign-in");
      await page.locator("#login").fill(person);
      await page.locator("#password").fill(`${PASSWORD}!`);
      await shoot("sign-in-wrong", () => page.getByRole("button", { name: words(language)("sign_in.submit") }).click());
    }
    // The stream of news never ends; a picture is taken when all else has come.
    const body = "event: inbox\ndata: {\"unread\":3}\n\n";
    await page.route("**/events", (route) => route.fulfill({ contentType: "text/event-stream", body }));
    await signIn(page, server, person, language);
    for (const [name, address, prepareIt] of chosen) {
      await page.goto(`${server.base}${address}`);
      await shoot(name, prepareIt);
    }
    await close();
  }
}

const server = await startServer({ testClock: true, shelf: SHELF });
const browser = await startBrowser();
try {
  const seen = await prepare(server);
  for (const look of LOOKS) await takeAll(server, browser, seen, look);
} finally {
  await browser.close();
  await server.stop();
}
