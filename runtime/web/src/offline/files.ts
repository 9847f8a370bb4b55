// Files that cannot be uploaded now: kept on this device under an id made here, which a form can name at once.

import type { Stored } from "../elements/upload";
import { newId } from "./ids";
import { store, told } from "./outbox";

/** Keeps a file; `with` goes along when it is uploaded (time and place of a photo). */
export async function keepFile(file: Blob, name: string, with_: Record<string, string> = {}): Promise<Stored> {
  const shelf = await store();
  const [at, offset] = [Date.now(), await shelf.offset()];
  const id = newId(at + offset);
  await shelf.keepFile({ id, name, type: file.type, bytes: file, with: with_, at, sent: false });
  told();
  return { id, name };
}
