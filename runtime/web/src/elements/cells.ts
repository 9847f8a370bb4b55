// Blocks of cells as spreadsheets put them on the clipboard, and how a text gets into a widget of whatever kind.

/** What a widget that looks things up can do with a text. */
export interface Takes extends HTMLElement {
  take(words: string): Promise<boolean>;
}

/** Rows of cells; none where the text is not a block but words of one cell. */
export function block(pasted: string): string[][] | undefined {
  const source = pasted.replace(/\r\n?/g, "\n").replace(/\n$/, "");
  if (!/[\t\n]/.test(source)) return undefined;
  const rows: string[][] = [[]];
  let [cell, quoted, at] = ["", false, 0];
  const end = () => {
    rows.at(-1)!.push(cell);
    cell = "";
  };
  while (at < source.length) {
    const letter = source[at]!;
    // A quote opens a cell only where the cell begins, and two of them are one that was meant.
    if (quoted && letter === '"' && source[at + 1] === '"') (cell += '"'), at++;
    else if (quoted && letter === '"') quoted = false;
    else if (!quoted && letter === '"' && cell === "" && closes(source, at + 1)) quoted = true;
    else if (!quoted && letter === "\t") end();
    else if (!quoted && letter === "\n") end(), rows.push([]);
    else cell += letter;
    at++;
  }
  end();
  return rows;
}

/** Whether a quote that opens here is closed before a cell ends. */
function closes(source: string, from: number): boolean {
  const close = /(?<!")(?:"")*"(?=[\t\n]|$)/g;
  close.lastIndex = from;
  return close.test(source);
}

const YES = new Set(["true", "yes", "y", "1", "x", "✓", "√", "是", "对"]);
const NO = new Set(["false", "no", "n", "0", "", "否", "不"]);

/** Puts a text into the widget of a cell or field; false where the widget has no place for it. */
export async function fill(place: HTMLElement, words: string): Promise<boolean> {
  const text = words.trim();
  const picker = place.querySelector<Takes>("m-pick, m-tree");
  if (picker) return picker.take(text);
  const radios = [...place.querySelectorAll<HTMLInputElement>("input[type=radio], input[type=checkbox]:not([role=switch])")];
  if (radios.length > 0) return choose(radios, text);
  const control = place.querySelector<HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement>("input:not([type=hidden]), select, textarea");
  if (!control || control.disabled || (control instanceof HTMLInputElement && control.readOnly)) return text === "";
  const fits = set(control, text);
  if (fits) control.dispatchEvent(new Event("change", { bubbles: true }));
  return fits;
}

function set(control: HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement, text: string): boolean {
  if (control instanceof HTMLSelectElement) {
    const option = [...control.options].find((option) => same(option.text, text) || option.value === text);
    if (!option && text !== "") return false;
    control.value = option?.value ?? "";
    return true;
  }
  if (control instanceof HTMLTextAreaElement) control.value = text;
  else if (control.type === "checkbox") {
    const word = text.toLowerCase();
    if (!YES.has(word) && !NO.has(word)) return false;
    control.checked = YES.has(word);
  } else if (control.type === "date" || control.type === "datetime-local") {
    const local = dated(text, control.type === "datetime-local");
    if (local === undefined) return false;
    control.value = local;
  } else if (control.type === "file") return false;
  // One line has no room for several.
  else control.value = text.replace(/\s*\n\s*/g, " ");
  return true;
}

function choose(boxes: HTMLInputElement[], text: string): boolean {
  const wanted = text.split(/[,，、;；\n]/).map((part) => part.trim()).filter(Boolean);
  const found = boxes.filter((box) => wanted.some((part) => box.value === part || same(box.closest("label")?.textContent ?? "", part)));
  if (text !== "" && found.length === 0) return false;
  for (const box of boxes) box.checked = found.includes(box);
  (found[0] ?? boxes[0])!.dispatchEvent(new Event("change", { bubbles: true }));
  return found.length === wanted.length;
}

const same = (one: string, other: string) => one.trim().toLowerCase() === other.trim().toLowerCase();

/** A day, perhaps with a time, as inputs want it; only where the order of its parts is beyond doubt. */
export function dated(text: string, withTime: boolean): string | undefined {
  if (text === "") return "";
  const parts = /^(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*[日号]?(?:[\sT]+(\d{1,2}):(\d{2})(?::\d{2})?)?$/.exec(text);
  if (!parts) return undefined;
  const two = (part: string | undefined) => (part ?? "0").padStart(2, "0");
  const day = `${parts[1]}-${two(parts[2])}-${two(parts[3])}`;
  if (Number.isNaN(Date.parse(day))) return undefined;
  return withTime ? `${day}T${two(parts[4])}:${two(parts[5])}` : day;
}
