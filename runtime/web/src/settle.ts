// A form is sent when what belongs to it is there: a photo that is still on its way and a signature that was drawn a moment ago
// would be missing from the record. Whatever has something under way hears `m-settle` and adds it to the list.

import { text } from "./page";
import { toast } from "./toasts";

/** Who waits longer than this is told what for. */
const LONG_MS = 600;

/** What a form waits for; each tells whether it came to a good end. */
export type Waits = Promise<boolean>[];

// On the window, and before everybody else who hears of forms that are sent.
window.addEventListener(
  "submit",
  (event) => {
    const form = event.target as HTMLFormElement;
    const waits: Waits = [];
    form.dispatchEvent(new CustomEvent<Waits>("m-settle", { detail: waits }));
    if (waits.length === 0) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    // Pressed again while it waits, it is still one save.
    if (form.dataset.settling !== undefined) return;
    form.dataset.settling = "";
    void settle(form, event.submitter, waits);
  },
  true,
);

async function settle(form: HTMLFormElement, submitter: HTMLElement | null, waits: Waits): Promise<void> {
  submitter?.classList.add("is-busy");
  const told = window.setTimeout(() => toast(text("upload_first")), LONG_MS);
  const fine = (await Promise.all(waits)).every(Boolean);
  window.clearTimeout(told);
  submitter?.classList.remove("is-busy");
  delete form.dataset.settling;
  // What failed is told beside its field; the person decides.
  if (fine && form.isConnected) form.requestSubmit(submitter);
}
