// What every browser test shares: the real binary on a temporary folder with demo content, a Chromium, signed-in pages.
// Nothing is mocked; what a test needs is made through the command line, as an operator would.

import assert from "node:assert/strict";
import { spawn, execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { AxeBuilder } from "@axe-core/playwright";
import { chromium } from "playwright-core";

export const workspace = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
const binary = process.env.MORTISE_BIN ?? join(workspace, "target", "debug", "mortise");
const browserPath = process.env.MORTISE_CHROMIUM ?? "/usr/bin/chromium";

/** A phone as it is held: 390 px wide, with touch. */
export const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };
/** An ordinary screen. */
export const DESKTOP = { viewport: { width: 1440, height: 900 } };

/** The password of everybody in these tests. */
export const PASSWORD = "Mortise-test-2026";

/** People of the demo data whom the tests follow. */
export const PEOPLE = {
  administrator: "admin",
  director: "zhou.jianguo",
  representative: "lin.xiaoyu",
  colleague: "zhang.bo",
  otherSupervisor: "sun.yan",
  ownSupervisor: "zhao.lei",
  english: "emma.wilson",
};

/** What the runtime says in a language, by key, with its details filled in. */
export function words(language) {
  const folder = join(workspace, "runtime", "definition", "locales", language);
  const files = readdirSync(folder).map((file) => JSON.parse(readFileSync(join(folder, file), "utf8")));
  const texts = Object.assign({}, ...files);
  return (key, details = {}) => {
    const text = texts[`ui.${key}`];
    if (text === undefined) throw new Error(`there is no text ui.${key} in ${language}`);
    return text.replace(/\{(\w+)\}/g, (_, name) => details[name] ?? "");
  };
}

/**
 * Starts a server over a fresh tenant with both apps, their people and some demo records; with a clock that can be moved and with a
 * folder of plugins that ship, if wanted.
 */
export async function startServer({ records = 200, testClock = false, shelf } = {}) {
  const data = mkdtempSync(join(tmpdir(), "mortise-browser-"));
  const env = { ...process.env, MORTISE_DATA: data, RUST_BACKTRACE: "0" };
  delete env.MORTISE_DATABASE_URL;
  if (shelf) env.MORTISE_PLUGINS = shelf;
  const runWith = (input, ...arguments_) => execFileSync(binary, arguments_, { encoding: "utf8", env, input });
  const run = (...arguments_) => runWith("", ...arguments_);
  run("tenant", "create", "demo", "--name", "演示公司", "--tenant-language", "zh-CN", "--time-zone", "Asia/Shanghai", ...(testClock ? ["--test-clock"] : []));
  runWith(PASSWORD, "user", "create", "demo", PEOPLE.administrator, "--name", "管理员", "--administrator", "--stdin");
  const apps = ["sales-core", "lead-management"].map((app) => join(workspace, "app-templates", app));
  run("app", "install", "demo", ...apps);
  run("app", "demo", "demo", ...apps, "--records", String(records));
  const admit = (login) => runWith(PASSWORD, "user", "password", "demo", login, "--stdin");
  Object.values(PEOPLE).forEach(admit);
  const port = await freePort();
  const origin = `http://127.0.0.1:${port}`;
  const server = spawn(binary, ["serve", "--listen", `127.0.0.1:${port}`], { stdio: ["ignore", "ignore", "pipe"], env });
  // A check that fails while things are put away leaves nothing running.
  process.on("exit", () => server.kill("SIGKILL"));
  const log = [];
  server.stderr.on("data", (bytes) => log.push(bytes.toString()));
  await answered(`${origin}/healthz`, server, log);
  return {
    origin,
    base: `${origin}/t/demo`,
    run,
    runWith,
    /** Gives a person of the demo data the password of these tests. */
    admit,
    log: () => log.join(""),
    async stop() {
      server.kill("SIGTERM");
      if (server.exitCode === null) await new Promise((resolve) => server.once("exit", resolve));
      rmSync(data, { recursive: true, force: true });
    },
  };
}

/** A program signed in as a person: requests to the REST API with the person's session. */
export async function api(server, login) {
  const answer = await fetch(`${server.base}/api/v1/session`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ login, password: PASSWORD }),
  });
  if (answer.status !== 201) throw new Error(`${login} cannot sign in: ${answer.status} ${await answer.text()}`);
  const cookie = answer.headers.getSetCookie()[0].split(";")[0];
  return async (method, path, body) => {
    const headers = { cookie, ...(body === undefined ? {} : { "content-type": "application/json" }) };
    const reply = await fetch(`${server.base}/api/v1${path}`, { method, headers, body: body && JSON.stringify(body) });
    const text = await reply.text();
    const json = reply.headers.get("content-type")?.includes("json") ? JSON.parse(text) : null;
    return { status: reply.status, text, json };
  };
}

async function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

async function answered(url, server, log) {
  const deadline = Date.now() + 60_000;
  while (Date.now() < deadline) {
    if (server.exitCode !== null) throw new Error(`the server ended with ${server.exitCode}: ${log.join("")}`);
    const ok = await fetch(url).then((answer) => answer.ok, () => false);
    if (ok) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`the server did not answer: ${log.join("")}`);
}

/** Starts the browser of a test file. */
export async function startBrowser() {
  return chromium.launch({
    executablePath: browserPath,
    args: [
      "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
      "--disable-component-update", "--disable-sync",
    ],
  });
}

/** WCAG 2.2, levels A and AA. */
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];

/** Longest time for one step of a test, in milliseconds: that of a machine which does many other things. How quick pages are is measured elsewhere. */
const STEP_MAX = 60_000;

/** Longest time that a page is waited for to come to rest, in milliseconds. */
const REST_MAX = 1_500;

/** Waits until what comes into sight or leaves it has done so: what is half transparent has no contrast. */
async function atRest(page) {
  await page.evaluate((longest) => {
    const ends = document.getAnimations().filter((one) => Number.isFinite(Number(one.effect?.getComputedTiming().endTime)));
    const late = new Promise((resolve) => setTimeout(resolve, longest));
    return Promise.race([Promise.allSettled(ends.map((one) => one.finished)).then(() => undefined), late]);
  }, REST_MAX);
}

/** Of what is said to be too small to be touched: what still is when it lies in the middle of the screen, and not half under a bar. */
async function tooSmall(page, nodes) {
  const small = [];
  for (const node of nodes) {
    const target = node.target.join(" ");
    await page.locator(target).first().evaluate((element) => element.scrollIntoView({ block: "center", behavior: "instant" }));
    const { violations } = await new AxeBuilder({ page }).setLegacyMode(true).include(target).withRules(["target-size"]).analyze();
    if (violations.length > 0) small.push(node);
  }
  return small;
}

/** What keeps people with disabilities out of a page as it is now, one line each. */
export async function barriers(page) {
  await atRest(page);
  // There are no frames; with this, it needs no second page of its own.
  const { violations } = await new AxeBuilder({ page }).setLegacyMode(true).withTags(RULES).analyze();
  for (const violation of violations.filter(({ id }) => id === "target-size")) {
    violation.nodes = await tooSmall(page, violation.nodes);
  }
  return violations.filter(({ nodes }) => nodes.length > 0).map(({ id, nodes }) => `${page.url()}: ${id}: ${nodes.slice(0, 3).map((node) => node.target.join(" ")).join(" ; ")}`);
}

/** Fails where the page is wider than the screen, or where axe finds something that keeps people out. */
export async function flawless(page) {
  assert.ok((await overflow(page)) <= 0, `${page.url()} is wider than the screen`);
  assert.deepEqual(await barriers(page), []);
}

/** Pages that were looked at by this process already, by address without ids, width and brightness. */
const examined = new Set();

/** Looks at a page once: nothing keeps anybody out, and nothing is wider than the screen. */
async function examine(page, findings, again = false) {
  if (!/^https?:/.test(page.url())) return;
  const look = await page.evaluate(() => `${document.contentType} ${innerWidth} ${matchMedia("(prefers-color-scheme: dark)").matches}`).catch(() => "");
  const key = `${page.url().replace(/^[^/]*\/\/[^/]*/, "").replace(/[0-9a-f]{8}-[0-9a-f-]{27}/g, ":id")} ${look}`;
  if (!look.startsWith("text/html") || (examined.has(key) && !again)) return;
  examined.add(key);
  try {
    findings.push(...(await barriers(page)));
    const wider = await overflow(page);
    if (wider > 0) findings.push(`${page.url()}: ${wider} pixels wider than the screen`);
  } catch (error) {
    // The page went on by itself: it is looked at the next time.
    if (!/destroyed|closed|detached|navigat/i.test(error.message)) throw error;
    examined.delete(key);
  }
}

/** Has every page that a test opens looked at when it has come, and as it is when the test ends. */
function examineAll(page) {
  const findings = [];
  for (const way of ["goto", "reload", "waitForURL"]) {
    const original = page[way].bind(page);
    page[way] = async (...rest) => {
      const answer = await original(...rest);
      await examine(page, findings);
      return answer;
    };
  }
  return findings;
}

/**
 * A new page in a context of its own that remembers whatever the console or the network complained about. Each page that is opened in
 * it has to be open to everybody; `unexamined` says why that is not asked of a test.
 */
export async function openPage(browser, { device = DESKTOP, language = "zh-CN", unexamined } = {}) {
  const context = await browser.newContext({ ...device, locale: language, timezoneId: "Asia/Shanghai" });
  const page = await context.newPage();
  page.setDefaultTimeout(STEP_MAX);
  const findings = unexamined ? [] : examineAll(page);
  const complaints = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(`${page.url()}: ${message.text()} ${message.location().url ?? ""}`.trim());
  });
  page.on("pageerror", (error) => {
    // A busy browser leaves out the transition between two pages: nothing is wrong with either.
    if (!/^Transition was (aborted|skipped)/.test(error.message)) complaints.push(`${page.url()}: ${error.message}`);
  });
  page.on("response", (answer) => {
    if (answer.status() >= 500) complaints.push(`${answer.url()}: ${answer.status()}`);
  });
  const close = async () => {
    // As the test leaves it: with what it opened, typed and was told.
    if (!unexamined && !page.isClosed()) await examine(page, findings, true);
    await context.close();
    if (findings.length > 0) throw new Error(`not open to everybody:\n${findings.join("\n")}`);
  };
  return { page, complaints, close };
}

/** Signs a person in through the page, in a language. */
export async function signIn(page, server, login, language = "zh-CN") {
  await page.goto(`${server.base}/sign-in?lang=${language}`);
  await page.locator("#login").fill(login);
  await page.locator("#password").fill(PASSWORD);
  await page.getByRole("button", { name: words(language)("sign_in.submit") }).click();
  await page.waitForURL((url) => !url.pathname.endsWith("/sign-in"));
}

/** Notes from the first moment on what moves after it was shown without anybody having touched it; read by `moved`. */
export async function watchMoves(page) {
  await page.addInitScript(() => {
    window.moved = [];
    const name = ({ node }) => (node?.id ? `#${node.id}` : `${node?.nodeName ?? "?"}.${node?.className ?? ""}`);
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.moved.push({ by: entry.value, what: entry.sources.slice(0, 3).map(name).join(", ") });
    }).observe({ type: "layout-shift", buffered: true });
  });
}

/** How far things moved on a page that is watched (its layout shift), and which. */
export async function moved(page) {
  const all = await page.evaluate(() => window.moved ?? []);
  return { by: all.reduce((sum, one) => sum + one.by, 0), what: all.map((one) => `${one.what} ${one.by.toFixed(3)}`).join(" ; ") };
}

/**
 * Words of the runtime that are in another language than the page, or that are no words but keys. On a Chinese page three Latin words
 * in a row are a sentence; on an English one labels must not be Chinese. What people typed and what is code is left out.
 */
export async function untranslated(page) {
  return page.evaluate(() => {
    const chinese = document.documentElement.lang.startsWith("zh");
    const sentence = /[A-Za-z][a-z]+(?:[ ,]+[A-Za-z][A-Za-z’']*){2,}/;
    const key = /\b(?:ui|error|js)\.[a-z_]+\.[a-z_.]+/;
    const other = "code, pre, kbd, samp, .mono, script, style, template, [data-value], [lang]:not(html)";
    const found = [];
    const look = (text, where) => {
      const match = text.match(key) ?? (chinese ? text.match(sentence) : null);
      if (match) found.push(`${where}: ${text.trim().slice(0, 80)}`);
    };
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      if (node.textContent.trim() && !node.parentElement.closest(other)) look(node.textContent, node.parentElement.nodeName.toLowerCase());
    }
    for (const name of ["title", "aria-label", "placeholder", "alt"]) {
      for (const one of document.querySelectorAll(`[${name}]`)) if (!one.closest(other)) look(one.getAttribute(name), `[${name}]`);
    }
    if (!chinese) {
      for (const one of document.querySelectorAll("thead th, legend, .field-label, button")) {
        if (/\p{Script=Han}/u.test(one.textContent) && !one.closest(other) && !one.querySelector("[lang], .avatar")) found.push(`${one.nodeName.toLowerCase()}: ${one.textContent.trim().slice(0, 80)}`);
      }
    }
    return [...new Set(found)];
  });
}

/** How many pixels the page is wider than the screen. */
export async function overflow(page) {
  return page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
}
