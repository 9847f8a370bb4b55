/** What the plugin asks the host for: each function of each capability once, in an order that the cases know. */
import { type Fields, type IntoValue, type Outcome, type Purpose, Fault, decimal, done, integer } from "@mortise/sdk";

import type { Context } from "./plugin.gen.ts";

export function tour(cx: Context): Outcome {
  const { records } = cx;
  const found = records.get("company", "c1", ["name", "turnover"]);
  const refused = codeOf(() => records.get("company", "c2", ["name"]));
  const names = namesOf(cx);
  const many = records.count("company");
  const id = records.create("note", { text: "new" });
  records.update("note", id, { text: "changed", rank: 2n });
  records.delete("note", id);
  const sent = cx.http.send({
    method: "POST",
    url: "https://rates.example.com/v1/rates",
    headers: { accept: "text/plain" },
    body: "CNY",
    credential: "rates",
    timeoutMs: 1000,
  });
  const told = {
    name: found?.$get("name").text,
    turnover: found?.$get("turnover").value,
    refused,
    names,
    many: integer(many),
    status: integer(sent.status),
    body: sent.text,
    type: sent.header("Content-Type"),
    ...store(cx),
  };
  cx.log.warn(cx.left("host-calls") === undefined ? "calls are not counted" : "calls are counted");
  return done({ ...told, unknown: cx.left("no-such-counter") === undefined });
}

function codeOf(question: () => unknown): string | undefined {
  try {
    question();
    return undefined;
  } catch (error) {
    if (error instanceof Fault) return error.code;
    throw error;
  }
}

/** Two pages of one record each. */
function namesOf(cx: Context): string[] {
  const names: string[] = [];
  let cursor: string | undefined;
  do {
    const page = cx.records.find("company", {
      where: [
        ["turnover", "ge", decimal("1.50")],
        ["name", "filled"],
      ],
      order: ["-turnover", "name"],
      fields: ["name"],
      limit: 1,
      cursor,
    });
    names.push(...page.records.map((record) => record.$get("name").text));
    cursor = page.next;
  } while (cursor !== undefined);
  return names;
}

function store(cx: Context): Record<string, IntoValue> {
  const { storage } = cx;
  const bytes = Uint8Array.of(0xde, 0xff);
  storage.set("seen/1", bytes);
  const stored = storage.get("seen/1");
  const missing = storage.get("seen/9") === undefined;
  const swapped = storage.swap("seen/1", bytes, "next");
  const lost = storage.swap("seen/2", undefined, undefined);
  const keys = storage.keys("seen/", "seen/0", 10);
  storage.delete("seen/1");
  return { stored, missing, swapped, lost, keys };
}

export function rates(cx: Context, input: Fields, purpose: Purpose): Record<string, IntoValue> {
  const base = "https://rates.example.com/v1";
  if (purpose === "probe") return { reachable: cx.http.get(`${base}/health`).status === 200 };
  const answer = cx.http.get(`${base}/rates/${input.need("currency", "text")}`, "rates");
  if (answer.status === 200) return { rate: decimal(answer.text) };
  throw new Fault("rates.status", `status ${answer.status}`, "backoff");
}

