// Pictures of the main pages for people to look at: `cargo xtask shots` writes them into target/shots.

import { join } from "node:path";
import { DESKTOP, PEOPLE, PHONE, openPage, signIn, startBrowser, startServer } from "./harness.mjs";

const folder = process.argv[2];
const LOOKS = [
  { name: "phone-zh", language: "zh-CN", device: PHONE, person: PEOPLE.representative },
  { name: "desktop-zh", language: "zh-CN", device: DESKTOP, person: PEOPLE.director },
  { name: "desktop-en", language: "en", device: DESKTOP, person: PEOPLE.english },
  { name: "desktop-en-dark", language: "en", device: { ...DESKTOP, colorScheme: "dark" }, person: PEOPLE.english },
  { name: "phone-en-dark", language: "en", device: { ...PHONE, colorScheme: "dark" }, person: PEOPLE.english },
];
const LEADS = "/a/lead-management/lead";
const ADMINISTRATION = ["/admin/users", "/admin/departments", "/admin/roles", "/admin/apps"];

const server = await startServer();
const browser = await startBrowser();
try {
  for (const look of LOOKS) await takeAll(look);
} finally {
  await browser.close();
  await server.stop();
}

async function takeAll({ name, language, device, person }) {
  const { page, close } = await openPage(browser, { device, language });
  const take = async (place, address) => {
    await page.goto(`${server.base}${address}`);
    await page.waitForLoadState("networkidle");
    await page.screenshot({ path: join(folder, `${name}-${place}.png`), fullPage: true });
  };
  await take("sign-in", `/sign-in?lang=${language}`);
  await signIn(page, server, person, language);
  await take("home", "/");
  await take("list", `${LEADS}?view=open_leads`);
  const record = await page.locator("a.row-link").first().getAttribute("href");
  await take("new", `${LEADS}/new`);
  if (record) {
    const path = new URL(record, server.base).pathname.replace("/t/demo", "");
    await take("record", path);
    await take("edit", `${path}/edit`);
  }
  await take("nothing-found", `${LEADS}?q=zzzzzz`);
  await take("profile", "/profile");
  await page.context().clearCookies();
  await signIn(page, server, PEOPLE.administrator, language);
  for (const address of ADMINISTRATION) await take(address.slice(1).replaceAll("/", "-"), address);
  await close();
}
