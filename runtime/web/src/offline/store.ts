// What waits on this device, in IndexedDB: a database for each tenant and person, so that nobody ever opens another's. What has
// been accepted here survives the end of the browser; it leaves only when the server has it or the person drops it.

import { openDB, type DBSchema, type IDBPDatabase } from "idb";
import { recovered, type Item } from "./item";

/** A file that waits. */
export interface Kept {
  id: string;
  name: string;
  type: string;
  bytes: Blob;
  /** What else is told with it: time and place of a photo. */
  with: Record<string, string>;
  at: number;
  sent: boolean;
}

interface Schema extends DBSchema {
  outbox: { key: number; value: Item };
  blobs: { key: string; value: Kept };
  meta: { key: string; value: number };
}

/** Files of forms that were never saved are dropped when no draft is left: each change of a draft keeps it for seven days more. */
const UNUSED_MS = 30 * 24 * 3600 * 1000;

/** The outbox of one person at one tenant. */
export class Store {
  private constructor(private readonly db: IDBPDatabase<Schema>) {}

  /** `closed` is told when the browser takes the database away. */
  static async open(base: string, user: string, closed?: () => void): Promise<Store> {
    const db = await openDB<Schema>(`mortise:${base}:${user}`, 1, {
      upgrade(db) {
        db.createObjectStore("outbox", { keyPath: "seq", autoIncrement: true });
        db.createObjectStore("blobs", { keyPath: "id" });
        db.createObjectStore("meta");
      },
      // A newer build in another tab goes first.
      blocking: (_current, _blocked, event) => {
        (event.target as IDBDatabase).close();
        closed?.();
      },
      terminated: () => closed?.(),
    });
    return new Store(db);
  }

  /** All items in order. */
  items(): Promise<Item[]> {
    return this.db.getAll("outbox");
  }

  item(seq: number): Promise<Item | undefined> {
    return this.db.get("outbox", seq);
  }

  /** Takes a save in, with the draft that it ends; when this is done, it is on the disk. */
  async add(item: Omit<Item, "seq">, draft?: string): Promise<number> {
    const work = this.db.transaction(["outbox", "meta"], "readwrite", { durability: "strict" });
    const seq = await work.objectStore("outbox").add(item as Item);
    if (draft) await work.objectStore("meta").put(item.at, `draft ${draft}`);
    await work.done;
    return seq;
  }

  /** When a form with this draft was last taken in. */
  async ended(draft: string): Promise<number | undefined> {
    return this.db.get("meta", `draft ${draft}`);
  }

  /** What waits out a pause goes at once: the person asks for it. */
  async hurry(): Promise<void> {
    const work = this.db.transaction("outbox", "readwrite");
    for (const item of await work.store.getAll()) {
      if (item.state === "waiting" && item.notBefore > 0) await work.store.put({ ...item, notBefore: 0 });
    }
    await work.done;
  }

  /** Puts another form of an item in its place; tells whether there was one: an item that has been sent meanwhile is gone. */
  async replace(item: Item): Promise<boolean> {
    const work = this.db.transaction("outbox", "readwrite", { durability: "strict" });
    const stored = await work.store.get(item.seq);
    if (stored) await work.store.put(item);
    await work.done;
    return stored !== undefined;
  }

  /** What a try has led to: of an item that was changed or dropped meanwhile, nothing. */
  async settle(tried: Item, now: Item): Promise<void> {
    const work = this.db.transaction(["outbox", "blobs"], "readwrite", { durability: "strict" });
    const stored = await work.objectStore("outbox").get(tried.seq);
    if (stored?.key === tried.key) {
      const over = now.state === "done" && now.leftovers.length === 0;
      if (over) await work.objectStore("outbox").delete(tried.seq);
      else await work.objectStore("outbox").put(now);
      if (now.state === "done") for (const id of tried.files) await work.objectStore("blobs").delete(id);
    }
    await work.done;
  }

  /** Drops an item with its files, except those that another item names as well. */
  async drop(seq: number): Promise<void> {
    const work = this.db.transaction(["outbox", "blobs"], "readwrite", { durability: "strict" });
    const items = await work.objectStore("outbox").getAll();
    const needed = new Set(items.filter((item) => item.seq !== seq).flatMap(({ files }) => files));
    const own = items.find((item) => item.seq === seq)?.files ?? [];
    for (const id of own.filter((id) => !needed.has(id))) await work.objectStore("blobs").delete(id);
    await work.objectStore("outbox").delete(seq);
    await work.done;
  }

  /** After a browser was killed: what was on its way goes again. */
  async recover(): Promise<void> {
    const work = this.db.transaction("outbox", "readwrite");
    for (const item of await work.store.getAll()) {
      if (item.state === "sending") await work.store.put(recovered(item));
    }
    await work.done;
  }

  async keepFile(file: Kept): Promise<void> {
    const work = this.db.transaction("blobs", "readwrite", { durability: "strict" });
    await work.store.put(file);
    await work.done;
  }

  file(id: string): Promise<Kept | undefined> {
    return this.db.get("blobs", id);
  }

  /** Ids of all files that wait, without reading them. */
  fileIds(): Promise<string[]> {
    return this.db.getAllKeys("blobs");
  }

  /** The server has it. The bytes stay until the save that names it is done: it may be shown before. */
  async markSent(id: string): Promise<void> {
    const work = this.db.transaction("blobs", "readwrite", { durability: "strict" });
    const file = await work.store.get(id);
    if (file) await work.store.put({ ...file, sent: true });
    await work.done;
  }

  /** Removes files that no item names and no draft can name any more. */
  async tidy(now: number): Promise<void> {
    const work = this.db.transaction(["outbox", "blobs"], "readwrite");
    const named = new Set((await work.objectStore("outbox").getAll()).flatMap((item) => item.files));
    for (const file of await work.objectStore("blobs").getAll()) {
      if (!named.has(file.id) && now - file.at > UNUSED_MS) await work.objectStore("blobs").delete(file.id);
    }
    await work.done;
  }

  async offset(): Promise<number> {
    return (await this.db.get("meta", "offset")) ?? 0;
  }

  async setOffset(offset: number): Promise<void> {
    await this.db.put("meta", offset, "offset");
  }

  close(): void {
    this.db.close();
  }
}
