// What waits on a device, without a browser: the rules of its order, pauses and merging, and the sender against a real server
// on a network that breaks off requests and answers. The scripts are those of the pages, bundled as they are.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";

const web = process.env.MORTISE_WEB ?? join(dirname(fileURLToPath(import.meta.url)), "..", "..", "runtime", "web");
const folder = mkdtempSync(join(tmpdir(), "mortise-offline-"));
let item, merge, ids, clock, send, pages;

before(async () => {
  const { build } = createRequire(join(web, "package.json"))("esbuild");
  const load = async (name) => {
    const outfile = join(folder, `${name}.mjs`);
    await build({ entryPoints: [join(web, "src", "offline", `${name}.ts`)], bundle: true, format: "esm", platform: "node", outfile, preserveSymlinks: true });
    return import(pathToFileURL(outfile));
  };
  writeFileSync(join(folder, "package.json"), '{"type":"module"}');
  [item, merge, ids, clock, send, pages] = await Promise.all(["item", "merge", "ids", "clock", "send", "pages"].map(load));
});
after(() => rmSync(folder, { recursive: true, force: true }));

const NOW = Date.parse("2026-05-04T09:00:00Z");

/** A save with these details. */
function save(seq, details = {}) {
  return {
    seq, key: `key-${seq}`, kind: "update", entity: "a.b", id: `record-${seq}`, form: "", pairs: [], base: [], allowDuplicates: false, files: [],
    title: "", shown: [], at: NOW, offset: 0, state: "waiting", attempts: 0, notBefore: 0, leftovers: [], ...details,
  };
}

test("saves go in order, and wait for those that they build on", () => {
  const created = save(1, { kind: "create", id: "new", state: "refused" });
  const pointing = save(2, { kind: "create", id: "other", pairs: [["company", "new"]] });
  const further = save(3, { id: "other" });
  const free = save(4);
  const items = [created, pointing, further, free];
  assert.equal(item.next(items, NOW).item.seq, 4);
  assert.deepEqual(items.map((each) => item.behind(each, items)), [false, true, true, false]);
  const accepted = { ...created, state: "done" };
  assert.equal(item.next([accepted, pointing, further, free], NOW).item.seq, 2);
  assert.equal(item.next([accepted, { ...pointing, state: "conflict" }, further], NOW), undefined);
});

test("a save that the server cannot take now holds up those after it, but not for ever", () => {
  const tried = item.after(save(1), { kind: "later", after: undefined }, NOW, 0);
  assert.deepEqual([tried.state, tried.attempts, tried.notBefore - NOW], ["waiting", 1, 2_000]);
  assert.deepEqual(item.next([tried, save(2)], NOW), { wait: 2_000 });
  assert.equal(item.next([tried, save(2)], NOW + 2_000).item.seq, 1);
  const stuck = { ...tried, attempts: 5 };
  assert.equal(item.next([stuck, save(2)], NOW).item.seq, 2);
  assert.deepEqual(item.next([stuck, save(2, { id: "record-1" })], NOW), { wait: 2_000 });
  // One that waits for a person to mend what it builds on is not in anybody's way.
  const refused = save(3, { kind: "create", id: "new", state: "refused" });
  const held = save(4, { pairs: [["company", "new"]] });
  assert.equal(item.next([refused, held, { ...stuck, seq: 5 }, save(6)], NOW).item.seq, 6);
});

test("a save that was sent is known to be there perhaps, until its answer is heard", () => {
  const tried = save(1, { tried: true });
  assert.equal(item.after(tried, { kind: "unreachable" }, NOW, 0).tried, true);
  assert.equal(item.after(tried, { kind: "later", after: undefined }, NOW, 0).tried, true);
  const refusal = { code: "", message: "", issues: [], suspects: [] };
  assert.equal(item.after(tried, { kind: "refused", refusal, leftovers: [] }, NOW, 0).tried, undefined);
});

test("pauses grow to a limit and differ by chance", () => {
  const steps = [1, 2, 3, 8, 30].map((attempts) => item.pause(attempts, 0));
  assert.ok(steps.every((step, index) => index === 0 || step > steps[index - 1] || step >= 200_000), String(steps));
  for (const dice of [0, 0.5, 1]) assert.ok(item.pause(30, dice) <= item.PAUSE_MAX_MS);
  assert.notEqual(item.pause(3, 0), item.pause(3, 1));
  assert.equal(item.pause(1, 0, 60_000), 60_000);
  assert.equal(item.pause(1, 0, 10 ** 9), item.PAUSE_MAX_MS);
});

test("a clock that is set back by years holds nothing up", () => {
  const tried = item.after(save(1), { kind: "later", after: undefined }, NOW, 0);
  assert.equal(item.next([tried], NOW - 5 * 365 * 86_400_000).item.seq, 1);
});

test("what was on its way when the browser was killed goes again under its own name", () => {
  const broken = save(1, { state: "sending" });
  assert.deepEqual(item.recovered(broken), { ...broken, state: "waiting" });
  assert.equal(item.next([broken], NOW).item.key, "key-1");
});

test("answers are understood, and what is not an answer of ours is none", () => {
  const kind = (...answer) => item.outcome(...answer).kind;
  assert.equal(kind(200, { state: "done", id: "x", leftovers: [] }), "done");
  assert.equal(kind(201, {}), "done");
  assert.equal(kind(200, undefined), "later");
  // A gateway speaks, not the server; but what is too long for a gateway stays so.
  for (const status of [302, 400, 403, 404, 502]) assert.equal(kind(status, undefined), "later", status);
  assert.equal(kind(413, undefined), "refused");
  assert.equal(kind(401, { code: "auth.required" }), "sign-in");
  assert.equal(kind(409, { code: "sync.other_person" }), "other-person");
  assert.equal(kind(404, { code: "record.not_found", title: "Gone" }), "refused");
  assert.equal(kind(200, { state: "conflict", fields: [] }), "conflict");
  for (const status of [408, 425, 429, 500, 502, 503]) assert.equal(kind(status, {}), "later");
  assert.deepEqual(item.outcome(503, {}, 7), { kind: "later", after: 7_000 });
  const { refusal } = item.outcome(422, { code: "record.invalid", title: "Some values are not right.", hint: "See below.", issues: [{ field: "a", message: "no" }] });
  assert.deepEqual(refusal, { code: "record.invalid", message: "Some values are not right. See below.", issues: [{ field: "a", label: "", text: "no" }], suspects: [] });
});

test("a new record that was changed while its answer got lost becomes a change of what has arrived", () => {
  const there = { kind: "refused", leftovers: [], refusal: { code: "record.invalid", message: "", issues: [{ field: "id", label: "", text: "" }], suspects: [] } };
  const changed = save(1, { kind: "create", before: [["a", "1"]], base: [], pairs: [["a", "2"]] });
  const next = item.after(changed, there, NOW, 0);
  assert.deepEqual([next.kind, next.state, next.base, next.pairs, next.before], ["update", "waiting", [["a", "1"]], [["a", "2"]], undefined]);
  // Nothing was sent before: somebody else's record has this id, which the person is told.
  assert.equal(item.after(save(2, { kind: "create" }), there, NOW, 0).state, "refused");
});

test("a save that is opened again does not pass over what others did since", () => {
  const refused = save(1, { base: [["a", "1"], ["b", "1"], ["l/0/n", "1"]], pairs: [["a", "wrong"], ["b", "1"], ["l/0/n", "1"], ["l/1/n", "2"]] });
  const page = [["a", "theirs"], ["b", "theirs"], ["l/0/n", "9"], ["_version", "7"]];
  assert.deepEqual(Object.fromEntries(merge.seenBy(page, refused)), { a: "1", b: "theirs", "l/0/n": "1", _version: "7" });
});

test("the address of a form says what it does", () => {
  const id = "0193a3f2-7b1c-7e44-9a58-3f6c1d2e4b5a";
  assert.deepEqual(item.target("/a/crm/lead/new"), { kind: "create", entity: "crm.lead", id: undefined });
  assert.deepEqual(item.target(`/a/crm/lead/${id}/edit`), { kind: "update", entity: "crm.lead", id });
  assert.deepEqual(item.target(`/a/crm/lead/${id}/comments`), { kind: "comment", entity: "crm.lead", id });
  assert.deepEqual(item.target(`/a/crm/lead/${id}/transitions/win`), { kind: "transition", entity: "crm.lead", id, transition: "win" });
  for (const other of [`/a/crm/lead/${id}/delete`, "/a/crm/lead/bulk-delete", "/profile/theme", `/a/crm/lead/${id}`]) assert.equal(item.target(other), undefined);
});

test("only fields that were changed count as changed; rows count with their field", () => {
  const base = [["a", "1"], ["b", ""], ["who", "x"], ["_title/who", "Old name"], ["l/0/id", "r"], ["l/0/n", "1"], ["_version", "3"]];
  const mine = [["a", "1"], ["who", "x"], ["_title/who", "New name"], ["l/0/id", "r"], ["l/0/n", "2"], ["_version", "4"]];
  assert.deepEqual(merge.changed(base, mine), ["l"]);
  assert.deepEqual(merge.changed(base, base), []);
});

test("after a decision, what is given up is not sent and what is kept is laid over the stored value", () => {
  const disputed = [
    { name: "a", label: "A", base: "1", mine: "2", theirs: "3", pairs: [["a", "3"]] },
    { name: "who", label: "Who", base: "X", mine: "Y", theirs: "Z", pairs: [["who", "z"], ["_title/who", "Z"]] },
  ];
  const before = save(1, {
    state: "conflict", conflict: disputed, attempts: 3, base: [["a", "1"], ["who", "x"], ["c", "5"]],
    pairs: [["a", "2"], ["who", "y"], ["_title/who", "Y"], ["c", "6"], ["_form", "f"]],
  });
  const decided = merge.resolved(before, { a: "mine", who: "theirs" }, "another key");
  assert.deepEqual(merge.changed(decided.base, decided.pairs).sort(), ["a", "c"]);
  const value = (pairs, name) => pairs.find(([known]) => known === name)?.[1];
  assert.deepEqual([value(decided.pairs, "a"), value(decided.base, "a")], ["2", "3"]);
  assert.deepEqual([value(decided.pairs, "_title/who"), value(decided.base, "who")], ["Z", "z"]);
  assert.deepEqual([decided.state, decided.key, decided.conflict, decided.attempts], ["waiting", "another key", undefined, 0]);
});

test("changes that still wait are seen in the form, the last of each field", () => {
  const page = [["a", "1"], ["b", "2"], ["c", "3"], ["_version", "7"]];
  const first = save(1, { base: [["a", "0"], ["b", "2"]], pairs: [["a", "x"], ["b", "2"]] });
  const second = save(2, { base: [["a", "x"], ["b", "2"]], pairs: [["a", "y"], ["b", "z"]] });
  assert.deepEqual(Object.fromEntries(merge.overlaid(page, [first, second])), { a: "y", b: "z", c: "3", _version: "7" });
});

test("ids made here are of version 7, sort by time, and differ even under a clock that stands still", () => {
  const [early, late] = [ids.newId(NOW), ids.newId(NOW + 1)];
  assert.match(early, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.ok(early < late);
  assert.equal(new Set(Array.from({ length: 1000 }, () => ids.newId(-5))).size, 1000);
});

test("the distance to the server's clock is measured, except by answers that say too little", () => {
  const date = new Date(NOW).toUTCString();
  assert.equal(clock.measured(date, NOW + 400, NOW + 600), 0);
  assert.equal(clock.measured(date, NOW - 3_600_000, NOW - 3_600_000 + 1_000), 3_600_000);
  assert.equal(clock.measured(date, NOW, NOW + 30_000), undefined);
  assert.equal(clock.measured(date, NOW, NOW - 1), undefined);
  assert.equal(clock.measured(null, NOW, NOW), undefined);
  assert.equal(clock.measured("soon", NOW, NOW), undefined);
});

test("pages of secrets and of many are not kept; a kept page says of when it is", () => {
  for (const path of ["/admin/users", "/profile", "/sign-in", "/events", "/api/v1/x"]) assert.equal(pages.keepable(path), false, path);
  for (const path of ["/", "/a/crm/lead", "/offline", "/inbox", "/administrative"]) assert.equal(pages.keepable(path), true, path);
  assert.equal(pages.keyOf(new URL("http://h/t/d/a/x/y/new?_outbox=3#top")), "http://h/t/d/a/x/y/new");
  const html = '<html lang="en" data-theme="auto"><p class="as-of" role="status" hidden data-as-of><span>At {time}.</span></p>';
  const shown = pages.marked(html, NOW, NOW + 60_000);
  assert.match(shown, new RegExp(`^<html data-as-of="${NOW}" data-as-of-ahead="0" lang="en"`));
  const said = '<body><main>x</main><div class="toasts" id="toasts" role="status">\n<div class="toast" data-forget-draft="a.b/new">Saved</div>\n</div>\n</body>';
  assert.equal(pages.withoutMessages(said), '<body><main>x</main><div class="toasts" id="toasts" role="status"></div></body>');
  assert.doesNotMatch(shown, /hidden|\{time\}/);
  assert.equal(pages.personOf('<meta name="mortise-user" content="0193">'), "0193");
  assert.equal(pages.personOf("<p>A hotel</p>"), undefined);
});

/** Items and files in memory, with the rules of the store. */
class Shelf {
  constructor(items, files = []) {
    this.list = new Map(items.map((each) => [each.seq, each]));
    this.blobs = new Map(files.map((file) => [file.id, file]));
    this.offset = 0;
  }
  items = async () => structuredClone([...this.list.values()]);
  replace = async (each) => void (this.list.has(each.seq) && this.list.set(each.seq, each));
  recover = async () => this.list.forEach((each, seq) => this.list.set(seq, item.recovered(each)));
  file = async (id) => this.blobs.get(id);
  markSent = async (id) => void (this.blobs.get(id).sent = true);
  setOffset = async (offset) => void (this.offset = offset);
  settle = async (tried, now) => {
    if (this.list.get(tried.seq)?.key !== tried.key) return;
    if (now.state === "done" && now.leftovers.length === 0) this.list.delete(tried.seq);
    else this.list.set(tried.seq, now);
    if (now.state === "done") tried.files.forEach((id) => this.blobs.delete(id));
  };
}

/** A server that does each name once, behind a network that loses every third request and every fourth answer. */
async function flakyServer(t) {
  const done = [];
  const files = new Map();
  let count = 0;
  const server = createServer(async (request, response) => {
    count++;
    if (count % 3 === 0) return request.socket.destroy();
    const parts = [];
    for await (const part of request) parts.push(part);
    const body = Buffer.concat(parts);
    const url = new URL(request.url, "http://h");
    if (url.pathname === "/api/v1/files") files.set(url.searchParams.get("id"), body.toString());
    else {
      const save = JSON.parse(body);
      assert.ok(save.pairs.every(([name, value]) => name !== "photo" || files.has(value)), "a save names a file that is not there");
      if (!done.some(({ key }) => key === save.key)) done.push(save);
    }
    if (count % 4 === 0) return request.socket.destroy();
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ state: "done", leftovers: [] }));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  return { base: `http://127.0.0.1:${server.address().port}`, done, files };
}

test("two hundred saves with fifty files come through a network that loses requests and answers, once each and in order", async (t) => {
  const server = await flakyServer(t);
  const photos = Array.from({ length: 50 }, (_, index) => ({ id: `photo-${index}`, name: `${index}.jpg`, type: "image/jpeg", bytes: new Blob([`picture ${index}`]), with: {}, at: NOW, sent: false }));
  const saves = Array.from({ length: 200 }, (_, index) => {
    const photo = index % 4 === 0 ? photos[index / 4] : undefined;
    return save(index + 1, { kind: "create", files: photo ? [photo.id] : [], pairs: photo ? [["photo", photo.id]] : [["n", String(index)]] });
  });
  const shelf = new Shelf(saves, photos);
  let broken = 0;
  for (let round = 0; shelf.list.size > 0 && round < 1000; round++) {
    const ending = await send.sendAll({ base: server.base, user: "me", shelf, now: () => NOW, dice: () => 0, told: () => {} });
    if (ending.blocked === "unreachable") broken++;
  }
  assert.equal(shelf.list.size, 0);
  assert.equal(shelf.blobs.size, 0);
  assert.ok(broken > 10, `the network broke off ${broken} times`);
  assert.deepEqual(server.done.map(({ key }) => key), saves.map(({ key }) => key));
  assert.equal(server.files.size, 50);
  assert.equal(server.files.get("photo-7"), "picture 7");
});

test("where the device has no room to write anything down, what waits is sent all the same", async (t) => {
  const server = await flakyServer(t);
  const full = async () => {
    throw new DOMException("no room", "QuotaExceededError");
  };
  const shelf = Object.assign(new Shelf([save(1), save(2)]), { replace: full, recover: full, setOffset: full });
  for (let round = 0; shelf.list.size > 0 && round < 20; round++) await send.sendAll({ base: server.base, user: "me", shelf, now: () => NOW, dice: () => 0, told: () => {} });
  assert.deepEqual(server.done.map(({ key }) => key), ["key-1", "key-2"]);
});

test("without a session, or under that of another person, everything stays as it is", async (t) => {
  const answers = [[401, { code: "auth.required" }], [409, { code: "sync.other_person" }]];
  for (const [status, body] of answers) {
    const server = createServer((request, response) => {
      request.resume();
      response.writeHead(status, { "content-type": "application/problem+json" }).end(JSON.stringify(body));
    });
    await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
    t.after(() => server.close());
    const shelf = new Shelf([save(1), save(2)]);
    const ending = await send.sendAll({ base: `http://127.0.0.1:${server.address().port}`, user: "me", shelf, now: () => NOW, dice: () => 0, told: () => {} });
    assert.equal(ending.blocked, status === 401 ? "sign-in" : "other-person");
    assert.deepEqual((await shelf.items()).map(({ state, attempts }) => [state, attempts]), [["waiting", 0], ["waiting", 0]]);
  }
});
