// What was typed against what stood there: which fields a save changes, and what it becomes after a decision. Pure.

import type { Disputed, Item, Pairs } from "./item";

/** The field that a pair belongs to: `lines/0/amount` and `_title/lines/0/unit` belong to `lines`. */
export function fieldOf(name: string): string {
  const plain = name.startsWith("_title/") ? name.slice("_title/".length) : name;
  return plain.split("/")[0]!;
}

/** The pairs of a field with its words and rows. */
export function pairsOf(pairs: Pairs, field: string): Pairs {
  return pairs.filter(([name]) => !isOwn(name) && fieldOf(name) === field);
}

/** Names that belong to the form itself, not to a field. */
export function isOwn(name: string): boolean {
  return name.startsWith("_") && !name.startsWith("_title/");
}

/** Fields that differ; words beside ids do not count. */
export function changed(base: Pairs, mine: Pairs): string[] {
  const fields = new Set([...base, ...mine].filter(([name]) => !name.startsWith("_")).map(([name]) => fieldOf(name)));
  return [...fields].filter((field) => values(base, field) !== values(mine, field));
}

function values(pairs: Pairs, field: string): string {
  return JSON.stringify(pairs.filter(([name, text]) => !name.startsWith("_") && fieldOf(name) === field && text !== ""));
}

/** Which of the two values a person keeps. */
export type Choices = Record<string, "mine" | "theirs">;

/**
 * The save after the person decided: of what is given up both sides take the stored value, so that it is not sent; what is kept
 * is laid over the stored value, which the person has now seen. A new key: it is another wish than the one that was refused.
 */
export function resolved(item: Item, choices: Choices, key: string): Item {
  let { pairs, base } = item;
  for (const field of item.conflict ?? []) {
    base = replaced(base, field);
    if (choices[field.name] === "theirs") pairs = replaced(pairs, field);
  }
  return { ...item, key, pairs, base, state: "waiting", conflict: undefined, attempts: 0, notBefore: 0 };
}

function replaced(pairs: Pairs, field: Disputed): Pairs {
  const others = pairs.filter(([name]) => isOwn(name) || fieldOf(name) !== field.name);
  return [...others, ...field.pairs];
}

/** A record's form as the writer of a save saw it: of what they changed the old values, so that changes by others since are not passed over. */
export function seenBy(page: Pairs, item: Item): Pairs {
  const fields = changed(item.base, item.pairs);
  const others = page.filter(([name]) => isOwn(name) || !fields.includes(fieldOf(name)));
  return [...others, ...fields.flatMap((field) => pairsOf(item.base, field))];
}

/**
 * A form of a record with the changes that still wait laid over it: for each field the last of them. What others see is older,
 * but the person has said this already.
 */
export function overlaid(page: Pairs, waiting: Item[]): Pairs {
  return waiting.reduce((pairs, item) => {
    const fields = changed(item.base, item.pairs);
    const kept = pairs.filter(([name]) => isOwn(name) || !fields.includes(fieldOf(name)));
    return [...kept, ...fields.flatMap((field) => pairsOf(item.pairs, field))];
  }, page);
}
