// Keys: Ctrl+K or ⌘K opens the palette, `/` searches, `n` makes a new record, Ctrl+Enter or Ctrl+S saves. And small duties of
// links, theme and sign-out.

import { base } from "./page";
import { forgetEverything } from "./drafts";
import { leaveTenant } from "./elements/tenants";

const typing = (target: EventTarget | null) => (target as Element | null)?.closest?.("input, textarea, select, [contenteditable]");

/** Whether a single key may mean something: nobody is typing, and no dialog is in front. */
export function mayUseKeys(event: KeyboardEvent): boolean {
  return !(event.ctrlKey || event.metaKey || event.altKey || event.isComposing || typing(event.target) || document.querySelector("dialog[open]"));
}

document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && !event.shiftKey && !event.altKey && event.key.toLowerCase() === "k") {
    const palette = document.getElementById("palette") as HTMLDialogElement | null;
    if (!palette || document.querySelector("dialog[open]:not(#palette)")) return;
    event.preventDefault();
    if (palette.open) palette.close();
    else palette.showModal();
    return;
  }
  if ((event.ctrlKey || event.metaKey) && (event.key === "Enter" || event.key === "s")) {
    const form = (event.target as Element).closest?.("form") ?? document.querySelector<HTMLFormElement>(":not(.dash-form) > m-form form");
    if (!form || (event.key === "s" && !form.closest("m-form"))) return;
    event.preventDefault();
    form.requestSubmit(form.querySelector<HTMLButtonElement>("button[data-main]"));
    return;
  }
  if (!mayUseKeys(event)) return;
  const target = document.querySelector<HTMLElement>(`[data-key="${CSS.escape(event.key)}"]`);
  if (!target) {
    // A page without a search of its own has the one over everything.
    if (event.key !== "/") return;
    event.preventDefault();
    (document.getElementById("palette") as HTMLDialogElement | null)?.showModal();
    return;
  }
  event.preventDefault();
  if (target instanceof HTMLInputElement) target.select();
  target.focus();
  if (target instanceof HTMLAnchorElement) target.click();
});

// The theme changes at once and is told to the server for the next page.
document.addEventListener("click", (event) => {
  const button = (event.target as Element).closest<HTMLButtonElement>("button[data-theme-choice]");
  if (!button) return;
  event.preventDefault();
  const theme = button.dataset.themeChoice!;
  document.documentElement.dataset.theme = theme;
  for (const other of document.querySelectorAll("button[data-theme-choice]")) other.setAttribute("aria-pressed", String(other === button));
  for (const colour of document.querySelectorAll<HTMLMetaElement>("meta[name=theme-color]")) {
    colour.media = theme === "auto" ? `(prefers-color-scheme: ${colour.dataset.scheme})` : theme === colour.dataset.scheme ? "" : "not all";
  }
  void fetch(`${base}/profile/theme`, { method: "POST", body: new URLSearchParams({ theme }) });
});

document.addEventListener("submit", (event) => {
  if (!(event.target as HTMLElement).matches("form[data-sign-out]")) return;
  forgetEverything();
  leaveTenant();
});

// Controls that act as soon as they are changed (language, number of rows).
document.addEventListener("change", (event) => {
  const control = event.target as HTMLInputElement;
  if (control.dataset.submit !== undefined) control.form?.requestSubmit();
});

document.addEventListener("click", (event) => {
  const button = (event.target as Element).closest<HTMLElement>("[data-copy]");
  if (!button) return;
  void navigator.clipboard?.writeText(button.dataset.copy!).then(() => {
    button.textContent = button.dataset.copied ?? "✓";
  });
});

// The name of a chosen file, where the input itself cannot be seen.
document.addEventListener("change", (event) => {
  const input = event.target as HTMLInputElement;
  const name = input.files?.[0]?.name;
  const shown = input.parentElement?.querySelector("[data-file-name]");
  if (name && shown) shown.textContent = name;
});

// Addresses of searches stay short: what was left empty is not sent.
document.addEventListener("formdata", (event) => {
  if ((event.target as HTMLFormElement).method !== "get") return;
  for (const [name, value] of [...event.formData]) if (value === "" || name.startsWith("_title/")) event.formData.delete(name);
});
