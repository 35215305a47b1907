// Faults: placing them, seeing that they struck, taking them away.

import { el, fill, find, table } from "./dom.js";
import { form, pair, select, text } from "./form.js";
import { post, remove } from "./source.js";
import * as tabs from "./tabs.js";

const list = el("div");
const number = { type: "number", min: 0 };
let changed = () => {};

export function start(stir) {
  changed = stir;
  const place = form({
    title: "Place a fault",
    broad: true,
    says: "It strikes requests that meet every condition given; the first one that is due does.",
    button: "Place",
    fields: [
      pair(text("operation", "Operation, * for any rest", "Microsoft.Communication/*", false), text("path", "Part of the path", "", false),
        select("method", "Method", ["", "GET", "PUT", "PATCH", "POST", "DELETE"].map((word) => [word, word || "any"]))),
      pair(text("times", "How often", "1", false, { ...number, min: 1 }), text("nth", "First strikes match number", "", false, { ...number, min: 1 }),
        text("status", "Answer status", "503", false, { ...number, min: 100, max: 599 }), text("retryAfter", "Retry-After, seconds", "", false, number)),
      pair(text("delayMs", "Delay, ms", "", false, number),
        select("drop", "Cut the connection", [["", "no"], ["before", "before the effect"], ["after", "after the effect"]]),
        select("lro", "Its operation", [["", "as usual"], ["fail", "fails"], ["endless", "never ends"], ["lost", "is lost"]])),
    ],
    run: async (values) => {
      const { id } = await post("faults", fault(values));
      changed();
      return `Fault ${id} waits for its requests.`;
    },
  });
  fill(find("faults"), list, el("div", { class: "forms" }, place));
}

/** The form's texts as a fault; what is empty is left out. */
function fault(values) {
  const take = (names, convert) => names.filter((name) => values[name] !== "").map((name) => [name, convert(values[name])]);
  return Object.fromEntries([
    ...take(["operation", "path", "method"], String),
    ...take(["times", "nth"], Number),
    ["answer", Object.fromEntries([...take(["status", "retryAfter", "delayMs"], Number), ...take(["drop", "lro"], String)])],
  ]);
}

export function update(faults) {
  tabs.count("faults", faults.length, faults.some(({ hits }) => hits > 0));
  const act = (words, door) => el("button", {
    type: "button",
    onclick: async () => {
      await remove(door);
      changed();
    },
  }, words);
  fill(list, faults.length === 0
    ? el("p", { class: "empty" }, "Nothing fails. Place a fault below to see how a client takes it.")
    : [
      table(["No.", "Strikes", "What happens", "Matched", "Struck", ""], faults.map(({ id, seen, hits, answer, ...when }) => [
        { class: "number", value: id },
        { class: "long", value: said(when) || "everything" },
        { class: "long", value: said(answer) },
        { class: "number", value: seen },
        { class: "number", value: hits },
        act("Remove", `faults/${id}`),
      ])),
      el("p", {}, act("Remove all", "faults")),
      el("h3", {}, ""),
    ]);
}

const said = (members) => Object.entries(members).map(([name, value]) => `${name} ${typeof value === "object" ? JSON.stringify(value) : value}`).join(", ");
