// Pictures of every page for people to look at: `cargo xtask shots` writes them into target/shots.
// Words after the command keep only the looks or the pages whose name contains one of them.

import { join } from "node:path";
import { DESKTOP, PASSWORD, PEOPLE, PHONE, api, openPage, signIn, startBrowser, startServer, words, workspace } from "./harness.mjs";

const [folder, ...only] = process.argv.slice(2);
const dark = (device) => ({ ...device, colorScheme: "dark" });
const SCREEN = { ...DESKTOP, viewport: { width: 1280, height: 800 } };
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
    ["trash", `${LEADS}/trash`],
    ["trash-empty", `${CORE}/contact/trash`],
    ["not-found", "/a/lead-management/nothing"],
    ["no-permission", "/admin/users"],
  ];
  const representative = [
    ["home-representative", "/"],
    ["list-representative", LEADS],
    ["menu", "/", async (page) => {
      const button = page.locator(".menu-button");
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
    ["inbox", "/inbox"],
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
    ["all-fields-new", "/a/all-fields/thing/new"],
    ["all-fields-record", seen.thing],
    ["all-fields-list", "/a/all-fields/thing"],
  ];
  return [[PEOPLE.director, director], [PEOPLE.representative, representative], [PEOPLE.administrator, administrator]];
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
  const users = await first(administrator, "/users?q=lin.xiaoyu");
  const user = users.find((one) => one.login === PEOPLE.representative);
  return {
    lead: `${LEADS}/${mine.id ?? lead.id}`,
    own: { ...mine, path: `${LEADS}/${mine.id}` },
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

const server = await startServer();
const browser = await startBrowser();
try {
  const seen = await prepare(server);
  for (const look of LOOKS) await takeAll(server, browser, seen, look);
} finally {
  await browser.close();
  await server.stop();
}
