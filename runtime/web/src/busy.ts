// Waiting for the server: a bar on top, buttons that can't be pressed twice, and a clear word when it can't be reached.

import { toast } from "./toasts";
import { text } from "./page";

const root = document.documentElement;

function setBusy(form: HTMLFormElement, submitter: HTMLElement | null, busy: boolean): void {
  if (busy) form.dataset.busy = "1";
  else delete form.dataset.busy;
  submitter?.classList.toggle("is-busy", busy);
}

document.addEventListener("submit", (event) => {
  const form = event.target as HTMLFormElement;
  if (form.dataset.busy && form.method === "post") {
    event.preventDefault();
    event.stopImmediatePropagation();
    return;
  }
  if (form.method === "dialog" || form.dataset.download !== undefined) return;
  const submitter = event.submitter;
  // After the other listeners: only when the form is really sent.
  queueMicrotask(() => {
    if (event.defaultPrevented && !form.matches("[hx-post],[hx-get]")) return;
    setBusy(form, submitter, true);
    root.classList.add("is-loading");
  });
}, true);

document.addEventListener("htmx:before:request", () => root.classList.add("is-loading"));
document.addEventListener("htmx:finally:request", () => {
  root.classList.remove("is-loading");
  for (const form of document.querySelectorAll<HTMLFormElement>("form[data-busy]")) setBusy(form, form.querySelector(".is-busy"), false);
});
document.addEventListener("htmx:after:swap", (event) => {
  const { sourceElement: source, response } = (event as CustomEvent<{ ctx: { sourceElement?: Element; response?: { raw: Response } } }>).detail.ctx;
  if (source instanceof HTMLFormElement && source.dataset.reset !== undefined && response?.raw.ok) source.reset();
});
/** What is told of an answer that failed. */
interface Failed {
  select?: string;
  text?: string;
  response?: { raw: Response };
}

/** Where a part of a page was asked for and the answer is a page that says why not, the part stays, and the reason is told. */
document.addEventListener("htmx:before:swap", (event) => {
  const { select, text: answer, response } = (event as CustomEvent<{ ctx: Failed }>).detail.ctx;
  if (!select || !answer || !response || response.raw.ok) return;
  const page = new DOMParser().parseFromString(answer, "text/html");
  if (page.querySelector(select)) return;
  event.preventDefault();
  const reasons = [...page.querySelectorAll(".error-page :is(h1, h1 + p)")].map((said) => said.textContent);
  toast(reasons.join(" · ") || text("unreachable"), "error");
});
document.addEventListener("htmx:error", (event) => {
  const source = (event as CustomEvent<{ ctx?: { sourceElement?: Element } }>).detail?.ctx?.sourceElement;
  // A page of earlier says already that there is no network; only what the person does themselves is answered.
  if (document.documentElement.dataset.asOf !== undefined && !(source instanceof HTMLFormElement)) return;
  toast(text("unreachable"), "error");
});

// Back from the browser's page cache, everything can be pressed again.
window.addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  root.classList.remove("is-loading");
  for (const form of document.querySelectorAll<HTMLFormElement>("form[data-busy]")) setBusy(form, form.querySelector(".is-busy"), false);
});
