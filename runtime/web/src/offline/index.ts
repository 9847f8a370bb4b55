// Work without network, as every page takes part in it. The page of the outbox has a bundle of its own.

import { base, user } from "../page";
import "./form";
import "./indicator";
import { keepOutbox, keepSoon } from "./keep";
import { begin, store } from "./outbox";
import { nowIs, tellWho, whoChannel, whoIs } from "./pages";

/** Where there is no secure connection, browsers offer none of this. */
const able = "serviceWorker" in navigator && "locks" in navigator && "caches" in window;

/** This page is about to go away by itself. */
let leaving = false;

if (able && user) {
  // Where the network has just gone, or the device is full, what is kept stays as it is.
  void nowIs(base, user).then(keepOutbox).catch(() => undefined);
  void navigator.serviceWorker.register(`${base}/sw.js`, { scope: `${base}/` }).catch(() => undefined);
  begin();
  keepSoon();
  // In another tab somebody else has signed in: what would be sent from here would be sent as theirs. Drafts stay with their writer.
  new BroadcastChannel(whoChannel(base)).addEventListener("message", ({ data }) => follow(data as string));
  window.addEventListener("pageshow", ({ persisted }) => persisted && void whoIs(base).then(follow));
}
// Other pages of nobody, such as those of failures, say nothing about who is here.
if (able && !user && location.pathname === `${base}/sign-in`) {
  void nowIs(base, "").catch(() => undefined);
  tellWho(base, "");
}

function follow(now: string): void {
  if (leaving || now === user) return;
  leaving = true;
  location.reload();
}

// Signing out empties what is kept. What waits stays, hidden, for its person; that is said first.
document.addEventListener(
  "submit",
  (event) => {
    const form = event.target as HTMLFormElement;
    if (!able || !form.matches("[data-sign-out]") || form.dataset.sure) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    void signOut(form);
  },
  true,
);

async function signOut(form: HTMLFormElement): Promise<void> {
  // Where the device does not let us look, signing out is possible all the same.
  const shelf = await store().catch(() => undefined);
  const waiting = (await shelf?.items().catch(() => []))?.length ?? 0;
  const words = document.querySelector<HTMLElement>("m-outbox")?.dataset.leave ?? "";
  if (waiting > 0 && !window.confirm(words.replace("{count}", String(waiting)))) return;
  leaving = true;
  // Photos of forms that were never saved go with their drafts.
  await shelf?.tidy(Infinity).catch(() => undefined);
  await nowIs(base, "").catch(() => undefined);
  form.dataset.sure = "1";
  form.requestSubmit();
}
