// The administrator brings the team's old list into the system with the import pages, and corrects nothing twice.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { PEOPLE, api, openPage, signIn, startBrowser, startServer, words, workspace } from "./harness.mjs";

const t = words("zh-CN");
const LEADS = "/records/lead-management.lead";
const ROWS = 300;
/** Faults of the file as tests/data/README.md lists them: rows that cannot become leads. */
const faults = readFileSync(join(workspace, "tests/data/README.md"), "utf8").matchAll(/^\| (\d+) \| \S+ \| (.+) \|$/gm);
const FAULTY = [...faults].map(([, row, fault]) => ({ row: Number(row), fault }));

let server, browser;

before(async () => {
  server = await startServer();
  browser = await startBrowser();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

async function importFile(page, file) {
  await page.goto(`${server.base}/a/lead-management/lead/import`);
  await page.locator("#import-file").setInputFiles(join(workspace, "tests/data", file));
  await page.getByRole("button", { name: t("import.next") }).click();
  await page.locator("table.mapping").waitFor();
  const unmapped = await page.locator("table.mapping select").evaluateAll((all) => all.filter((one) => !one.value).length);
  assert.equal(unmapped, 0, "every column of the file is guessed");
  await page.getByRole("button", { name: t("import.preview") }).click();
  await page.locator("button[data-main]").click();
  await page.getByRole("link", { name: t("import.to_list", { label: "线索" }) }).waitFor({ timeout: 240_000 });
}

test("the old list of leads is imported by the pages, and each faulty row is named with its fault", async () => {
  const director = await api(server, PEOPLE.director);
  const count = async () => {
    const page = await director("GET", `${LEADS}?limit=1&total=true`);
    return page.json.total.count ?? page.json.total;
  };
  const before = await count();
  const { page, complaints, close } = await openPage(browser);
  await signIn(page, server, PEOPLE.administrator);
  await importFile(page, "leads.csv");

  assert.equal(FAULTY.length, 30);
  const added = (await count()) - before;
  assert.equal(added, ROWS - FAULTY.length, `${await page.locator("#progress").innerText()}`);
  const reported = await page.locator("#progress tbody tr td:first-child").allInnerTexts();
  for (const { row, fault } of FAULTY) assert.ok(reported.includes(String(row)), `row ${row} (${fault}) is reported`);

  const found = await director("GET", `${LEADS}?q=${encodeURIComponent("博峰数控")}`);
  assert.ok(found.json.rows.some((lead) => lead.phone === "+8618772995651"), found.text);
  assert.deepEqual(complaints, []);
  await close();
});
