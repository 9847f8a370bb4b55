// Where the device is, asked once for all photos that are taken together.

/** A place, or why there is none. */
export type Found = { place: string; within: string } | "denied" | "failed";

/** Indoors a position takes a while; a photo does not wait longer. */
const PATIENCE_MS = 10_000;
/** Somebody who walks is still at the same place. */
const FRESH_MS = 60_000;

let last: { at: number; found: Promise<Found> } | undefined;

/** The place now. */
export function whereNow(): Promise<Found> {
  if (last && Date.now() - last.at < FRESH_MS) return last.found;
  const found = ask();
  last = { at: Date.now(), found };
  // What failed is tried again with the next photo.
  void found.then((place) => typeof place === "string" && (last = undefined));
  return found;
}

function ask(): Promise<Found> {
  if (!("geolocation" in navigator)) return Promise.resolve("failed");
  return new Promise((resolve) => {
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => resolve({ place: `${coords.latitude.toFixed(6)},${coords.longitude.toFixed(6)}`, within: coords.accuracy.toFixed(0) }),
      (error) => resolve(error.code === error.PERMISSION_DENIED ? "denied" : "failed"),
      { enableHighAccuracy: true, timeout: PATIENCE_MS, maximumAge: FRESH_MS },
    );
  });
}
