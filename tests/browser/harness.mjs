// What every browser test shares: the real binary on a temporary folder with demo content, a Chromium, signed-in pages.
// Nothing is mocked; what a test needs is made through the command line, as an operator would.

import { spawn, execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
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

const PASSWORD = "Mortise-demo-2026";

/** The people of the tests: two representatives of different departments, and who stands above them. */
export const PEOPLE = {
  wang: { login: "wang.fang", name: "王芳", department: "east", language: "zh-CN", roles: ["representative"], supervisor: "li.qiang" },
  zhao: { login: "zhao.lei", name: "赵磊", department: "north", language: "zh-CN", roles: ["representative"], supervisor: "chen.jing" },
  li: { login: "li.qiang", name: "李强", department: "east", language: "zh-CN", roles: ["supervisor"] },
  emma: { login: "emma.clark", name: "Emma Clark", department: "company", language: "en", roles: ["director"], administrator: true },
};

/** Starts a server over a fresh tenant with both apps, the people and some demo records. */
export async function startServer({ leads = 200 } = {}) {
  const data = mkdtempSync(join(tmpdir(), "mortise-browser-"));
  const run = (...words) => execFileSync(binary, ["--data", data, ...words], { encoding: "utf8" });
  fill(run, leads);
  const port = await freePort();
  const origin = `http://127.0.0.1:${port}`;
  const server = spawn(binary, ["serve", "--data", data, "--listen", `127.0.0.1:${port}`], { stdio: ["ignore", "ignore", "pipe"] });
  const log = [];
  server.stderr.on("data", (bytes) => log.push(bytes.toString()));
  await answered(`${origin}/healthz`, server, log);
  return {
    origin: `${origin}/t/demo`,
    run,
    log: () => log.join(""),
    async stop() {
      server.kill("SIGTERM");
      await new Promise((resolve) => (server.exitCode === null ? server.once("exit", resolve) : resolve()));
      rmSync(data, { recursive: true, force: true });
    },
  };
}

function fill(run, leads) {
  run("tenant", "create", "demo", "--name", "演示公司");
  for (const app of ["sales-core", "lead-management"]) {
    run("app", "install", join(workspace, "app-templates", app), "--tenant", "demo");
  }
  run("department", "create", "company", "--name", "公司", "--tenant", "demo");
  run("department", "create", "east", "--name", "华东销售部", "--parent", "company", "--tenant", "demo");
  run("department", "create", "north", "--name", "华北销售部", "--parent", "company", "--tenant", "demo");
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
