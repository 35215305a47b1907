// Event subscriptions, what is on its way to them, and what became of it.

import { el, fill, find, pill, table } from "./dom.js";
import { clock, leaf, outcomeTone, stateTone, until } from "./format.js";
import * as tabs from "./tabs.js";

const SHOWN = 200;

let attempts = [];
let next = 0;

/** The number to ask after: attempts that are known already are not sent again. */
export const since = () => next;

export function update({ attempts: fresh, next: newest, totals, queues }, dead, known, now) {
  // A simulator that began anew counts from one again.
  if (newest < next) attempts = [];
  next = newest;
  attempts = [...fresh.toReversed(), ...attempts].slice(0, SHOWN);
  const subscriptions = known.map(({ node }) => node).filter((node) => /\/eventsubscriptions$/i.test(node.type));
  tabs.count("deliveries", totals.pending + totals.deadLettered, totals.deadLettered > 0);
  fill(find("deliveries"),
    figures(totals),
    el("h3", {}, "Event subscriptions"),
    subscriptions.length > 0 ? overview(subscriptions, queues, now) : el("p", { class: "empty" }, "There is none yet. Make one on a system topic or on a communication service, with the operator or an SDK; its webhook is asked first, and then gets events."),
    el("h3", {}, "Attempts"),
    attempts.length > 0 ? log(now) : el("p", { class: "empty" }, "No event was delivered yet. Send an SMS under ", el("b", {}, "Try it"), "."),
    dead.length > 0 && [el("h3", {}, "Dead letters"), letters(dead)]);
}

function figures(totals) {
  const because = Object.entries(totals.droppedBecause ?? {}).map(([why, number]) => `${why}: ${number}`).join(", ");
  const all = [
    ["published", totals.published, ""],
    ["matched", totals.matched, ""],
    ["delivered", totals.delivered, "ok"],
    ["pending", totals.pending, totals.pending > 0 ? "warn" : ""],
    ["dead-lettered", totals.deadLettered, totals.deadLettered > 0 ? "bad" : ""],
    ["dropped", totals.dropped, totals.dropped > 0 ? "bad" : "", because],
  ];
  return el("div", { class: "figures" }, all.map(([word, number, tone, title]) =>
    el("div", { class: `figure ${tone}`, title }, el("b", {}, number), el("span", {}, word))));
}

function overview(subscriptions, queues, now) {
  const queueOf = (id) => queues.find((queue) => queue.subscription.toLowerCase() === id.toLowerCase());
  return table(["Subscription", "State", "Delivers to", "Waiting", "Out", "Failures in a row", "Next try"],
    subscriptions.map((node) => {
      const queue = queueOf(node.id);
      const resting = queue?.onProbationUntil > now;
      return [
        { class: "long", value: [el("b", {}, node.name), el("br"), el("span", { class: "muted" }, leaf(node.links?.topic ?? node.links?.source ?? ""))] },
        pill(node.state, stateTone(node.state)),
        { class: "long", value: [el("span", { class: "mono" }, node.links?.endpoint ?? ""), " ", el("span", { class: "muted" }, node.links?.endpointType ?? "")] },
        { class: "number", value: queue?.waiting ?? 0 },
        { class: "number", value: queue?.inFlight ?? 0 },
        { class: "number", value: queue?.failuresInARow ?? 0 },
        resting ? pill(`on probation, ${until(queue.onProbationUntil, now)}`, "bad") : queue?.nextAttempt ? until(queue.nextAttempt, now) : queue?.note ?? "",
      ];
    }));
}

function log(now) {
  return table(["Time", "Event", "To", "Try", "Outcome", "Then"],
    attempts.map((attempt) => [
      { class: "mono", value: clock(attempt.time) },
      { class: "long", value: [attempt.type.replace(/^Microsoft\.Communication\./, ""), el("br"), el("span", { class: "mono muted" }, attempt.eventId)] },
      { class: "long", value: leaf(attempt.subscription) },
      { class: "number", value: attempt.attempt },
      [pill(attempt.outcome, outcomeTone(attempt.outcome)), " ", el("span", { class: "muted" }, attempt.status ?? "")],
      { class: "long", value: attempt.nextAttempt ? `tried again ${until(attempt.nextAttempt, now)}` : attempt.failure ?? attempt.reason ?? "" },
    ]));
}

/** Of a dead letter what became of it; the event itself is in the door `dead-letters`. */
function letters(dead) {
  const member = (record, name) => record[name] ?? record[name.toLowerCase()] ?? "";
  return table(["Time", "Event", "From", "Reason", "Tries", "Container"],
    dead.toReversed().slice(0, SHOWN).map(({ time, subscription, container, record }) => [
      { class: "mono", value: clock(time) },
      { class: "long", value: [record.eventType ?? record.type ?? "", el("br"), el("span", { class: "mono muted" }, record.id ?? "")] },
      { class: "long", value: leaf(subscription) },
      { class: "long", value: pill(member(record, "deadLetterReason"), "bad") },
      { class: "number", value: member(record, "deliveryAttempts") },
      { class: "long", value: container },
    ]));
}
