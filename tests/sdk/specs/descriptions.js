// Azure's API descriptions, laid out as their references expect it. AZURE_SPECS names a directory that holds
// PROVIDER/VERSION/spec*.json with their examples, and common-types/.
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import path from "node:path";

const json = (file) => JSON.parse(readFileSync(file, "utf8"));

/**
 * Lays the descriptions out under `root`, and returns them as {provider, version, directory, spec, missing}; `missing` are
 * the examples that they refer to and that are not at hand.
 */
export function laidOut(source, root) {
  const specification = path.join(root, "specification");
  const common = path.join(specification, "common-types");
  cpSync(path.join(source, "common-types"), common, { recursive: true });
  completed(common);
  const found = [];
  for (const provider of readdirSync(source).filter((name) => name.startsWith("Microsoft."))) {
    for (const version of readdirSync(path.join(source, provider))) {
      found.push(one(path.join(source, provider, version), provider, version, specification));
    }
  }
  return found;
}

/** v6 refers to a file that came later; v5 defines the same three values. */
function completed(common) {
  const of = (version) => path.join(common, "resource-management", version, "networksecurityperimeter.json");
  if (!existsSync(of("v6"))) cpSync(of("v5"), of("v6"));
}

function one(from, provider, version, specification) {
  const name = readdirSync(from).find((file) => file.startsWith("spec") && file.endsWith(".json"));
  const spec = json(path.join(from, name));
  // Newer descriptions lie one directory deeper.
  const deeper = JSON.stringify(spec).includes('"../../../../../../common-types/') ? ["deeper"] : [];
  const channel = version.endsWith("-preview") ? "preview" : "stable";
  const service = provider.split(".")[1].toLowerCase();
  const directory = path.join(specification, service, "resource-manager", provider, ...deeper, channel, version);
  mkdirSync(directory, { recursive: true });
  if (existsSync(path.join(from, "examples"))) cpSync(path.join(from, "examples"), path.join(directory, "examples"), { recursive: true });
  const missing = [];
  for (const operation of Object.values(spec.paths).flatMap(Object.values)) {
    const examples = Object.entries(operation["x-ms-examples"] ?? {});
    const there = examples.map(([title, { $ref }]) => [title, { $ref: example(directory, $ref) }]).filter(([, e]) => e.$ref);
    missing.push(...examples.map(([, { $ref }]) => $ref).filter(($ref) => !example(directory, $ref)));
    if (examples.length > 0) operation["x-ms-examples"] = Object.fromEntries(there);
  }
  writeFileSync(path.join(directory, "spec.json"), JSON.stringify(spec));
  return { provider, version, directory, spec, missing };
}

/** Where an example is: as referred to, or without the folder that upstream sorts it into; not every one is at hand. */
function example(directory, reference) {
  const places = [reference, `./examples/${path.basename(reference)}`];
  return places.find((place) => existsSync(path.join(directory, place)));
}
