// What every browser test shares: the real binary on a temporary folder with demo content, a Chromium, signed-in pages.
// Nothing is mocked; what a test needs is made through the command line, as an operator would.

import { spawn, execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

export const workspace = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
const binary = process.env.MORTISE_BIN ?? join(workspace, "target", "debug", "mortise");
const browserPath = process.env.MORTISE_CHROMIUM ?? "/usr/bin/chromium";

/** A phone as it is held: 390 px wide, with touch. */
export const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };
/** An ordinary screen. */
export const DESKTOP = { viewport: { width: 1280, height: 900 } };

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
  const log = [];
  server.stderr.on("data", (bytes) => log.push(bytes.toString()));
  await answered(`${origin}/healthz`, server, log);
  return {
    origin,
    base: `${origin}/t/demo`,
    run,
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

/** A new page in a context of its own that remembers whatever the console or the network complained about. */
export async function openPage(browser, { device = DESKTOP, language = "zh-CN" } = {}) {
  const context = await browser.newContext({ ...device, locale: language, timezoneId: "Asia/Shanghai" });
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  const complaints = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(`${page.url()}: ${message.text()}`);
  });
  page.on("pageerror", (error) => complaints.push(`${page.url()}: ${error.message}`));
  page.on("response", (answer) => {
    if (answer.status() >= 500) complaints.push(`${answer.url()}: ${answer.status()}`);
  });
  return { page, complaints, close: () => context.close() };
}

/** Signs a person in through the page, in a language. */
export async function signIn(page, server, login, language = "zh-CN") {
  await page.goto(`${server.base}/sign-in?lang=${language}`);
  await page.locator("#login").fill(login);
  await page.locator("#password").fill(PASSWORD);
  await page.getByRole("button", { name: words(language)("sign_in.submit") }).click();
  await page.waitForURL((url) => !url.pathname.endsWith("/sign-in"));
}

/** How many pixels the page is wider than the screen. */
export async function overflow(page) {
  return page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
}
