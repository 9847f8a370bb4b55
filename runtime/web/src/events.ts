// The number of unread messages beside the bell, as it is now. A page that nobody looks at lets go of its connection, so
// that many open tabs do not use up those that a browser has.

import { base, user } from "./page";

let source: EventSource | undefined;

function show(unread: number): void {
  for (const badge of document.querySelectorAll<HTMLElement>("[data-unread]")) {
    badge.textContent = unread > 99 ? "99+" : String(unread);
    badge.hidden = unread === 0;
    const link = badge.closest<HTMLElement>("[data-label]");
    if (link) link.setAttribute("aria-label", unread ? link.dataset.labelUnread!.replace("{count}", String(unread)) : link.dataset.label!);
  }
}

function listen(): void {
  if (source || !user || document.visibilityState !== "visible") return;
  source = new EventSource(`${base}/events`);
  source.addEventListener("inbox", (event) => show((JSON.parse((event as MessageEvent<string>).data) as { unread: number }).unread));
}

function rest(): void {
  source?.close();
  source = undefined;
}

document.addEventListener("visibilitychange", () => (document.visibilityState === "visible" ? listen() : rest()));
// A page that is kept for the way back must not keep its connection.
window.addEventListener("pagehide", rest);
window.addEventListener("pageshow", listen);
listen();
