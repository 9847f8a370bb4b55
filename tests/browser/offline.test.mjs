// Work without network in a real browser that is killed, on a network that is cut, with another person at the same device, with
// definitions that change meanwhile: nothing is lost, nothing is done twice, nobody sees what is not theirs.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { chromium } from "playwright-core";
import { PASSWORD, PEOPLE, api, barriers, overflow, startServer, words } from "./harness.mjs";

const t = words("zh-CN");
const VISITS = "/a/sales-core/interaction";
const LEADS = "/a/lead-management/lead";
/** The form of visits that takes photos. */
const NEW_VISIT = `${VISITS}/new?_form=sales-core.interaction`;
/** The smallest picture there is. */
const PICTURE = Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==", "base64");

let server, road, admin, mine;

before(async () => {
  server = await startServer({ records: 60 });
  road = await openRoad(Number(new URL(server.origin).port));
  admin = await api(server, PEOPLE.administrator);
  mine = await api(server, PEOPLE.representative);
});
beforeEach(() => road.mend());
after(async () => {
  road?.cut();
  await server?.stop();
});

/** The way between browser and server, which can be cut and mended; cut, it breaks off whatever is under way. */
async function openRoad(target) {
  const sockets = new Set();
  let door, port = 0;
  const pass = (from) => {
    const to = connect(target, "127.0.0.1");
    for (const socket of [from, to]) {
      sockets.add(socket);
      socket.on("error", () => socket.destroy()).on("close", () => sockets.delete(socket));
    }
    from.pipe(to).pipe(from);
  };
  const mend = () =>
    new Promise((resolve) => {
      if (door) return resolve();
      door = createServer(pass).listen(port, "127.0.0.1", () => {
        port = door.address().port;
        resolve();
      });
    });
  await mend();
  return {
    base: `http://127.0.0.1:${port}/t/demo`,
    mend,
    cut() {
      door?.close();
      door = undefined;
      sockets.forEach((socket) => socket.destroy());
    },
  };
}

/** A phone for a test: a browser with a folder of its own that outlives it, and that can be killed as by an empty battery. */
async function takePhone(suite) {
  const folder = mkdtempSync(join(tmpdir(), "mortise-phone-"));
  const phone = {
    async start() {
      const path = process.env.MORTISE_CHROMIUM ?? "/usr/bin/chromium";
      const flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update",
        "--remote-debugging-port=0", "--lang=zh-CN", "--window-size=390,844", `--user-data-dir=${folder}`, "about:blank"];
      phone.process = spawn(path, flags, { detached: true, stdio: ["ignore", "ignore", "pipe"] });
      const address = await new Promise((resolve, reject) => {
        let log = "";
        phone.process.stderr.on("data", (bytes) => {
          log += bytes;
          const found = /DevTools listening on (ws:\S+)/.exec(log);
          if (found) resolve(found[1]);
        });
        phone.process.once("exit", () => reject(new Error(`the browser ended: ${log}`)));
      });
      phone.browser = await chromium.connectOverCDP(address);
      const context = phone.browser.contexts()[0];
      phone.page = context.pages()[0] ?? (await context.newPage());
      await phone.page.setViewportSize({ width: 390, height: 844 });
      phone.page.setDefaultTimeout(20_000);
      phone.page.on("dialog", (dialog) => dialog.accept());
      return phone.page;
    },
    /** As kill -9: nothing gets a chance to write anything down. */
    async kill() {
      const ended = new Promise((resolve) => phone.process.once("exit", resolve));
      process.kill(-phone.process.pid, "SIGKILL");
      await ended;
      await phone.browser.close().catch(() => {});
    },
    async drop() {
      await phone.kill().catch(() => {});
      rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
    },
  };
  suite.after(() => phone.drop());
  await phone.start();
  return phone;
}

async function signIn(page, login) {
  await page.goto(`${road.base}/sign-in?lang=zh-CN`);
  if (!page.url().includes("/sign-in")) return;
  await page.locator("#login").fill(login);
  await page.locator("#password").fill(PASSWORD);
  await page.getByRole("button", { name: t("sign_in.submit") }).click();
  await page.waitForURL((url) => !url.pathname.endsWith("/sign-in"));
}

/** Nothing keeps anybody out of the page as it is now, and nothing is wider than the phone. */
async function sound(page) {
  assert.deepEqual(await barriers(page), []);
  assert.ok((await overflow(page)) <= 0, `${page.url()} is wider than the screen`);
}

/** Waits until the device has kept what it is to keep. */
async function kept(page, ...paths) {
  const missing = (paths) =>
    page.evaluate(async (paths) => {
      const names = (await caches.keys()).filter((name) => name.startsWith("mortise-pages"));
      const keys = (await Promise.all(names.map(async (name) => (await caches.open(name)).keys()))).flat();
      const worker = navigator.serviceWorker.controller ? [] : ["the worker"];
      return [...worker, ...paths.filter((path) => !keys.some(({ url }) => url.endsWith(path)))];
    }, paths);
  const deadline = Date.now() + 120_000;
  for (;;) {
    // A page that is just left is asked again.
    const left = await missing(["/.kept", ...paths]).catch((error) => [error.message]);
    if (left.length === 0) return;
    assert.ok(Date.now() < deadline, `not kept: ${left.join(", ")}`);
    await page.waitForTimeout(100);
  }
}

/** How many saves wait on the device. */
const waiting = (page) =>
  page.evaluate(async () => {
    const user = document.querySelector('meta[name="mortise-user"]').content;
    const base = document.querySelector('meta[name="mortise-base"]').content;
    return new Promise((resolve, reject) => {
      const asked = indexedDB.open(`mortise:${base}:${user}`);
      asked.onerror = () => reject(asked.error);
      asked.onsuccess = () => {
        const count = asked.result.transaction("outbox").objectStore("outbox").count();
        count.onsuccess = () => {
          asked.result.close();
          resolve(count.result);
        };
      };
    });
  });

/** Waits until nothing waits any more; pushes, as a person would. */
async function sent(page, timeout = 180_000) {
  const deadline = Date.now() + timeout;
  while (Date.now() < deadline) {
    if ((await waiting(page).catch(() => -1)) === 0) return;
    await page.evaluate(() => document.querySelector("[data-send-now]")?.click()).catch(() => {});
    await page.waitForTimeout(500);
  }
  assert.fail(`${await waiting(page)} still wait: ${await page.locator("m-waiting").innerText()}`);
}

/** Waits until so few saves wait that some have been sent since; looks often, so as not to miss the moment. */
async function lessThan(page, count) {
  const deadline = Date.now() + 120_000;
  while ((await waiting(page).catch(() => Infinity)) > count) {
    assert.ok(Date.now() < deadline, `nothing is sent: ${await waiting(page)} wait`);
    await page.waitForTimeout(20);
  }
}

/** All records of an entity whose field contains this text. */
async function found(entity, field, text) {
  const filter = encodeURIComponent(`record.${field}.contains('${text}')`);
  const answer = await admin("GET", `/records/${entity}?filter=${filter}&limit=500`);
  assert.equal(answer.status, 200, answer.text);
  return answer.json.rows;
}

/** Waits until there is one of them. */
async function arrived(entity, field, text) {
  const deadline = Date.now() + 60_000;
  while ((await found(entity, field, text)).length === 0) {
    assert.ok(Date.now() < deadline, `“${text}” does not arrive`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/** A kind of visit, and a customer of the representative. */
async function forVisits() {
  const first = async (entity) => (await mine("GET", `/records/${entity}?limit=1`)).json.rows[0];
  return { kind: await first("sales-core.interaction_kind"), account: await first("sales-core.account") };
}

/** Fills a new visit by script, as fast as the page takes it, and saves it with the button "save and again". */
async function enterVisit(page, subject, { kind, account }, picture) {
  await page.locator("#f-subject").waitFor();
  await page.evaluate(
    ([subject, kind, account]) => {
      const form = document.querySelector("m-form form");
      form.elements.namedItem("subject").value = subject;
      form.elements.namedItem("kind").value = kind;
      form.elements.namedItem("account").value = account;
    },
    [subject, kind.id, account.id],
  );
  if (picture) {
    await page.locator("#f-site_photo").setInputFiles({ name: `${subject}.png`, mimeType: "image/png", buffer: Buffer.concat([PICTURE, Buffer.from(subject)]) });
    await page.locator("[data-field=site_photo] input[type=hidden][value]:not([value=''])").first().waitFor({ state: "attached" });
  }
  await Promise.all([page.waitForEvent("domcontentloaded"), page.locator("button[name=_again]").evaluate((button) => button.form.requestSubmit(button))]);
}

test("what is entered without network outlives a killed browser and arrives", { timeout: 300_000 }, async (suite) => {
  const phone = await takePhone(suite);
  let { page } = phone;
  await signIn(page, PEOPLE.representative);
  await kept(page, "/offline", NEW_VISIT);
  road.cut();
  await page.goto(`${road.base}${NEW_VISIT}`);
  await page.locator(".as-of").waitFor();
  await page.locator("#f-subject").fill("断网时的拜访");
  // Pickers find what is kept.
  for (const [field, { name }] of Object.entries(await forVisits())) {
    await page.locator(`#f-${field}`).fill(name.slice(0, 2));
    await page.locator(`[data-field=${field}] .pick-option`, { hasText: name }).first().click();
  }
  await page.locator("button[data-main]").click();
  await page.waitForURL(/\/offline$/);
  await page.locator(".outbox-item", { hasText: "断网时的拜访" }).waitFor();
  await page.locator(".outbox-item", { hasText: t("offline.state_waiting") }).waitFor();
  await sound(page);
  await phone.kill();
  page = await phone.start();
  await page.goto(`${road.base}/offline`);
  await page.locator(".outbox-item", { hasText: "断网时的拜访" }).waitFor();
  assert.equal((await found("sales-core.interaction", "subject", "断网时的拜访")).length, 0);
  await road.mend();
  await page.goto(`${road.base}/offline`);
  if (page.url().includes("/sign-in")) await signIn(page, PEOPLE.representative);
  await page.goto(`${road.base}/offline`);
  await sent(page);
  const [visit, ...more] = await found("sales-core.interaction", "subject", "断网时的拜访");
  assert.equal(more.length, 0);
  assert.equal(visit._titles.owner, "林晓雨");
});

test("home is there without network with its cards, and what is entered on one of them waits", { timeout: 300_000 }, async (suite) => {
  const phone = await takePhone(suite);
  const { page } = phone;
  const form = page.locator(".dash-entry form");
  await signIn(page, PEOPLE.representative);
  await kept(page, "/offline");
  // Read once more, through the worker, its cards are kept.
  await page.reload();
  await form.waitFor();
  await page.waitForFunction(() => document.querySelectorAll(".dash-wait").length === 0);
  const task = await page.locator(".dash-tasks .dash-item-title").first().innerText();
  road.cut();
  await page.goto(`${road.base}/`);
  await page.locator(".as-of").waitFor();
  await page.locator(".dash-tasks .dash-item-title", { hasText: task }).first().waitFor();
  await form.getByLabel("联系人姓名").fill("宋闻笛");
  await form.getByLabel("联系电话").fill("13811223355");
  await form.getByLabel("公司名称").fill("苏州吴中闻笛自动化有限公司");
  await form.getByLabel("客户需求").fill("想了解产线改造方案");
  await form.locator("button[data-main]").click();
  await page.waitForURL(/\/offline$/);
  await page.locator(".outbox-item", { hasText: "宋闻笛" }).waitFor();
  await road.mend();
  await page.goto(`${road.base}/offline`);
  await sent(page);
  assert.equal((await found("lead-management.lead", "name", "宋闻笛")).length, 1);
});

test("a field that a colleague changed meanwhile is decided field by field; the others are merged", { timeout: 300_000 }, async (suite) => {
  const phone = await takePhone(suite);
  const { page } = phone;
  await signIn(page, PEOPLE.representative);
  await page.goto(`${road.base}${LEADS}/new`);
  await page.getByLabel("联系人姓名").fill("冲突甲");
  await page.getByLabel("联系电话").fill("13900001111");
  await page.getByLabel("公司名称").fill("湖州南浔百坦木业有限公司");
  await page.getByLabel("客户需求").fill("原来的需求");
  await page.locator("button[data-main]").click();
  await page.waitForURL(/\/lead\/[0-9a-f-]{36}$/);
  const id = page.url().split("/").pop();
  await page.goto(`${page.url()}/edit`);
  await page.locator("#f-need").waitFor();
  await kept(page, `${id}/edit`);
  road.cut();
  await page.goto(`${road.base}${LEADS}/${id}/edit`);
  await page.getByLabel("客户需求").fill("我改的需求");
  await page.getByLabel("职务").fill("厂长");
  await page.locator("button[data-main]").click();
  await page.waitForURL((url) => !url.pathname.endsWith("/edit"));
  const theirs = await admin("PATCH", `/records/lead-management.lead/${id}`, { need: "同事改的需求", wechat: "colleague-1" });
  assert.equal(theirs.status, 200, theirs.text);
  await road.mend();
  await page.goto(`${road.base}/offline`);
  await page.getByRole("button", { name: t("offline.decide") }).click();
  const table = page.locator(".conflict-table");
  const shown = await table.innerText();
  for (const text of ["原来的需求", "我改的需求", "同事改的需求"]) assert.ok(shown.includes(text), shown);
  assert.ok(!shown.includes("厂长"), shown);
  await sound(page);
  await page.getByRole("button", { name: t("offline.keep_choice") }).click();
  await sent(page);
  const { json } = await admin("GET", `/records/lead-management.lead/${id}`);
  assert.deepEqual([json.need, json.job_title, json.wechat], ["我改的需求", "厂长", "colleague-1"]);
});

test("another person at the same device sees nothing of it and sends nothing of it", { timeout: 300_000 }, async (suite) => {
  const phone = await takePhone(suite);
  const { page } = phone;
  const about = await forVisits();
  await signIn(page, PEOPLE.representative);
  await kept(page, "/offline", NEW_VISIT);
  road.cut();
  await page.goto(`${road.base}${NEW_VISIT}`);
  await enterVisit(page, "只属于我", about, false);
  await road.mend();
  // Before anything is sent, somebody else takes the phone and signs in.
  await page.context().clearCookies();
  await signIn(page, PEOPLE.colleague);
  await page.goto(`${road.base}/offline`);
  await page.getByText(t("offline.nothing")).waitFor();
  assert.equal(await waiting(page), 0);
  await kept(page, "/offline");
  const names = await page.evaluate(() => caches.keys());
  assert.equal(names.filter((name) => name.startsWith("mortise-pages")).length, 1, "pages of one person only are kept");
  assert.equal((await found("sales-core.interaction", "subject", "只属于我")).length, 0);
  await page.locator("form[data-sign-out]").evaluate((form) => form.requestSubmit());
  await page.waitForURL(/sign-in/);
  assert.deepEqual((await page.evaluate(() => caches.keys())).filter((name) => name.startsWith("mortise-pages")), []);
  await signIn(page, PEOPLE.representative);
  await page.goto(`${road.base}/offline`);
  await sent(page);
  const [visit] = await found("sales-core.interaction", "subject", "只属于我");
  assert.equal(visit._titles.owner, "林晓雨");
});

test("a session that has ended keeps everything until the person has signed in again", { timeout: 300_000 }, async (suite) => {
  const phone = await takePhone(suite);
  const { page } = phone;
  const about = await forVisits();
  await signIn(page, PEOPLE.representative);
  await kept(page, "/offline", NEW_VISIT);
  road.cut();
  await page.goto(`${road.base}${NEW_VISIT}`);
  await enterVisit(page, "会话过期", about, true);
  await page.context().clearCookies();
  await road.mend();
  await page.goto(`${road.base}/offline`);
  await page.waitForURL(/sign-in/);
  assert.equal((await found("sales-core.interaction", "subject", "会话过期")).length, 0);
  await signIn(page, PEOPLE.representative);
  await page.goto(`${road.base}/offline`);
  await sent(page);
  const [visit] = await found("sales-core.interaction", "subject", "会话过期");
  assert.ok(visit.site_photo);
});

test("what waits can be opened and changed, and is still one save", { timeout: 300_000 }, async (suite) => {
  const phone = await takePhone(suite);
  const { page } = phone;
  const about = await forVisits();
  await signIn(page, PEOPLE.representative);
  await kept(page, "/offline", NEW_VISIT);
  road.cut();
  await page.goto(`${road.base}${NEW_VISIT}`);
  await enterVisit(page, "改之前", about, true);
  await page.goto(`${road.base}/offline`);
  await page.locator(".outbox-item").getByRole("link", { name: t("offline.open") }).click();
  await page.waitForFunction(() => document.querySelector("#f-subject")?.value === "改之前");
  await page.locator("#f-subject").fill("改之后");
  await page.locator("button[data-main]").click();
  await page.waitForURL(/\/offline$/);
  await page.locator(".outbox-item", { hasText: "改之后" }).waitFor();
  assert.equal(await waiting(page), 1);
  await road.mend();
  await page.goto(`${road.base}/offline`);
  await sent(page);
  assert.equal((await found("sales-core.interaction", "subject", "改之前")).length, 0);
  const [visit, ...more] = await found("sales-core.interaction", "subject", "改之后");
  assert.deepEqual([more.length, Boolean(visit.site_photo)], [0, true]);
});

test("what waits is looked at beside a form that was begun, and neither gets into the other", { timeout: 300_000 }, async (suite) => {
  const phone = await takePhone(suite);
  const { page } = phone;
  const about = await forVisits();
  await signIn(page, PEOPLE.representative);
  await kept(page, "/offline", NEW_VISIT);
  road.cut();
  await page.goto(`${road.base}${NEW_VISIT}`);
  await enterVisit(page, "已经保存", about, false);
  await page.locator("#f-subject").fill("写到一半");
  await page.goto(`${road.base}/offline`);
  await page.locator(".outbox-item").getByRole("link", { name: t("offline.open") }).click();
  await page.waitForFunction(() => document.querySelector("#f-subject")?.value === "已经保存");
  await page.goto(`${road.base}/offline`);
  await page.goto(`${road.base}${NEW_VISIT}`);
  await page.getByText(t("js.draft_drop")).waitFor();
  assert.equal(await page.locator("#f-subject").inputValue(), "写到一半");
  assert.equal(await page.locator("[name=kind]").inputValue(), "", "of what waits nothing is in it");
});

test("a server that cannot now takes nothing of what was typed", { timeout: 300_000 }, async (suite) => {
  const phone = await takePhone(suite);
  const { page } = phone;
  const about = await forVisits();
  await signIn(page, PEOPLE.representative);
  const busy = (route) => (route.request().method() === "POST" ? route.fulfill({ status: 503, contentType: "text/html", body: "<h1>busy</h1>" }) : route.fallback());
  await page.route("**/interaction/new*", busy);
  await page.goto(`${road.base}${NEW_VISIT}`);
  await page.locator("#f-subject").waitFor();
  await page.evaluate(([kind, account]) => {
    const form = document.querySelector("m-form form");
    form.elements.namedItem("kind").value = kind;
    form.elements.namedItem("account").value = account;
  }, [about.kind.id, about.account.id]);
  await page.locator("#f-subject").fill("服务器忙时的拜访");
  const left = page.waitForURL((url) => !url.pathname.endsWith("/new"));
  await page.locator("button[data-main]").click();
  // Nothing waits yet while the busy answer is on its way; then the form is left for another page.
  await left;
  await arrived("sales-core.interaction", "subject", "服务器忙时的拜访");
  await sent(page);
  const [visit, ...more] = await found("sales-core.interaction", "subject", "服务器忙时的拜访");
  assert.equal(more.length, 0);
  await page.route("**/a/sales-core/interaction/*/comments", busy);
  await page.goto(`${road.base}${VISITS}/${visit.id}`);
  await page.locator("#comment").fill("服务器忙时的评论");
  const taken = page.waitForResponse((answer) => answer.url().endsWith(`/${visit.id}/comments`) && answer.url().includes("/api/v1/") && answer.ok());
  const anew = page.waitForEvent("load");
  await page.locator(".comment-box button[type=submit]").click();
  await Promise.all([taken, anew]);
  await sent(page);
  await page.unroute("**/a/sales-core/interaction/*/comments", busy);
  await page.goto(`${road.base}${VISITS}/${visit.id}`);
  assert.equal(await page.locator("#timeline").getByText("服务器忙时的评论").count(), 1);
});

test("a save that was answered leaves no draft, though the page after it never comes", { timeout: 300_000 }, async (suite) => {
  const phone = await takePhone(suite);
  const { page } = phone;
  await signIn(page, PEOPLE.representative);
  await page.route("**/lead/new*", async (route) => {
    if (route.request().method() !== "POST") return route.fallback();
    const response = await route.fetch();
    road.cut();
    await route.fulfill({ response });
  });
  await page.goto(`${road.base}${LEADS}/new`);
  await page.getByLabel("联系人姓名").fill("网断在半路");
  await page.getByLabel("联系电话").fill("13900002222");
  await page.getByLabel("公司名称").fill("湖州南浔半路门业有限公司");
  await page.getByLabel("客户需求").fill("断网后不应再存一次");
  const drafts = () => page.evaluate(() => Object.keys(localStorage).filter((key) => key.startsWith("mortise.draft.")));
  await page.waitForFunction(() => Object.keys(localStorage).some((key) => key.startsWith("mortise.draft.")));
  await page.locator("button[data-main]").click();
  await page.waitForURL((url) => !url.pathname.endsWith("/new"), { waitUntil: "commit" }).catch(() => {});
  await road.mend();
  await page.goto(`${road.base}${LEADS}/new`);
  await page.locator("#f-name").waitFor();
  assert.deepEqual(await drafts(), []);
  assert.equal((await found("lead-management.lead", "name", "网断在半路")).length, 1);
});

test("a tab of somebody who has gone is left when another person signs in", { timeout: 240_000 }, async (suite) => {
  const phone = await takePhone(suite);
  const { page } = phone;
  await signIn(page, PEOPLE.representative);
  const person = () => page.evaluate(() => document.querySelector('meta[name="mortise-user"]').content);
  const first = await person();
  await page.goto(`${road.base}${LEADS}/new`);
  await page.getByLabel("联系人姓名").fill("没写完的线索");
  const other = await page.context().newPage();
  await page.context().clearCookies();
  await signIn(other, PEOPLE.colleague);
  await page.waitForFunction((first) => document.querySelector('meta[name="mortise-user"]')?.content !== first, first);
  assert.ok(!(await page.content()).includes("没写完的线索"));
  // What was typed is its writer's draft, and of nobody else.
  await page.goto(`${road.base}${LEADS}/new`);
  assert.equal(await page.getByLabel("联系人姓名").inputValue(), "");
  await page.context().clearCookies();
  await signIn(page, PEOPLE.representative);
  await page.goto(`${road.base}${LEADS}/new`);
  assert.equal(await page.getByLabel("联系人姓名").inputValue(), "没写完的线索");
});

test("a field that is gone by then is given back, not dropped", { timeout: 300_000 }, async (suite) => {
  const label = (en, zh) => ({ en, "zh-CN": zh });
  const app = (version, fields) => ({
    confirm: ["*"],
    files: {
      "app.json": JSON.stringify({ id: "diary", version, label: label("Diary", "日记") }),
      "entities/entry.json": JSON.stringify({
        id: "entry", label: label("Entry", "日记"), title: "title",
        fields: fields.map((id) => ({ id, label: label(id, { title: "标题", mood: "心情" }[id]), type: "text" })),
      }),
      "views/entries.json": JSON.stringify({ id: "entries", entity: "entry", label: label("Entries", "全部"), columns: ["title"], offline: true }),
    },
  });
  const installed = await admin("POST", "/apps", app("1.0.0", ["title", "mood"]));
  assert.equal(installed.status, 200, installed.text);
  const phone = await takePhone(suite);
  const { page } = phone;
  await signIn(page, PEOPLE.administrator);
  await kept(page, "/offline", "/a/diary/entry/new");
  road.cut();
  await page.goto(`${road.base}/a/diary/entry/new`);
  await page.locator("#f-title").fill("雨天");
  await page.locator("#f-mood").fill("安静");
  await page.locator("button[data-main]").click();
  await page.waitForURL(/\/offline$/);
  const upgraded = await admin("POST", "/apps", app("1.1.0", ["title"]));
  if (upgraded.status !== 200) {
    const keys = (upgraded.json.steps ?? []).map(({ key }) => key);
    const again = await admin("POST", "/apps", { ...app("1.1.0", ["title"]), confirm: keys });
    assert.equal(again.status, 200, again.text);
  }
  await road.mend();
  await page.goto(`${road.base}/offline`);
  const left = page.locator(".outbox-item", { hasText: t("offline.state_done") });
  await left.waitFor();
  assert.match(await left.innerText(), /安静/);
  await sound(page);
  assert.equal((await found("diary.entry", "title", "雨天")).length, 1);
  await page.getByRole("button", { name: t("offline.seen") }).click();
  await page.getByText(t("offline.nothing")).waitFor();
});

test("two hundred saves with fifty photos come through ten cuts of the network and three killed browsers, once each", { timeout: 1_800_000 }, async (suite) => {
  const phone = await takePhone(suite);
  let { page } = phone;
  const about = await forVisits();
  const subject = (index) => `巡访${String(index).padStart(3, "0")}号`;
  await signIn(page, PEOPLE.representative);
  await kept(page, "/offline", NEW_VISIT);
  road.cut();
  await page.goto(`${road.base}${NEW_VISIT}`);
  for (let index = 0; index < 200; index++) {
    if (index === 70 || index === 140) {
      await phone.kill();
      page = await phone.start();
      await page.goto(`${road.base}${NEW_VISIT}`);
      assert.equal(await waiting(page), index);
    }
    await enterVisit(page, subject(index), about, index % 4 === 0);
  }
  assert.equal(await waiting(page), 200);
  // Each cut comes while saves are on their way; once, the browser is killed at such a moment, too.
  for (let cut = 0; cut < 10; cut++) {
    const left = await waiting(page);
    await road.mend();
    await page.goto(`${road.base}/offline`).catch(() => {});
    if (page.url().includes("/sign-in")) await signIn(page, PEOPLE.representative);
    await lessThan(page, left - 10);
    if (cut === 5) await phone.kill();
    road.cut();
    if (cut === 5) {
      page = await phone.start();
      await page.goto(`${road.base}/offline`);
    }
    assert.ok((await waiting(page)) > 0, `everything was sent before cut ${cut + 1}`);
  }
  await road.mend();
  await page.goto(`${road.base}/offline`);
  if (page.url().includes("/sign-in")) await signIn(page, PEOPLE.representative);
  await page.goto(`${road.base}/offline`);
  await sent(page, 600_000);
  const visits = await found("sales-core.interaction", "subject", "巡访");
  const subjects = visits.map((visit) => visit.subject).sort();
  assert.deepEqual(subjects, Array.from({ length: 200 }, (_, index) => subject(index)));
  const photos = visits.filter((visit) => visit.site_photo);
  assert.equal(new Set(photos.map((visit) => JSON.stringify(visit.site_photo))).size, 50);
  for (const visit of photos) assert.equal(Number(/\d+/.exec(visit.subject)[0]) % 4, 0);
});
