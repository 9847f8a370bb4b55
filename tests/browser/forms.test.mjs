// Forms as people meet them: in tabs and in steps, with conditions that follow at once and without network, child rows like a
// spreadsheet, photos with their mark, pasted messages taken apart, signatures with what was signed. On a screen and on a phone.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { PEOPLE, PHONE, api, openPage, overflow, signIn, startBrowser, startServer, words, workspace } from "./harness.mjs";

const t = words("en");
const zh = words("zh-CN");
const GUESTS = "/a/forms/guest";
const RECORD = /guest\/[0-9a-f-]{36}$/;

let server, browser, folder, page, complaints, close, call;

before(async () => {
  server = await startServer();
  server.run("app", "install", "demo", join(workspace, "tests/data/forms"));
  browser = await startBrowser();
  folder = mkdtempSync(join(tmpdir(), "mortise-forms-"));
  ({ page, complaints, close } = await openPage(browser, { language: "en" }));
  await signIn(page, server, PEOPLE.administrator, "en");
  call = await api(server, PEOPLE.administrator);
  const made = await call("POST", "/records/forms.house", { name: "上海明德医疗器械有限公司" });
  assert.equal(made.status, 201, made.text);
});
after(async () => {
  await close?.();
  await browser?.close();
  await server?.stop();
  if (folder) rmSync(folder, { recursive: true, force: true });
});

const goTo = (form, on = page) => on.goto(`${server.base}${GUESTS}/new?_form=forms.${form}`);
/** A form without what an earlier test had typed into it. */
async function open(form, on = page) {
  await on.goto(`${server.base}/profile`);
  await on.evaluate(() => Object.keys(localStorage).filter((key) => key.startsWith("mortise.draft.")).forEach((key) => localStorage.removeItem(key)));
  await goTo(form, on);
}
const field = (name, on = page) => on.locator(`[data-field=${name}]`);
const shown = (name) => field(name).isVisible();
const value = (name) => page.locator(`#f-${name}`).inputValue();
const save = (on = page) => on.getByRole("button", { name: on === page ? t("form.save") : zh("form.save"), exact: true }).click();

/** Waits until the engine of expressions is there and has answered what is typed. */
const ready = () => page.waitForFunction(() => document.querySelector("m-form")?.classList.contains("follows"));

test("tabs are gone through with arrows, and what is wrong in one of them leads there", async () => {
  await open("tabs");
  const tabs = page.getByRole("tab");
  const part = (name) => page.getByRole("tabpanel", { name });
  assert.deepEqual((await tabs.allInnerTexts()).map((text) => text.trim()), ["Who", "Money", "Evidence"]);
  assert.equal(await part("Who").isVisible(), true);
  await tabs.first().focus();
  await page.keyboard.press("ArrowRight");
  await part("Money").getByText("For the night.").waitFor();
  await page.keyboard.press("End");
  assert.equal(await page.evaluate(() => document.activeElement.innerText.trim()), "Evidence");
  await page.keyboard.press("ArrowRight");
  assert.equal(await tabs.first().getAttribute("aria-selected"), "true");

  // A condition opens a part, and takes it away again.
  await field("kind").locator(".pill", { hasText: "Stay" }).click();
  await page.getByRole("tab", { name: "Stay" }).waitFor();
  await field("kind").locator(".pill", { hasText: "Call" }).click();
  await page.getByRole("tab", { name: "Stay" }).waitFor({ state: "hidden" });

  await page.getByRole("tab", { name: "Money" }).click();
  await page.locator("#f-price").fill("many");
  await page.getByRole("tab", { name: "Evidence" }).click();
  await save();
  await page.locator(".form-summary[role=alert]").waitFor();
  // The first part with a mistake stands in front; the others say how many they have.
  assert.equal(await part("Who").isVisible(), true);
  assert.match(await page.getByRole("tab", { name: "Money" }).innerText(), /1/);
  await page.locator(".form-summary").getByRole("link", { name: "Price" }).click();
  assert.equal(await part("Money").isVisible(), true);
  assert.equal(await page.evaluate(() => document.activeElement.id), "f-price");
  assert.equal(await value("price"), "many");
});

test("steps follow each other, each checked before the next, and Enter goes on", async () => {
  await open("steps");
  const where = (number, count) => page.getByText(t("form.step_of", { number, count })).waitFor();
  const next = page.getByRole("button", { name: t("form.next") });
  await where(1, 3);
  assert.equal(await page.getByRole("button", { name: t("form.save"), exact: true }).isVisible(), false);
  await next.click();
  await field("name").getByText(t("js.required")).waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.id), "f-name");
  await page.locator("#f-name").fill("Step by step");
  await page.keyboard.press("Enter");
  await field("phone").locator(".field-error").waitFor();
  await page.locator("#f-phone").fill("138");
  await next.click();
  await field("phone").getByText("138").waitFor();
  await page.locator("#f-phone").fill("13800138000");
  await next.click();
  await where(2, 3);
  assert.equal(await page.locator("#f-count").isVisible(), true);
  assert.equal(await page.getByRole("button", { name: "End" }).isDisabled(), true);
  await field("kind").locator(".pill", { hasText: "Stay" }).click();
  await where(2, 4);
  await next.click();
  await where(3, 4);
  const large = await page.locator("#f-note").evaluate((box) => parseFloat(getComputedStyle(box).fontSize));
  assert.ok(large >= 20, `${large}`);
  await page.getByRole("button", { name: t("form.back") }).click();
  await where(2, 4);
  await page.getByRole("button", { name: "Stay" }).click();
  await next.click();
  await where(4, 4);
  await page.locator("#f-mail").fill("step@example.com");
  await page.keyboard.press("Enter");
  await page.waitForURL(RECORD);
});

test("without script all parts stand below each other and can be sent", async () => {
  const context = await browser.newContext({ javaScriptEnabled: false, storageState: await page.context().storageState() });
  const plain = await context.newPage();
  await plain.goto(`${server.base}${GUESTS}/new?_form=forms.steps`);
  for (const name of ["name", "count", "mail"]) assert.equal(await plain.locator(`#f-${name}`).isVisible(), true, name);
  assert.equal(await plain.getByRole("button", { name: t("form.next") }).isVisible(), false);
  await plain.locator("#f-name").fill("No script");
  await plain.locator("#f-phone").fill("13800138001");
  await plain.getByRole("button", { name: t("form.save"), exact: true }).click();
  await plain.waitForURL(RECORD);
  await context.close();
});

test("conditions and calculations follow at once, also without network", async () => {
  await open("page");
  await ready();
  await page.context().setOffline(true);
  await page.locator("#f-count").fill("3");
  await page.locator("#f-price").fill("333.34");
  await page.locator("[data-computed]").getByText("1,000.02").waitFor();
  assert.equal(await shown("reason"), true);
  assert.match(await field("reason").getAttribute("class"), /is-required/);
  await page.locator("#f-price").fill("333.33");
  await page.locator("[data-computed]").getByText("999.99").waitFor();
  assert.equal(await shown("reason"), false);

  assert.equal(await shown("warm"), false);
  await page.locator("#f-day").fill("2026-12-24");
  await field("warm").waitFor();
  await page.locator("#f-day").fill("2026-06-24");
  await field("warm").waitFor({ state: "hidden" });

  await page.locator("#f-price").fill("5001");
  await page.locator("#f-count").focus();
  await field("price").getByText("At most 5,000 a night.").waitFor();
  await page.locator("#f-price").fill("5000");
  await field("price").locator(".field-error").waitFor({ state: "detached" });

  await field("kind").locator(".pill", { hasText: "Stay" }).click();
  await field("note").waitFor();
  await page.context().setOffline(false);
  // What only the server can read is asked for as before.
  await page.locator("#f-count").fill("2");
  await page.locator("#f-price").fill("￥1.2千");
  await page.locator("[data-computed]").getByText("2,400.00").waitFor();
  complaints.splice(0);
});

const cell = (row, column) => page.locator(`#f-items-${row}-${column}`);
const focused = () => page.evaluate(() => document.activeElement.id);

test("rows are filled in like a spreadsheet", async () => {
  await open("page");
  const rows = page.locator("m-lines tbody tr");
  assert.equal(await rows.count(), 1, "an empty row is offered");
  await cell(0, "label").fill("Bed");
  assert.equal(await rows.count(), 2, "beginning a row offers the next");
  await page.keyboard.press("ArrowRight");
  assert.equal(await focused(), "f-items-0-pieces");
  await page.keyboard.type("2");
  await page.keyboard.press("Enter");
  assert.equal(await focused(), "f-items-1-pieces");
  await page.keyboard.press("ArrowUp");
  assert.equal(await focused(), "f-items-0-pieces");
  await page.keyboard.press("Tab");
  await page.keyboard.type("12.5");
  const total = page.locator("m-lines tfoot output");
  assert.equal(await total.innerText(), "12.50");
  await ready();
  assert.equal(await cell(0, "worth").innerText(), "25.00", "rows calculate while they are filled in");

  // A block from a spreadsheet, with a day, a choice, a quoted cell of two lines, and something that fits nowhere.
  await cell(1, "label").focus();
  const block = 'Chair\t4\t1,200.50\t2026/3/1\tHired\n"Table\nround"\t1\t99\tsoon\t自带\nLamp\t\t7\t\t';
  await page.evaluate((text) => {
    const data = new DataTransfer();
    data.setData("text/plain", text);
    document.activeElement.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
  }, block);
  await page.getByText(t("js.rows_pasted_partly", { count: 3, left: 2 })).waitFor();
  assert.deepEqual(await Promise.all(["label", "pieces", "amount", "day", "kind"].map((name) => cell(1, name).inputValue())), ["Chair", "4", "1,200.50", "2026-03-01", "hired"]);
  assert.equal(await cell(2, "label").inputValue(), "Table round");
  assert.equal(await total.innerText(), "1,319.00");

  await cell(1, "label").focus();
  await page.keyboard.press("Control+Delete");
  assert.equal(await total.innerText(), "118.50");
  await page.getByRole("button", { name: t("js.undo") }).click();
  assert.equal(await total.innerText(), "1,319.00");
  assert.deepEqual(await page.locator("m-lines tbody tr input[id$=label]").evaluateAll((all) => all.map((one) => one.value)), ["Bed", "Chair", "Table round", "Lamp", ""]);

  await page.locator("#f-name").fill("With rows");
  await save();
  await page.waitForURL(RECORD);
  const told = await page.locator(".record-main").innerText();
  for (const text of ["Bed", "Chair", "Table round", "Lamp", "¥1,319.00"]) assert.ok(told.includes(text), `${text} is missing in ${told}`);
});

test("a draft keeps rows, and a form that nobody touched has none", async () => {
  await open("page");
  await cell(0, "label").fill("Kept");
  await cell(1, "label").fill("Also kept");
  await page.goto(`${server.base}/`);
  await goTo("page");
  await page.getByText(t("js.draft_drop")).waitFor();
  assert.deepEqual([await cell(0, "label").inputValue(), await cell(1, "label").inputValue()], ["Kept", "Also kept"]);
  await page.getByRole("button", { name: t("js.draft_drop") }).click();
  await page.getByText(t("js.draft_drop")).waitFor({ state: "detached" });
  await page.goto(`${server.base}/`);
  await goTo("page");
  await page.locator("#f-name").waitFor();
  assert.equal(await page.getByText(t("js.draft_drop")).count(), 0);
});

/** A picture with something in it, as a file; `shift` makes another one. */
async function picture(name, shift, quality = 0.92, width = 900) {
  const data = await page.evaluate(
    ([shift, quality, width]) => {
      const canvas = document.createElement("canvas");
      [canvas.width, canvas.height] = [width, (width * 2) / 3];
      const pen = canvas.getContext("2d");
      for (let x = 0; x < 12; x++)
        for (let y = 0; y < 8; y++) {
          const light = Math.round((Math.sin(x * (1 + shift)) + Math.cos(y * (0.7 + shift * 2) + x) + 2) * 60);
          pen.fillStyle = `rgb(${light},${255 - light},${(light * 2) % 255})`;
          pen.fillRect((x * width) / 12, (y * width) / 12, width / 12 + 1, width / 12 + 1);
        }
      return canvas.toDataURL("image/jpeg", quality);
    },
    [shift, quality, width],
  );
  const path = join(folder, name);
  writeFileSync(path, Buffer.from(data.split(",")[1], "base64"));
  return path;
}

test("a photo gets time and place drawn in by the server, and one that was used before is named", async () => {
  await open("page");
  const [first, smaller, other] = [await picture("a.jpg", 0.1), await picture("b.jpg", 0.1, 0.6, 640), await picture("c.jpg", 1.3)];
  await page.context().grantPermissions(["geolocation"]);
  await page.context().setGeolocation({ latitude: 31.2304, longitude: 121.4737, accuracy: 12 });
  assert.equal(await page.locator("#f-proof").getAttribute("capture"), "environment");
  const sent = page.waitForRequest((request) => request.url().includes("/api/v1/files?"));
  await page.locator("#f-proof").setInputFiles(first);
  const told = new URL((await sent).url()).searchParams;
  assert.deepEqual([told.get("for"), told.get("place"), told.get("within")], ["forms.guest.proof", "31.230400,121.473700", "12"]);
  await field("proof").locator(".file-item a").waitFor();
  await page.locator("#f-name").fill("Photographed");
  await save();
  await page.waitForURL(RECORD);
  const { json } = await call("GET", "/records/forms.guest?where.name=Photographed");
  const id = json.rows[0].proof;
  const answer = await page.request.get(`${server.base}/api/v1/files/${id}`);
  assert.equal(answer.headers()["content-type"], "image/jpeg");
  // Below, the picture is darker than it was, and there is something white.
  const lights = await page.evaluate(async (source) => {
    const image = new Image();
    image.src = source;
    await image.decode();
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [image.width, image.height];
    const pen = canvas.getContext("2d", { willReadFrequently: true });
    pen.drawImage(image, 0, 0);
    const of = (y, height) => [...pen.getImageData(0, y, image.width, height).data].filter((_, at) => at % 4 < 3);
    const mean = (all) => all.reduce((sum, one) => sum + one, 0) / all.length;
    const below = of(image.height - 60, 50);
    return { width: image.width, above: mean(of(0, 60)), below: mean(below), white: below.filter((one) => one > 240).length };
  }, `${server.base}/api/v1/files/${id}`);
  assert.ok(lights.width === 900 && lights.below < lights.above * 0.75 && lights.white > 300, JSON.stringify(lights));

  await open("page");
  await page.locator("#f-proof").setInputFiles(smaller);
  const warning = field("proof").getByRole("alert");
  await warning.getByRole("link", { name: "Photographed" }).waitFor();
  assert.match(await warning.innerText(), new RegExp(t("js.photo_alike").slice(0, 20)));
  await field("proof").getByRole("button", { name: /b\.jpg/ }).click();
  await page.locator("#f-proof").setInputFiles(first);
  await field("proof").getByText(t("js.photo_used")).waitFor();
  await field("proof").getByRole("button", { name: /a\.jpg/ }).click();
  await page.locator("#f-proof").setInputFiles(other);
  await field("proof").locator(".file-item a").waitFor();
  assert.equal(await field("proof").getByRole("alert").count(), 0);
});

test("where the place is not allowed, that is told, and the photo is taken all the same", async () => {
  await page.context().clearPermissions();
  await open("page");
  await page.locator("#f-proof").setInputFiles(await picture("d.jpg", 2.2));
  await field("proof").locator(".file-item a").waitFor();
  await field("proof").getByText(t("js.photo_no_place")).waitFor();
});

test("a file that is no photo of this form is refused where a mark is asked for", async () => {
  const made = await page.request.post(`${server.base}/api/v1/files?name=x.png`, { headers: { "content-type": "image/png" }, data: Buffer.from("no picture") });
  assert.equal(made.status(), 201);
  const refused = await call("POST", "/records/forms.guest", { name: "Cheat", proof: (await made.json()).id });
  assert.equal(refused.status, 422);
  assert.match(refused.text, /photo\.unmarked/);
  const broken = await page.request.post(`${server.base}/api/v1/files?name=x.png&for=forms.guest.proof`, { headers: { "content-type": "image/png" }, data: Buffer.from("no picture") });
  assert.equal(broken.status(), 422);
  assert.match(await broken.text(), /photo\.not_a_picture/);
});

test("a pasted message goes into the fields that it fits, and can be taken back", async () => {
  await open("page");
  await page.getByText(t("split.title")).click();
  const box = page.getByLabel(t("split.text"));
  await box.fill("姓名：王小明\n13800138000\n上海明德医疗器械有限公司\n上海市浦东新区张江路1000号3号楼\nwang@example.com\n想了解价格");
  await page.locator("#f-mail").fill("mine@example.com");
  await page.getByRole("button", { name: t("split.fill") }).click();
  await page.getByText("Filled in:", { exact: false }).waitFor();
  assert.deepEqual([await value("name"), await value("phone"), await value("mail")], ["王小明", "13800138000", "mine@example.com"]);
  assert.equal(await value("address"), "上海市浦东新区张江路1000号3号楼");
  assert.match(await page.locator('[name="_title/area"]').inputValue(), /Shanghai.*Pudong/);
  const company = [await value("company"), await page.locator('[name="_title/host"]').inputValue()];
  assert.ok(company.includes("上海明德医疗器械有限公司"), company.join());
  assert.match(await box.inputValue(), /wang@example\.com/, "what has no free place stays");
  await page.getByRole("button", { name: t("js.undo") }).click();
  assert.deepEqual([await value("name"), await value("phone"), await value("mail")], ["", "", "mine@example.com"]);
});

test("a signature is kept with who took it, when, and whether the record still says what was signed", async () => {
  await open("page");
  await page.locator("#f-name").fill("Signed");
  const canvas = page.locator("m-signature canvas");
  await canvas.scrollIntoViewIfNeeded();
  const { x, y } = await canvas.boundingBox();
  await page.mouse.move(x + 20, y + 50);
  await page.mouse.down();
  await page.mouse.move(x + 120, y + 90, { steps: 8 });
  await page.mouse.up();
  await page.waitForFunction(() => document.querySelector("[name=sign]").value !== "");
  await save();
  await page.waitForURL(RECORD);
  await page.getByText(t("signature.unchanged")).waitFor();
  const id = page.url().split("/").pop();
  const changed = await call("PATCH", `/records/forms.guest/${id}`, { company: "Another" });
  assert.equal(changed.status, 200, changed.text);
  await page.reload();
  await page.getByText(t("signature.changed")).waitFor();
  await call("PATCH", `/records/forms.guest/${id}`, { company: null });
  await page.reload();
  await page.getByText(t("signature.unchanged")).waitFor();
});

test("a save waits for the photo that is on its way and for the signature that was drawn a moment ago", async () => {
  await open("page");
  await page.locator("#f-name").fill("In a hurry");
  let [begun, go] = [false, () => {}];
  const gate = new Promise((resolve) => (go = resolve));
  await page.route("**/api/v1/files?**", async (route) => {
    begun = true;
    await gate;
    await route.continue();
  });
  await page.locator("#f-proof").setInputFiles(await picture("late.jpg", 3.1));
  const canvas = page.locator("m-signature canvas");
  await canvas.scrollIntoViewIfNeeded();
  const { x, y } = await canvas.boundingBox();
  await page.mouse.move(x + 20, y + 50);
  await page.mouse.down();
  await page.mouse.move(x + 140, y + 80, { steps: 8 });
  await page.mouse.up();
  await save();
  await page.locator(".toast").getByText(t("js.upload_first")).waitFor();
  assert.match(page.url(), /\/new/);
  assert.ok(begun, "the photo is on its way");
  go();
  await page.waitForURL(RECORD);
  await page.unroute("**/api/v1/files?**");
  const { json } = await call("GET", "/records/forms.guest?where.name=In%20a%20hurry");
  assert.equal(json.rows.length, 1);
  assert.ok(json.rows[0].proof && json.rows[0].sign, JSON.stringify(json.rows[0]));
});

test("a region is picked through its three levels", async () => {
  await open("page");
  await page.locator("#f-area").click();
  const options = field("area").locator(".pick-option");
  for (const level of ["Shanghai", "Shanghai city"]) await options.filter({ hasText: level }).last().locator(".pick-down").click();
  await options.filter({ hasText: "Pudong" }).click();
  assert.equal(await value("area"), "Shanghai / Shanghai city / Pudong");
});

test("on a phone, in Chinese, parts and rows have room and the buttons stand at the edge", async () => {
  const phone = await openPage(browser, { device: PHONE, language: "zh-CN" });
  await signIn(phone.page, server, PEOPLE.administrator, "zh-CN");
  for (const form of ["tabs", "steps", "page"]) {
    await open(form, phone.page);
    await phone.page.locator("#f-name").waitFor();
    assert.ok((await overflow(phone.page)) <= 0, form);
  }
  const rows = phone.page.locator("m-lines tbody tr:visible");
  assert.equal(await rows.count(), 0, "no row is offered where there is no room for it");
  await phone.page.locator("m-lines [data-add]").click();
  assert.equal(await rows.count(), 1);
  await open("steps", phone.page);
  await phone.page.getByText(zh("form.step_of", { number: 1, count: 3 })).waitFor();
  await phone.page.locator("#f-name").fill("钱思远");
  await phone.page.locator("#f-phone").fill("13800138009");
  await phone.page.getByRole("button", { name: zh("form.next") }).click();
  await phone.page.getByText(zh("form.step_of", { number: 2, count: 3 })).waitFor();
  const next = await phone.page.getByRole("button", { name: zh("form.next") }).boundingBox();
  assert.ok(next.height >= 44 && next.y + next.height <= PHONE.viewport.height, JSON.stringify(next));
  await phone.close();
});

test("nothing was complained about", () => {
  assert.deepEqual(complaints.filter((complaint) => !/422|ERR_INTERNET_DISCONNECTED|Failed to fetch/.test(complaint)), []);
});
