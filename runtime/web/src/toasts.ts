// Short messages at the corner. The server writes them into the page; the script adds its own and takes old ones away.

import { element, icon, text } from "./page";
import { forgetDraft } from "./drafts";

/** Long enough to read two lines and to reach for "Undo". */
const SHOWN_MS = 7000;

/** Shows a message. */
export function toast(message: string, kind: "good" | "error" = "good"): void {
  const box = element("div", { class: `toast toast-${kind}` }, icon(kind === "good" ? "check" : "alert-circle"), element("span", { class: "grow" }, message));
  document.getElementById("toasts")?.append(box);
  adopt(box);
}

function adopt(box: HTMLElement): void {
  if (box.dataset.adopted) return;
  box.dataset.adopted = "1";
  if (box.dataset.forgetDraft) forgetDraft(box.dataset.forgetDraft);
  const close = element("button", { class: "btn btn-quiet btn-s btn-icon", type: "button", "aria-label": text("close") }, icon("x", "icon icon-s"));
  const leave = () => {
    box.classList.add("is-leaving");
    window.setTimeout(() => box.remove(), 220);
  };
  close.addEventListener("click", leave);
  box.append(close);
  let timer = window.setTimeout(leave, SHOWN_MS);
  const hold = () => window.clearTimeout(timer);
  const release = () => (timer = window.setTimeout(leave, SHOWN_MS));
  for (const [event, action] of [["mouseenter", hold], ["focusin", hold], ["mouseleave", release], ["focusout", release]] as const)
    box.addEventListener(event, action);
}

const adoptAll = () => document.querySelectorAll<HTMLElement>("#toasts .toast").forEach(adopt);
adoptAll();
document.addEventListener("htmx:after:swap", adoptAll);
