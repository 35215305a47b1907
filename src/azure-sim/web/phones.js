// Phones, and what each received.

import { el, fill, find } from "./dom.js";
import { clock, kind, leaf, masked } from "./format.js";
import { choices, form, select, text } from "./form.js";
import { post } from "./source.js";
import * as tabs from "./tabs.js";

const PUSHES = { call: "Incoming call", message: "Chat message", direct: "Direct push", tagged: "Push by tags", broadcast: "Push to all" };
const SHOWN = 100;

const screens = el("div", { class: "phones" });
const silent = el("div");

export function start(stir) {
  const add = form({
    title: "Add a phone",
    says: "It registers at a hub, as an app would on its first start.",
    button: "Add",
    fields: [
      select("hub", "Hub", []),
      text("user", "User", "8:acs:alice"),
      select("platform", "Platform", [["apple", "Apple (APNs)"], ["fcmv1", "Android (FCM v1)"], ["windows", "Windows (WNS)"],
        ["browser", "Browser (web push)"], ["adm", "Amazon"], ["baidu", "Baidu"], ["xiaomi", "Xiaomi"]]),
      text("tags", "Tags, with commas between", "", false),
    ],
    run: async ({ hub, user, platform, tags }) => {
      const words = tags.split(",").map((tag) => tag.trim()).filter(Boolean);
      await post("phones", { hub, user, platform, ...(words.length > 0 && { tags: words }) });
      stir();
      return `${user} has a phone now.`;
    },
  });
  fill(find("phones"), screens, silent, el("div", { class: "forms" }, add));
}

export function update({ phones, silences }, known) {
  const hubs = known.map(({ node }) => node).filter((node) => kind(node.type) === "notification hub");
  choices(find("phones").querySelector('[name="hub"]'), hubs.map((hub) => [hub.id, hub.name]), "make a notification hub first");
  tabs.count("phones", phones.reduce((sum, phone) => sum + phone.received.length, 0));
  fill(screens, phones.slice(0, SHOWN).map(screen), phones.length === 0 && el("p", { class: "empty" }, "There is no phone yet. Add one below, or let an app register an installation at a hub; then ring it under ", el("b", {}, "Try it"), "."));
  const reasons = Object.entries(silences);
  fill(silent, reasons.length > 0 && [
    el("h3", {}, "Pushes that no phone got (Azure says nothing of them)"),
    el("div", { class: "chips" }, reasons.map(([why, number]) => el("span", { class: "chip" }, `${number} × ${words(why)}`))),
    el("h3", {}, ""),
  ]);
}

/** NoSendRight → no send right */
const words = (name) => name.replace(/(?<=[a-z])([A-Z])/g, " $1").toLowerCase();

function screen({ user, platform, hub, handle, tags, received }) {
  return el("article", { class: "phone", "aria-label": `Phone of ${user}` },
    el("header", {}, el("strong", {}, user || "somebody"), el("span", { class: "muted" }, platform)),
    el("p", { class: "muted" }, `at ${leaf(hub)} · `, el("span", { class: "mono", title: "Device handle, masked" }, masked(handle))),
    tags?.length > 0 && el("p", { class: "chips" }, tags.map((tag) => el("span", { class: "chip" }, tag))),
    el("ol", {},
      received.toReversed().slice(0, SHOWN).map(bubble),
      received.length === 0 && el("li", { class: "muted" }, "nothing yet")));
}

function bubble({ time, push, title, body, service, rule }) {
  const by = service ? `from ${leaf(service)}, by ${rule}` : `by ${rule}`;
  return el("li", { class: push === "call" ? "bubble call" : "bubble" },
    el("time", { datetime: new Date(time).toISOString() }, clock(time).slice(0, 8)),
    el("p", {}, el("b", {}, title ?? PUSHES[push] ?? push)),
    body && el("p", {}, body),
    el("p", { class: "by" }, by));
}
