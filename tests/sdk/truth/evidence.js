// What a run drove: per operation and version, with which answers. Kept in tests/sdk/evidence, from which
// docs/simulator.md is made; UPDATE_GENERATED=1 rewrites what differs.
// evidence.js NAME RECORDING
import { readFileSync } from "node:fs";
import { compared, file, lines } from "./generated.js";
import { apiVersion, exchanges, operationOf, operations } from "./operations.js";

const [name, recording] = process.argv.slice(2);
const all = operations();
const driven = {};
const strangers = new Set();
for (const exchange of exchanges(readFileSync(recording, "utf8"))) {
  // What was refused says little about the operation: tests of refusals are about nothing being there, or wrong.
  if (exchange.status >= 400) continue;
  const operation = operationOf(all, exchange);
  if (operation === undefined) {
    strangers.add(`${exchange.method} ${exchange.url.split("?")[0]}: ${exchange.status}`);
    continue;
  }
  const version = (operation.versions.length > 0 && apiVersion(exchange.url)) || "-";
  ((driven[operation.id] ??= {})[version] ??= new Set()).add(exchange.status);
}
if (strangers.size > 0) {
  console.error("answered, but not on the list of azure-sim operations:");
  for (const stranger of strangers) console.error(`  ${stranger}`);
  process.exit(1);
}
const sorted = (object, value) =>
  Object.fromEntries(Object.keys(object).sort().map((key) => [key, value(object[key])]));
const evidence = sorted(driven, (versions) => sorted(versions, (statuses) => [...statuses].sort()));
const text = `${lines(evidence)}\n`;
if (!compared(file(`../evidence/${name}.json`), text)) process.exit(1);
console.log(`${name}: ${Object.keys(evidence).length} of ${all.length} operations driven`);
