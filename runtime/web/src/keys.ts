// Keys: `/` searches, `n` makes a new record, Ctrl+Enter or Ctrl+S saves. And small duties of links, theme and sign-out.

import { base } from "./page";
import { forgetEverything } from "./drafts";

const typing = (target: EventTarget | null) => (target as Element | null)?.closest?.("input, textarea, select, [contenteditable]");

document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && (event.key === "Enter" || event.key === "s")) {
    const form = (event.target as Element).closest?.("form") ?? document.querySelector<HTMLFormElement>("m-form form");
    if (!form || (event.key === "s" && !form.closest("m-form"))) return;
    event.preventDefault();
    form.requestSubmit(form.querySelector<HTMLButtonElement>("button[data-main]"));
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || document.querySelector("dialog[open]")) return;
  const target = document.querySelector<HTMLElement>(`[data-key="${CSS.escape(event.key)}"]`);
  if (!target) return;
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
  void fetch(`${base}/profile/theme`, { method: "POST", body: new URLSearchParams({ theme }) });
});

document.addEventListener("submit", (event) => {
  if ((event.target as HTMLElement).matches("form[data-sign-out]")) forgetEverything();
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
