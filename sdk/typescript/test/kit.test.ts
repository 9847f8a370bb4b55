/** The kit without a plugin: values, records, contexts and the fakes that tests of plugins rely on. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { Change, Context, Entity, Fault, Fields, date, decimal, fault, integer, json, reference } from "../src/index.ts";
import { Fakes, call, entry } from "../src/testing.ts";
import { intoFields, intoValue, readAs } from "../src/value.ts";

function faulty(run: () => unknown, code: string, message: string): void {
  assert.throws(run, (error: unknown) => {
    assert(error instanceof Fault);
    assert.equal(error.code, code);
    assert.equal(error.message, message);
    return true;
  });
}

test("what JavaScript has becomes a value, and nothing is guessed", () => {
  assert.deepEqual(intoValue("3"), { tag: "text", val: "3" });
  assert.deepEqual(intoValue(3n), { tag: "integer", val: 3n });
  assert.deepEqual(intoValue(3), { tag: "float", val: 3 });
  assert.deepEqual(intoValue(["a"]), { tag: "many", val: ["a"] });
  assert.deepEqual(intoValue(undefined), { tag: "null" });
  assert.deepEqual(intoValue(decimal("0.10")), { tag: "decimal", val: "0.10" });
  assert.deepEqual(json({ a: [1] }), { tag: "json", val: '{"a":[1]}' });
  assert.equal(readAs(intoValue("3"), "integer"), undefined);
  assert.equal(readAs(intoValue(3n), "number"), 3);
});

test("a number that JavaScript or the interface cannot hold is a slip and not another number", () => {
  assert.throws(() => integer(0.5), RangeError);
  assert.throws(() => integer(2 ** 53), RangeError);
  assert.throws(() => intoValue(2n ** 63n), RangeError);
  assert.throws(() => intoValue({} as never), TypeError);
});

test("a field that is empty, missing or of another kind is nothing", () => {
  const record = new Entity(
    entry("thing", "1", { name: " ", size: 3n, price: decimal("1.50"), tags: ["a"], day: date("2026-03-31"), none: null }),
  );
  assert.equal(record.$id, "1");
  assert(record.$get("name").isEmpty && record.$get("none").isEmpty && record.$get("unknown").isEmpty);
  assert.equal(record.$get("size").integer, 3n);
  assert.equal(record.$get("price").number, 1.5);
  assert.equal(record.$get("price").integer, undefined);
  assert.equal(record.$get("day").text, "2026-03-31");
  assert.deepEqual(record.$get("tags").many, ["a"]);
  assert.equal(new Entity(entry("a", undefined, { of: reference("b", "7") })).$get("of").text, "7");
});

test("fields that are needed are there, or a fault says which", () => {
  const fields = new Fields(intoFields({ name: "a", size: 2n, nested: json({ b: 1 }) }));
  assert.equal(fields.need("name", "text"), "a");
  assert.deepEqual(fields.need("nested", "json"), { b: 1 });
  faulty(() => fields.need("size", "text"), "argument", "`size` has to be text");
  faulty(() => fields.need("other", "integer"), "argument", "`other` has to be a whole number");
  faulty(() => new Change("update", undefined, undefined).record, "change.empty", "this change has no record");
});

test("a fake host keeps records, answers and lines", () => {
  const fakes = new Fakes();
  const cx = new Context(call({ config: { limit: 7n } }), fakes.host);
  assert.equal(cx.setting("limit").integer, 7n);
  fakes.put("thing", "1", { size: 3n, name: "a" });
  fakes.put("thing", "2", { size: 9n, name: "b" });
  const query = { where: [["size", "ge", 3n]] as const, order: ["-size"], fields: ["name"], limit: 1 };
  const page = cx.records.find("thing", query);
  assert.deepEqual(page.records.map((record) => record.$id), ["2"]);
  const rest = cx.records.find("thing", { ...query, cursor: page.next });
  assert.deepEqual([rest.records[0]?.$get("name").text, rest.next], ["a", undefined]);
  const id = cx.records.create("thing", { size: 1n });
  cx.records.update("thing", id, { size: 2n });
  assert.equal(cx.records.get("thing", id, ["size"])?.$get("size").integer, 2n);
  assert.equal(cx.records.count("thing", [["name", "empty"]]), 1);
  cx.records.delete("thing", id);
  faulty(() => cx.records.delete("thing", id), "record.not_found", "there is no such record");

  faulty(() => cx.http.get("https://a.example"), "test.no_response", "the test has no response for this call");
  fakes.respond({ status: 204, headers: { "X-Left": "3" } });
  assert.equal(cx.http.get("https://a.example", "key").header("x-left"), "3");
  assert.equal(fakes.sent[1]?.credential, "key");
  fakes.respond(fault("closed", "closed"));
  faulty(() => cx.http.get("https://a.example"), "closed", "closed");

  cx.log.warn("slow");
  assert.deepEqual(fakes.lines, [{ level: "warn", message: "slow" }]);
  fakes.leave("cpu-ms", 4);
  assert.deepEqual([cx.left("cpu-ms"), cx.left("rows-read")], [4, undefined]);
});

test("the store of a plugin changes only from what was expected", () => {
  const { storage } = new Context(call(), new Fakes().host);
  assert(storage.swap("k", undefined, "1"));
  assert(!storage.swap("k", undefined, "2"));
  assert(storage.swap("k", "1", undefined));
  storage.set("l", "x");
  assert.deepEqual(storage.keys("", "k", 10), ["l"]);
  assert.equal(storage.get("k"), undefined);
});

test("what plugin.json does not ask for is not there", () => {
  const cx = new Context(call(), { log: new Fakes().host.log });
  assert.throws(() => cx.records.count("thing"), /does not ask for the permission `records.read`/);
});
