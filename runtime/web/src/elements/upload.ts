// Sends one file to the server and tells how far it is. XMLHttpRequest, because fetch doesn't report progress of uploads.

import { base, text } from "../page";

/** A stored file. */
export interface Stored {
  id: string;
  name: string;
}

/** Uploads `file`; rejects with words for the person. */
export function upload(file: Blob, name: string, progress: (share: number) => void): Promise<Stored> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", `${base}/api/v1/files`);
    request.setRequestHeader("Accept", "application/json");
    request.responseType = "json";
    request.upload.onprogress = (event) => event.lengthComputable && progress(event.loaded / event.total);
    request.onerror = () => reject(new Error(text("unreachable")));
    request.onload = () => {
      const answer = request.response as { id?: string; name?: string; detail?: string; title?: string } | null;
      if (request.status < 300 && answer?.id) resolve({ id: answer.id, name: answer.name ?? name });
      else reject(new Error(answer?.detail ?? answer?.title ?? text("upload_failed")));
    };
    const body = new FormData();
    body.append("file", file, name);
    request.send(body);
  });
}
