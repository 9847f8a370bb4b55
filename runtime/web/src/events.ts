// The number of unread messages beside the bell, as it is now, and the latest of them below it. A page that nobody looks at lets go of its connection, so
// that many open tabs do not use up those that a browser has.

import { base, fetchPart, text, user } from "./page";

let source: EventSource | undefined;
/** Whether this page has let go of its connection before. */
let away = false;

function show(unread: number): void {
  for (const badge of document.querySelectorAll<HTMLElement>("[data-unread]")) {
    badge.textContent = unread > 99 ? "99+" : String(unread);
    badge.hidden = unread === 0;
    const link = badge.closest<HTMLElement>("[data-label]");
    if (link) link.setAttribute("aria-label", unread ? link.dataset.labelUnread!.replace("{count}", String(unread)) : link.dataset.label!);
    const words = badge.closest("a")?.querySelector<HTMLElement>("[data-unread-words]");
    if (words) words.textContent = unread ? words.dataset.unreadWords!.replace("{count}", String(unread)) : "";
  }
}

function listen(): void {
  if (source || !user || document.visibilityState !== "visible") return;
  source = new EventSource(`${base}/events`);
  source.addEventListener("inbox", (event) => show((JSON.parse((event as MessageEvent<string>).data) as { unread: number }).unread));
  // What shows records of these kinds asks again by itself.
  // Whatever happened while nobody was listening: all of it may have changed.
  let heard = away;
  source.addEventListener("open", () => {
    if (heard) document.dispatchEvent(new CustomEvent("mortise:changed", { detail: null }));
    heard = true;
  });
  source.addEventListener("changed", (event) => document.dispatchEvent(new CustomEvent("mortise:changed", { detail: JSON.parse((event as MessageEvent<string>).data) as string[] })));
}

function rest(): void {
  away ||= source !== undefined;
  source?.close();
  source = undefined;
}

document.addEventListener("visibilitychange", () => (document.visibilityState === "visible" ? listen() : rest()));
// A page that is kept for the way back must not keep its connection.
window.addEventListener("pagehide", rest);
window.addEventListener("pageshow", listen);
listen();

// The bell is a link to the inbox. Where there is room, the latest messages open below it instead.
const SMALL = "(max-width: 767px)";
let wasOpen = false;
const openerOf = (event: Event) => (event.target as Element).closest<HTMLElement>("[data-panel]");
const panelOf = (opener: HTMLElement | null) => (opener ? document.getElementById(opener.dataset.panel!) : null);

// A press outside of an open panel closes it before the click arrives, which must not open it again.
document.addEventListener("pointerdown", (event) => (wasOpen = panelOf(openerOf(event))?.matches(":popover-open") ?? false), true);

document.addEventListener("click", (event) => {
  const opener = openerOf(event);
  const panel = panelOf(opener);
  if (!opener || !panel || event.ctrlKey || event.metaKey || event.shiftKey || window.matchMedia(SMALL).matches) return;
  event.preventDefault();
  const open = wasOpen || panel.matches(":popover-open");
  wasOpen = false;
  if (open) return panel.hidePopover();
  panel.showPopover();
  panel.tabIndex = -1;
  panel.focus();
  void fill(panel, `${base}/inbox/panel`);
});

async function fill(panel: HTMLElement, url: string, init: RequestInit = {}): Promise<void> {
  try {
    panel.innerHTML = await fetchPart(url, init);
  } catch {
    panel.querySelector(".empty")?.replaceChildren(text("unreachable"));
  }
}

document.getElementById("notices")?.addEventListener("click", (event) => {
  const button = (event.target as Element).closest<HTMLElement>("[data-read]");
  const panel = event.currentTarget as HTMLElement;
  if (!button) return;
  const body = new URLSearchParams({ panel: "1", ...(button.dataset.read ? { id: button.dataset.read } : {}) });
  void fill(panel, `${base}/inbox/read`, { method: "POST", body }).then(() => panel.focus());
});
document.getElementById("notices")?.addEventListener("toggle", (event) => {
  const open = (event as ToggleEvent).newState === "open";
  for (const opener of document.querySelectorAll("[data-panel=notices]")) opener.setAttribute("aria-expanded", String(open));
});
