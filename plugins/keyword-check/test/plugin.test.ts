/** The keyword check on Node: its parts, and the plugin as the host calls it. */
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";

import { type Value, Fault, json } from "@mortise/sdk";
import { Tester, call, expectCase, readCases } from "@mortise/sdk/testing";

import plugin from "../src/plugin.ts";
import { occurrences, plain, sentences } from "../src/text.ts";

function checked(text: string, keywords: string[], locale = "en"): Record<string, Value> {
  const tester = new Tester(plugin);
  tester.call = call({ locale });
  const outcome = tester.action("check", { text, keywords });
  assert(outcome.tag === "done");
  return Object.fromEntries(outcome.val.map(({ name, value }) => [name, value]));
}

const missing = (text: string, keywords: string[]): unknown => (checked(text, keywords).missing as { val: unknown }).val;

test("keywords are found in Chinese and English, and by other words for the same", () => {
  const keywords = ["报价单|报价|quote", "合同条款|contract", "付款方式|payment"];
  assert.deepEqual(missing("报价单昨天发您了。合同条款按上次的。付款方式是三七开。", keywords), []);
  assert.deepEqual(missing("I sent the quotes. The contract is unchanged; Payments by month.", keywords), []);
  assert.deepEqual(missing("报价已经发了，其他下次谈。", keywords), ["合同条款", "付款方式"]);
  assert.deepEqual(missing("", keywords), ["报价单", "合同条款", "付款方式"]);
});

test("a Latin word begins and ends where a word does", () => {
  assert.equal(occurrences("the coffers are full", "offer"), 0);
  assert.equal(occurrences("an offer, two offers and an offering", "offer"), 2);
  assert.equal(occurrences(plain("Terms  and\nConditions apply"), "terms and conditions"), 1);
  assert.equal(occurrences(plain("用SaaS部署，ＳＡＡＳ版"), "saas"), 2);
});

test("white space between Chinese letters and full width letters do not matter", () => {
  assert.equal(occurrences(plain("付 款 方 式"), "付款方式"), 1);
  assert.equal(plain("ＡＢＣ　１２"), "abc 12");
});

test("what is denied does not count", () => {
  const denied = [
    "没有报价", "没报价", "无报价", "未报价", "不报价", "不用报价", "没有给报价", "没谈到报价", "并没有报价", "并非报价",
    "不觉得报价", "没 有 报 价",
  ];
  for (const text of denied) assert.equal(occurrences(plain(text), "报价"), 0, text);
  const english = ["no offer", "not an offer", "never sent an offer", "without an offer", "We haven't got the offer", "They don’t have an offer yet"];
  for (const text of english) assert.equal(occurrences(plain(text), "offer"), 0, text);
  assert.equal(occurrences(plain("没有 Offer"), "offer"), 0);
  assert.deepEqual(missing("报价发了，没有谈付款方式。", ["报价", "付款方式"]), ["付款方式"]);
});

test("what is asked, denied twice or denied elsewhere counts", () => {
  for (const text of ["有没有报价", "有无报价", "是不是报价", "不得不说报价", "不是没有报价", "没问题，报价", "不仅报价", "不过报价"]) {
    assert.equal(occurrences(plain(text), "报价"), 1, text);
  }
  for (const text of ["No, the offer stands", "not only the offer", "nobody saw it; an offer"]) {
    assert.equal(occurrences(plain(text), "offer"), 1, text);
  }
});

test("sentences end at marks of both languages, and not within numbers", () => {
  const texts = sentences("价格 3.5 万。好！OK? Version 2.0 is out. Yes;\n对").map(({ text }) => text);
  assert.deepEqual(texts, ["价格 3.5 万", "好", "OK", "Version 2.0 is out", "Yes", "对"]);
});

test("the proof names the first three sentences, and counts all", () => {
  const { proof } = checked("报价一。无关。报价二。报价三。报价四，报价五。", ["报价"]);
  assert.deepEqual(JSON.parse((proof as { val: string }).val), [
    {
      keyword: "报价",
      count: 5,
      proof: [
        { sentence: 1, text: "报价一" },
        { sentence: 3, text: "报价二" },
        { sentence: 4, text: "报价三" },
      ],
    },
  ]);
});

test("a word within its own longer form is not counted twice", () => {
  const { proof } = checked("报价单在附件。", ["报价单|报价"]);
  assert.equal(JSON.parse((proof as { val: string }).val)[0].count, 1);
});

test("the keywords of the tenant count where the call gives none", () => {
  const tester = new Tester(plugin);
  const settings = [{ keyword: "交期", also: ["delivery"] }, "质保"];
  tester.call = call({ locale: "zh-CN", config: { keywords: json(settings) } });
  const outcome = tester.action("check", { text: "Delivery takes four weeks" });
  assert(outcome.tag === "done");
  const summary = outcome.val.find(({ name }) => name === "summary")?.value;
  assert.deepEqual(summary, { tag: "text", val: "缺少：质保" });
});

test("a list that is none is a fault that says where", () => {
  const tester = new Tester(plugin);
  const faulty = (settings: object, code: string, message: RegExp): void => {
    tester.call = call({ config: { keywords: json(settings) } });
    assert.throws(() => tester.action("check", { text: "x" }), (error: unknown) => {
      assert(error instanceof Fault);
      assert.equal(error.code, code);
      assert.match(error.message, message);
      return true;
    });
  };
  faulty([], "keywords.none", /no keywords/);
  faulty({}, "keywords.wrong", /`keywords` has to be a list/);
  faulty([{ keyword: "a", also: "b" }], "keywords.wrong", /`keywords\[0\]\.also` has to be a list/);
  faulty(["a", 3], "keywords.wrong", /`keywords\[1\]`/);
  faulty(["  "], "keywords.wrong", /1 to 60 characters/);
  faulty(Array.from({ length: 101 }, (_, at) => `k${at}`), "keywords.many", /at most 100/);
});

test("long text is looked through in bounds", () => {
  const outcome = checked("好的".repeat(60_000) + "报价", ["报价"]);
  assert.deepEqual(outcome.missing, { tag: "many", val: ["报价"] });
  const { proof } = checked(`报价${"长".repeat(500)}`, ["报价"]);
  assert.equal([...JSON.parse((proof as { val: string }).val)[0].proof[0].text].length, 200);
});

for (const file of readdirSync("cases")) {
  for (const one of readCases(readFileSync(`cases/${file}`, "utf8"))) {
    test(`${file}: ${one.about}`, () => expectCase(plugin, one));
  }
}
