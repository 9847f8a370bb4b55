// A reporter that tells nothing but what failed, and why. What it writes is shown again at the end of all tests, where it is
// not far above hundreds of lines about other tests.

/** What went wrong, without the frames of the test runner itself. */
function reason(error) {
  const cause = error.cause ?? error;
  const text = cause.stack ?? cause.message ?? String(cause);
  return text.split("\n").filter((line) => !line.includes("node:internal")).slice(0, 25).join("\n");
}

export default async function* failures(events) {
  for await (const { type, data } of events) {
    if (type !== "test:fail" || data.details.error?.failureType === "subtestsFailed") continue;
    yield `${data.file ?? ""}: ${data.name}\n${reason(data.details.error)}\n\n`;
  }
}
