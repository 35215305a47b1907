// A line per test, and a last line in the words that the suite counts.

import { inspect } from "node:util";

export default async function* report(events) {
  let [passed, failed] = [0, 0];
  for await (const { type, data } of events) {
    if (type === "test:stderr" || type === "test:stdout") yield data.message;
    if (type !== "test:pass" && type !== "test:fail") continue;
    // Files and groups are no tests.
    if (data.details?.type === "suite") continue;
    const ok = type === "test:pass";
    if (ok) passed += 1;
    else failed += 1;
    yield `${ok ? "ok  " : "FAIL"} ${data.name} (${Math.round(data.details.duration_ms)} ms)\n`;
    if (!ok) yield `${inspect(data.details.error?.cause ?? data.details.error)}\n`;
  }
  yield `${passed} passed, ${failed} failed\n`;
}
