// Starts the page: reads everything once, then follows what happens.

import { el, fill, find } from "./dom.js";
import { Refresher, follow, get } from "./source.js";
import * as actions from "./actions.js";
import * as deliveries from "./deliveries.js";
import * as details from "./details.js";
import * as faults from "./faults.js";
import * as journal from "./journal.js";
import * as phones from "./phones.js";
import * as resources from "./resources.js";
import * as tabs from "./tabs.js";

function showProfile({ profile, timeScale, seed }) {
  const speed = profile === "azure" ? `as slow as Azure × ${timeScale}` : "everything at once";
  fill(find("profile"),
    el("span", { class: "chip", title: "How long things take" }, `${profile}: ${speed}`),
    el("span", { class: "chip", title: "Fixes every key and guid" }, `seed ${seed}`));
}

function showLive(on) {
  const live = find("live");
  live.className = on ? "live on" : "live off";
  live.textContent = on ? "live" : "away, trying again";
}

async function refresh() {
  const [state, sent, dead, telephony, placed] = await Promise.all([
    get("state?view=tree"),
    get(`deliveries?since=${deliveries.since()}`),
    get("dead-letters"),
    get("phones"),
    get("faults"),
  ]);
  const known = resources.update(state.nested);
  deliveries.update(sent, dead.deadLetters, known, state.now);
  phones.update(telephony, known);
  actions.update(known);
  faults.update(placed.faults);
  await details.refresh(known);
}

async function start() {
  tabs.start();
  const refresher = new Refresher(refresh);
  const stir = () => refresher.want();
  details.start(resources.select);
  resources.start(details.show);
  journal.start();
  actions.start(stir);
  phones.start(stir);
  faults.start(stir);
  try {
    showProfile(await get("profile"));
    faults.offer((await get("faults/keys")).keys);
    const page = await get("journal?limit=500");
    journal.load(page.entries);
    await refresh();
    let was = false;
    follow(page.next, {
      entry: (entry) => {
        journal.add(entry);
        // It counts what it struck, a mere read too.
        if (entry.fault !== undefined) stir();
      },
      missed: journal.missed,
      changed: stir,
      live: (on) => {
        showLive(on);
        // Whatever happened while nobody listened.
        if (on && was === false) stir();
        was = on;
      },
    });
  } catch (error) {
    showLive(false);
    fill(find("details"), el("p", { class: "empty" }, `The simulator does not answer: ${error.message}. Reload this page once it does.`));
  }
}

start();
