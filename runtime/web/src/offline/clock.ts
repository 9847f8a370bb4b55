// How far this device's clock is from the server's, measured at each answer that carries a date. Times of saves and photos are
// kept with it, so that a clock that is wrong by years does no harm.

/** Answers that took longer tell too little about the time between. */
const SLOW_MS = 20_000;

/** What the server's clock is ahead of this one, from the `Date` of an answer; none when it says nothing. */
export function measured(date: string | null, sent: number, received: number): number | undefined {
  const server = date ? Date.parse(date) : NaN;
  const took = received - sent;
  if (Number.isNaN(server) || took < 0 || took > SLOW_MS) return undefined;
  // The header has whole seconds: on average half a second has passed.
  const offset = server + 500 - (sent + took / 2);
  return Math.abs(offset) < 1000 ? 0 : Math.round(offset);
}
