// Files that are made from others and committed: compared in CI, rewritten where UPDATE_GENERATED=1.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** A file by its place beside this one. */
export const file = (place) => fileURLToPath(new URL(place, import.meta.url));

/** Whether `path` holds `text`, or does so now. Shows the first lines that differ. */
export function compared(path, text) {
  const had = existsSync(path) ? readFileSync(path, "utf8") : "";
  if (had === text) return true;
  if (process.env.UPDATE_GENERATED === "1") {
    writeFileSync(path, text);
    return true;
  }
  const [old, now] = [had.split("\n"), text.split("\n")];
  console.error(`${path} is not what this run gives (UPDATE_GENERATED=1 rewrites it):`);
  for (const line of old.filter((l) => !now.includes(l)).slice(0, 20)) console.error(`- ${line}`);
  for (const line of now.filter((l) => !old.includes(l)).slice(0, 20)) console.error(`+ ${line}`);
  return false;
}

/** JSON for people: one line for a list of plain values. */
export const lines = (value) =>
  JSON.stringify(value, null, 1).replace(/\[\n\s+([^[\]{}]*?)\n\s+\]/g, (_, list) => `[${list.replace(/\n\s+/g, " ")}]`);
