// Faults: placing them, seeing that they struck, taking them away.

import { el, fill, find, table } from "./dom.js";
import { faultForm } from "./fault-form.js";
import { post, remove } from "./source.js";
import * as tabs from "./tabs.js";

const list = el("div");
const forms = el("div", { class: "forms" });
let changed = () => {};

export function start(stir) {
  changed = stir;
  fill(find("faults"), list, forms);
}

/** Offers what a fault may have. */
export function offer(keys) {
  fill(forms, faultForm(keys, async (fault) => {
    const { id } = await post("faults", fault);
    changed();
    return `Fault ${id} waits for its requests.`;
  }));
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
      table(["No.", "Strikes", "What happens", "Struck", ""], faults.map(({ id, seen, hits, answer, ...when }) => [
        { class: "number", value: id },
        { class: "long", value: said(when) || "everything" },
        { class: "long", value: said(answer) },
        // Of those that met its conditions.
        { class: "number", value: `${hits} of ${seen}` },
        act("Remove", `faults/${id}`),
      ])),
      el("p", { class: "below" }, act("Remove all", "faults")),
    ]);
}

const said = (members) => Object.entries(members).map(([name, value]) => `${name} ${typeof value === "object" ? JSON.stringify(value) : value}`).join(", ");
