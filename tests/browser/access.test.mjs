// Work without a mouse, and with everything twice as large: each thing that has the focus can be seen and has a name, nothing holds
// it, a record is made by keys alone; at 200 % and on the narrowest screen nothing is cut off.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { DESKTOP, PASSWORD, PEOPLE, openPage, overflow, signIn, startBrowser, startServer, words } from "./harness.mjs";

const LEADS = "/a/lead-management/lead";
/** More stops than a page has; a walk that goes on longer goes in circles. */
const STOPS_MAX = 400;
/** 1280 pixels at 200 %. */
const DOUBLE = { viewport: { width: 640, height: 450 }, deviceScaleFactor: 2 };
/** 1280 pixels at 400 %, as WCAG asks for text that flows. */
const NARROWEST = { viewport: { width: 320, height: 256 }, deviceScaleFactor: 4 };

let server, browser;

before(async () => {
  server = await startServer();
  browser = await startBrowser();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

/** What has the focus: its name as far as the page says it, whether it can be seen, and whether one sees that it has the focus. */
function focused(page) {
  return page.evaluate(() => {
    const one = document.activeElement;
    if (!one || one === document.body) return null;
    window.stops ??= new Map();
    if (!window.stops.has(one)) window.stops.set(one, window.stops.size);
    const label = () => {
      const ids = (one.getAttribute("aria-labelledby") ?? "").split(" ").filter(Boolean);
      const named = ids.map((id) => document.getElementById(id)?.textContent ?? "").join(" ");
      const labels = [...(one.labels ?? [])].map((each) => each.textContent).join(" ");
      return one.getAttribute("aria-label") || named || labels || one.textContent || one.title || one.getAttribute("placeholder") || "";
    };
    const box = one.getBoundingClientRect();
    const style = getComputedStyle(one);
    const shown = (each) => {
      const seen = getComputedStyle(each);
      return (seen.outlineStyle !== "none" && parseFloat(seen.outlineWidth) > 0) || seen.boxShadow !== "none";
    };
    // Switches and pills are drawn by what stands beside or around a hidden input.
    const around = [one, one.parentElement, one.nextElementSibling, one.closest("label"), one.closest("[data-field]")].filter(Boolean);
    const middle = [box.left + Math.min(box.width, 40) / 2, box.top + box.height / 2];
    const top = document.elementFromPoint(...middle);
    const small = box.width < 4 || box.height < 4;
    return {
      stop: window.stops.get(one),
      what: `${one.nodeName.toLowerCase()}${one.id ? `#${one.id}` : ""}.${one.className}`.slice(0, 80),
      name: label().trim(),
      hidden: style.visibility === "hidden",
      onScreen: small || (box.bottom > 0 && box.right > 0 && box.top < innerHeight && box.left < innerWidth),
      covered: !small && !!top && top !== one && !one.contains(top) && !top.contains(one) && !one.closest("label")?.contains(top),
      ring: around.some(shown),
    };
  });
}

/** Walks through a page by the tab key, from its top until it comes round; what was wrong on the way. */
async function walk(page) {
  const wrong = [];
  const names = [];
  await page.evaluate(() => {
    window.stops = new Map();
    document.activeElement?.blur();
    getSelection()?.removeAllRanges();
    scrollTo(0, 0);
  });
  for (let steps = 0; steps < STOPS_MAX; steps += 1) {
    await page.keyboard.press("Tab");
    let at = await focused(page);
    for (let tries = 0; at && (!at.onScreen || at.covered) && tries < 10; tries += 1) {
      // What is scrolled to in a moment is on its way.
      await page.waitForTimeout(50);
      at = await focused(page);
    }
    if (!at) {
      // Out of the page, into the browser: it has an end.
      if (names.length > 0) return { wrong, names };
      continue;
    }
    if (at.stop < names.length) return { wrong, names };
    names.push(at.name);
    if (!at.name) wrong.push(`${at.what} has no name`);
    if (at.hidden || !at.onScreen) wrong.push(`${at.what} (${at.name.slice(0, 30)}) has the focus and is not on the screen`);
    if (at.covered) wrong.push(`${at.what} (${at.name.slice(0, 30)}) is covered by something else`);
    if (!at.ring) wrong.push(`${at.what} (${at.name.slice(0, 30)}) does not show that it has the focus`);
  }
  wrong.push(`the focus does not come round within ${STOPS_MAX} stops`);
  return { wrong, names };
}

const PAGES = ["/", LEADS, `${LEADS}?view=lead_board`, `${LEADS}?view=next_steps`, `${LEADS}/new`, "/inbox", "/profile"];

for (const colorScheme of ["light", "dark"]) {
  test(`everything on a page is reached, seen and named by keys alone (${colorScheme})`, { timeout: 300_000 }, async () => {
    const { page, complaints, close } = await openPage(browser, { device: { ...DESKTOP, colorScheme } });
    await signIn(page, server, PEOPLE.representative);
    const wrong = [];
    for (const address of PAGES) {
      await page.goto(`${server.base}${address}`);
      // Cards come by themselves; whoever walks on meanwhile finds their place again, but not in this test.
      await page.waitForFunction(() => document.querySelectorAll(".dash-wait").length === 0);
      await page.waitForTimeout(500);
      const walked = await walk(page);
      assert.ok(walked.names.length > 5, `${address}: only ${walked.names.length} stops`);
      wrong.push(...walked.wrong.map((each) => `${address}: ${each}`));
    }
    assert.deepEqual(wrong, []);
    assert.deepEqual(complaints, []);
    await close();
  });
}

test("somebody without a mouse signs in, makes a record, changes it and finds it again", async () => {
  const t = words("zh-CN");
  const { page, complaints, close } = await openPage(browser);
  const focusIs = (locator) => locator.and(page.locator(":focus")).waitFor();
  await page.goto(`${server.base}/sign-in?lang=zh-CN`);
  await page.locator("#login").focus();
  await page.keyboard.type(PEOPLE.representative);
  await page.keyboard.press("Tab");
  await page.keyboard.type(PASSWORD);
  await page.keyboard.press("Enter");
  await page.waitForURL((url) => !url.pathname.endsWith("/sign-in"));

  // Past the menu, to what the page is about.
  await page.keyboard.press("Tab");
  await focusIs(page.locator(".skip-link"));
  await page.keyboard.press("Enter");
  await focusIs(page.locator("#main"));

  await page.goto(`${server.base}${LEADS}/new`);
  await page.locator("#f-name").focus();
  await page.keyboard.type("何晓键");
  for (const [field, text] of [["#f-phone", "13912348765"], ["#f-company", "常州武进键盘机械有限公司"], ["#f-need", "想了解设备维护的服务内容"]]) {
    for (let steps = 0; steps < 30; steps += 1) {
      await page.keyboard.press("Tab");
      if (await page.locator(field).evaluate((one) => one === document.activeElement)) break;
    }
    await focusIs(page.locator(field));
    await page.keyboard.type(text);
  }
  // The shortcut of the form, as the overlay of shortcuts says.
  await page.keyboard.press("Control+Enter");
  await page.waitForURL(/\/lead\/[0-9a-f-]{36}$/);
  await page.getByRole("heading", { level: 1, name: "何晓键" }).waitFor();

  await page.keyboard.press("Control+k");
  const input = page.getByRole("combobox", { name: t("palette.placeholder") });
  await focusIs(input);
  await page.keyboard.type("键盘机械");
  await page.locator("#palette").getByRole("option").filter({ hasText: "何晓键" }).waitFor();
  await page.keyboard.press("Escape");
  await input.waitFor({ state: "hidden" });
  assert.deepEqual(complaints, []);
  await close();
});

for (const [name, device] of [["200 %", DOUBLE], ["400 %", NARROWEST]]) {
  test(`nothing is cut off or out of reach at ${name}`, { timeout: 300_000 }, async () => {
    const { page, complaints, close } = await openPage(browser, { device });
    await signIn(page, server, PEOPLE.representative);
    const wrong = [];
    for (const address of PAGES) {
      await page.goto(`${server.base}${address}`);
      const wider = await overflow(page);
      if (wider > 0) wrong.push(`${address}: ${wider} pixels to the side`);
      const clipped = await page.evaluate(() => {
        const named = "button, a.btn, label, h1, h2, .field-label";
        const cut = (one) => {
          const box = one.getBoundingClientRect();
          const style = getComputedStyle(one);
          if (box.width === 0 || style.visibility === "hidden" || one.closest(".sr-only, [hidden], .plain-table-scroll, .table-wrap, m-board, .hscroll")) return false;
          const ends = style.textOverflow === "ellipsis" || one.querySelector(".clip");
          return !ends && style.overflowX !== "visible" && one.scrollWidth > one.clientWidth + 1;
        };
        return [...document.querySelectorAll(named)].filter(cut).map((one) => one.textContent.trim().slice(0, 40));
      });
      wrong.push(...clipped.map((words) => `${address}: cut off: ${words}`));
    }
    assert.deepEqual(wrong, []);
    assert.deepEqual(complaints, []);
    await close();
  });
}
