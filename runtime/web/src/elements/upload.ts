// Sends one file to the server and tells how far it is. XMLHttpRequest, because fetch doesn't report progress of uploads.

import { base, text, user } from "../page";
import { keepFile } from "../offline/files";
import { comesLater } from "../offline/item";
import { isAway } from "../offline/outbox";
import { sentences } from "../sentences";

/** A network that says nothing for so long is none. */
const QUIET_MS = 45_000;

/** A stored file. */
export interface Stored {
  id: string;
  name: string;
  /** Records in which the same picture, or one that looks the same, is used already. */
  used?: { entity: string; record: string; title: string; same: boolean }[];
  /** How many others, which the person may not see. */
  used_elsewhere?: number;
}

/**
 * Uploads `file`, or keeps it on this device until there is a way to the server; rejects with words for the person. What is told about
 * a photo goes along.
 */
export function upload(file: Blob, name: string, progress: (share: number) => void, photo?: Record<string, string>): Promise<Stored> {
  const keep = () => keepFile(file, name, photo).catch(() => Promise.reject(new Error(text("unreachable"))));
  if (user && isAway()) return keep();
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const told = photo ? `?${new URLSearchParams({ ...photo, name })}` : "";
    request.open("POST", `${base}/api/v1/files${told}`);
    request.setRequestHeader("Accept", "application/json");
    // Somebody else may have signed in in another tab.
    if (user) request.setRequestHeader("X-Mortise-Person", user);
    request.responseType = "json";
    let quiet = 0;
    const alive = () => {
      window.clearTimeout(quiet);
      quiet = window.setTimeout(() => request.abort(), QUIET_MS);
    };
    alive();
    request.upload.onprogress = (event) => {
      alive();
      if (event.lengthComputable) progress(event.loaded / event.total);
    };
    request.onloadend = () => window.clearTimeout(quiet);
    request.onabort = request.onerror = () => void (user ? keep() : Promise.reject(new Error(text("unreachable")))).then(resolve, reject);
    request.onload = () => {
      const answer = request.response as (Partial<Stored> & { detail?: string; title?: string; hint?: string }) | null;
      if (request.status < 300 && answer?.id) resolve({ ...answer, id: answer.id, name: answer.name ?? name });
      // "Not now" and "sign in first" are no judgement of the file: it goes later, as without network.
      else if (user && comesLater(request.status, answer !== null)) keep().then(resolve, reject);
      else reject(new Error(sentences(answer?.detail ?? answer?.title ?? text("upload_failed"), answer?.hint)));
    };
    if (photo) return request.send(file);
    const body = new FormData();
    body.append("file", file, name);
    request.send(body);
  });
}
