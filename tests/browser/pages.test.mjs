// Every page that somebody can reach, in both languages: nothing complains in the console, nothing is wider than a phone, nothing
// moves after it was shown, no word is of another language, and axe finds nothing that keeps people with disabilities out.

import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { DESKTOP, PEOPLE, PHONE, api, barriers, moved, openPage, overflow, signIn, startBrowser, startServer, untranslated, watchMoves, workspace } from "./harness.mjs";

/** More pages than the product has; a crawl that finds more walks in circles. */
const PAGES_MAX = 250;
/** Below this nobody notices that something moved; a tenth is what is called good elsewhere. */
const MOVED_MAX = 0.05;

let server, browser;
/** What people typed in words of Latin letters: names of companies, posts, remarks. */
let typed = [];

before(async () => {
  server = await startServer();
  browser = await startBrowser();
  const admin = await api(server, PEOPLE.administrator);
  for (const app of ["sales-core", "lead-management"]) {
    for (const file of readdirSync(join(workspace, "app-templates", app, "entities"))) {
      const { json } = await admin("GET", `/records/${app}.${file.replace(".json", "")}?limit=500`);
      const words = (json?.rows ?? []).flatMap((row) => Object.values(row)).filter((value) => typeof value === "string" && /[A-Za-z][ ,.]+[A-Za-z]/.test(value));
      typed.push(...new Set(words));
    }
  }
  typed = [...new Set(typed)];
  assert.ok(typed.length > 5, `only ${typed.length} texts of records`);
});
/** Whether a text is one that somebody typed, or is made of one. */
const isTyped = (found) => {
  const text = found.slice(found.indexOf(": ") + 2);
  // Found texts are cut where they are long.
  return typed.some((known) => text.includes(known) || known.startsWith(text));
};
after(async () => {
  await browser?.close();
  await server?.stop();
});

/** Pages that differ in their ids only are the same page. */
function pattern(url) {
  const path = url.pathname.replace(/[0-9a-f]{8}-[0-9a-f-]{27}/g, ":id");
  const query = [...url.searchParams.keys()].filter((key) => key !== "cursor").sort().join("&");
  // A list is the same page whatever it filters by; boards, maps and the like are pages of their own.
  const [view = ""] = (url.searchParams.get("view") ?? "").match(/board|map|next_steps|timeline|gallery|photos/) ?? [];
  return /\/a\/[^/]+\/[^/]+$/.test(path) ? `${path} ${view}` : `${path}?${query}`;
}

function belongs(url) {
  const path = url.href.startsWith(server.base) ? url.pathname.slice("/t/demo".length) : null;
  return path !== null && !/^\/(api|assets|files|sign-out)\b/.test(path) && !/export|\/download/.test(path);
}

async function crawl(page, only, visit) {
  const queue = [`${server.base}/`];
  const seen = new Set([pattern(new URL(queue[0]))]);
  while (queue.length > 0) {
    const address = queue.shift();
    const answer = await page.goto(address);
    assert.ok(answer.status() < 400, `${address}: ${answer.status()}`);
    await visit(address);
    const links = await page.locator("a[href]:not([download])").evaluateAll((all) => all.map((one) => one.href));
    for (const link of links) {
      const url = new URL(link);
      url.hash = "";
      if (belongs(url) && only.test(url.pathname) && !seen.has(pattern(url))) {
        seen.add(pattern(url));
        queue.push(url.href);
      }
    }
    assert.ok(seen.size <= PAGES_MAX, `more than ${PAGES_MAX} pages: ${[...seen].slice(-10).join(" ")}`);
  }
  return seen.size;
}

const ALL = /./;
/** One entity stands for all where only the colours differ. */
const ONE_OF_EACH = /\/(lead|admin|profile)\b/;

const LOOKS = [
  { name: "a phone in Chinese", language: "zh-CN", device: PHONE, person: PEOPLE.administrator, only: ALL, least: 60 },
  { name: "a desktop in English", language: "en", device: DESKTOP, person: PEOPLE.administrator, only: ALL, least: 60 },
  { name: "a dark phone in English", language: "en", device: { ...PHONE, colorScheme: "dark" }, person: PEOPLE.administrator, only: ONE_OF_EACH, least: 12 },
  { name: "a representative's phone in Chinese", language: "zh-CN", device: PHONE, person: PEOPLE.representative, only: ALL, least: 15 },
  { name: "a director's desktop in Chinese, in the dark", language: "zh-CN", device: { ...DESKTOP, colorScheme: "dark" }, person: PEOPLE.director, only: ALL, least: 20 },
];

for (const { name, language, device, person, only, least } of LOOKS) {
  test(`every page works on ${name}`, { timeout: 900_000 }, async () => {
    const { page, complaints, close } = await openPage(browser, { device, language, unexamined: "each page is examined here" });
    await watchMoves(page);
    const findings = [];
    const examine = async (address) => {
      const wider = await overflow(page);
      if (wider > 0) findings.push(`${address}: ${wider} pixels wider than the screen`);
      if ((await page.locator("html").getAttribute("lang")) !== language) findings.push(`${address}: not in ${language}`);
      findings.push(...(await barriers(page)));
      findings.push(...(await untranslated(page)).filter((words) => !isTyped(words)).map((words) => `${address}: not translated: ${words}`));
      // By now, whatever comes later has come.
      const shift = await moved(page);
      if (shift.by > MOVED_MAX) findings.push(`${address}: things move by ${shift.by.toFixed(3)}: ${shift.what}`);
    };
    await page.goto(`${server.base}/sign-in?lang=${language}`);
    await examine("sign-in");
    await signIn(page, server, person, language);
    const pages = await crawl(page, only, examine);
    assert.ok(pages >= least, `only ${pages} pages were found`);
    assert.deepEqual([...findings, ...complaints], []);
    await close();
  });
}
