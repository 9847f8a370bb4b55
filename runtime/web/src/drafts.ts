// Drafts: what was typed into a form and not yet saved, kept in this browser until the server has it.
// Only fields that differ from the page are kept, so that a draft can be laid over a newer version of the record.

import { user } from "./page";

/** Names that belong to one rendering of the form and must not come back with a draft. */
const NOT_KEPT = new Set(["_version", "_key", "_form", "allow_duplicates"]);
/** A draft older than this has been forgotten by its writer. */
const KEPT_MS = 7 * 24 * 3600 * 1000;

/** Values by name, in the order of the page. */
export type Snapshot = Record<string, string[]>;
interface Draft {
  at: number;
  values: Snapshot;
}

const storageKey = (key: string) => `mortise.draft.${user}.${key}`;

/** All that the form would send, without files. */
export function snapshot(form: HTMLFormElement): Snapshot {
  const values: Snapshot = {};
  for (const [name, value] of new FormData(form)) {
    if (typeof value === "string" && !NOT_KEPT.has(name)) (values[name] ??= []).push(value);
  }
  return values;
}

/** The names whose values differ, with the values of `now`. */
export function difference(before: Snapshot, now: Snapshot): Snapshot {
  const changed: Snapshot = {};
  for (const name of new Set([...Object.keys(before), ...Object.keys(now)])) {
    if (JSON.stringify(before[name] ?? []) !== JSON.stringify(now[name] ?? [])) changed[name] = now[name] ?? [];
  }
  return changed;
}

/** Keeps a draft, or removes it when nothing is changed. */
export function keepDraft(key: string, values: Snapshot): void {
  try {
    if (Object.keys(values).length === 0) localStorage.removeItem(storageKey(key));
    else localStorage.setItem(storageKey(key), JSON.stringify({ at: Date.now(), values } satisfies Draft));
  } catch {
    // Storage is full or forbidden: the form works without drafts.
  }
}

/** The draft with this key, unless it is too old. */
export function findDraft(key: string): Draft | undefined {
  try {
    const kept = localStorage.getItem(storageKey(key));
    const draft = kept ? (JSON.parse(kept) as Draft) : undefined;
    if (draft && Date.now() - draft.at < KEPT_MS) return draft;
    if (kept) localStorage.removeItem(storageKey(key));
  } catch {
    // As above.
  }
  return undefined;
}

/** Removes a draft: the server has it now, or its writer doesn't want it. */
export function forgetDraft(key: string): void {
  try {
    localStorage.removeItem(storageKey(key));
  } catch {
    // As above.
  }
}

/** Lays values over a form. Widgets hear `m-restore` on the form's fields and draw themselves again. */
export function restore(form: HTMLFormElement, values: Snapshot): void {
  form.dispatchEvent(new CustomEvent("m-before-restore", { detail: values }));
  for (const [name, wanted] of Object.entries(values)) {
    const controls = [...form.elements].filter((control): control is HTMLInputElement => (control as HTMLInputElement).name === name);
    const boxes = controls.filter((control) => control.type === "checkbox" || control.type === "radio");
    for (const box of boxes) box.checked = wanted.includes(box.value);
    const others = controls.filter((control) => !boxes.includes(control));
    // A hidden "none chosen" input goes before check boxes; it keeps its value.
    if (boxes.length === 0) others.forEach((control, index) => (control.value = wanted[index] ?? ""));
  }
  form.dispatchEvent(new CustomEvent("m-restore", { detail: values }));
}

/** On signing out, nothing of this person stays in the browser; what others left here, and at other tenants, is theirs. */
export function forgetEverything(): void {
  const own = [storageKey(""), `mortise.recent.${user}`];
  try {
    for (const key of Object.keys(localStorage)) if (own.some((start) => key.startsWith(start))) localStorage.removeItem(key);
  } catch {
    // As above.
  }
}
