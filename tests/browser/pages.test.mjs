// Every page that an administrator can reach, in both languages: nothing complains in the console, nothing is wider
// than a phone, and axe finds nothing that keeps people with disabilities out.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { AxeBuilder } from "@axe-core/playwright";
import { DESKTOP, PEOPLE, PHONE, openPage, overflow, signIn, startBrowser, startServer } from "./harness.mjs";

/** More pages than the product has; a crawl that finds more walks in circles. */
const PAGES_MAX = 250;

let server, browser;

before(async () => {
  server = await startServer();
  browser = await startBrowser();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

/** Pages that differ in their ids only are the same page. */
function pattern(url) {
  const path = url.pathname.replace(/[0-9a-f]{8}-[0-9a-f-]{27}/g, ":id");
  const query = [...url.searchParams.keys()].filter((key) => key !== "cursor").sort().join("&");
  // A list is the same page whatever it filters by.
  return /\/a\/[^/]+\/[^/]+$/.test(path) ? path : `${path}?${query}`;
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

async function accessible(page) {
  const result = await new AxeBuilder({ page }).withTags(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]).analyze();
  return result.violations.map((violation) => {
    const places = violation.nodes.slice(0, 3).map((node) => node.target.join(" ")).join(" ; ");
    return `${page.url()}: ${violation.id}: ${places}`;
  });
}

const ALL = /./;
/** One entity stands for all where only the colours differ. */
const ONE_OF_EACH = /\/(lead|admin|profile)\b/;

const LOOKS = [
  { name: "a phone in Chinese", language: "zh-CN", device: PHONE, only: ALL, least: 60 },
  { name: "a desktop in English", language: "en", device: DESKTOP, only: ALL, least: 60 },
  { name: "a dark phone in English", language: "en", device: { ...PHONE, colorScheme: "dark" }, only: ONE_OF_EACH, least: 12 },
];

for (const { name, language, device, only, least } of LOOKS) {
  test(`every page works on ${name}`, { timeout: 600_000 }, async () => {
    const { page, complaints, close } = await openPage(browser, { device, language });
    const findings = [];
    await page.goto(`${server.base}/sign-in?lang=${language}`);
    findings.push(...(await accessible(page)));
    await signIn(page, server, PEOPLE.administrator, language);
    const pages = await crawl(page, only, async (address) => {
      const wider = await overflow(page);
      if (wider > 0) findings.push(`${address}: ${wider} pixels wider than the screen`);
      if ((await page.locator("html").getAttribute("lang")) !== language) findings.push(`${address}: not in ${language}`);
      findings.push(...(await accessible(page)));
    });
    assert.ok(pages >= least, `only ${pages} pages were found`);
    assert.deepEqual([...findings, ...complaints], []);
    await close();
  });
}
