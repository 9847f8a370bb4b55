// `<m-split>`: a pasted message about somebody goes into the fields of the form. The server says what belongs where; what is filled in
// already stays, what has no place stays in the box, and all of it can be taken back.

import { element, fetchJson, text } from "../page";
import { difference, restore, snapshot } from "../drafts";
import { gap } from "../sentences";
import { fill } from "./cells";

interface Answer {
  fields: { name: string; label: string; text: string }[];
  rest: string[];
}

class Split extends HTMLElement {
  connectedCallback(): void {
    const box = this.querySelector("textarea")!;
    this.querySelector("[data-fill]")!.addEventListener("click", () => void this.run(box));
    // What was pasted into the empty box is meant to be taken apart.
    box.addEventListener("paste", () => {
      const empty = box.value.trim() === "";
      setTimeout(() => empty && void this.run(box));
    });
    this.querySelector("details")?.addEventListener("toggle", (event) => {
      if ((event.target as HTMLDetailsElement).open) box.focus();
    });
  }

  private async run(box: HTMLTextAreaElement): Promise<void> {
    const form = this.closest("m-form")?.querySelector("form");
    if (!form || box.value.trim() === "") return box.focus();
    const button = this.querySelector("[data-fill]")!;
    button.classList.add("is-busy");
    try {
      const body = new URLSearchParams({ text: box.value });
      const chosen = new FormData(form).get("_form");
      if (typeof chosen === "string") body.set("_form", chosen);
      await this.place(form, box, await fetchJson<Answer>(this.dataset.src!, { method: "POST", body }));
    } catch {
      this.tell(text("unreachable"));
    }
    button.classList.remove("is-busy");
  }

  private async place(form: HTMLFormElement, box: HTMLTextAreaElement, answer: Answer): Promise<void> {
    const [before, pasted] = [snapshot(form), box.value];
    const [filled, left] = [[] as string[], [...answer.rest]];
    for (const { name, label, text: words } of answer.fields) {
      const place = form.querySelector<HTMLElement>(`[data-field="${CSS.escape(name)}"]`);
      const taken = [...(before[name] ?? []), ...(before[`_title/${name}`] ?? [])].some((text) => text !== "" && text !== "false");
      if (!place || taken || place.closest("[hidden]")) left.push(words);
      // A name that nothing is known by stands in its picker, to be picked or made.
      else if ((await fill(place, words)) || place.querySelector("m-pick, m-tree")) filled.push(label);
      else left.push(words);
    }
    box.value = left.join("\n");
    if (filled.length === 0) return this.tell(text("split_nothing"));
    const undo = element("button", { type: "button", class: "link-button" }, text("undo"));
    undo.addEventListener("click", () => {
      restore(form, difference(snapshot(form), before));
      form.dispatchEvent(new Event("change", { bubbles: true }));
      box.value = pasted;
      this.tell("");
    });
    const told = text(left.length > 0 ? "split_partly" : "split_done", { fields: filled.join(text("list_separator")) });
    this.tell(told, gap(told), undo);
  }

  private tell(...words: (Node | string)[]): void {
    this.querySelector("[data-told]")!.replaceChildren(...words);
  }
}

customElements.define("m-split", Split);
