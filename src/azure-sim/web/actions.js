// Making things happen that people and networks do.

import { el, fill, find } from "./dom.js";
import { kind } from "./format.js";
import { area, choices, form, pair, select, text } from "./form.js";
import { post } from "./source.js";

const TYPES = ["SMSReceived", "SMSDeliveryReportReceived", "IncomingCall", "ChatMessageReceived", "ChatMessageReceivedInThread",
  "ChatThreadCreated", "UserDisconnected", "RecordingFileStatusUpdated", "EmailDeliveryReportReceived",
  "EmailEngagementTrackingReportReceived", "RouterJobReceived", "AdvancedMessageReceived"];

const service = () => select("service", "Communication service", []);

export function start(stir) {
  const act = (door, said) => async (values) => {
    const answer = await post(door, values);
    stir();
    return said(answer);
  };
  fill(find("actions"),
    el("datalist", { id: "event-types" }, TYPES.map((type) => el("option", { value: `Microsoft.Communication.${type}` }))),
    el("div", { class: "forms" },
      form({
        title: "Send an SMS",
        says: "Somebody writes to a number of the service: event SMSReceived.",
        button: "Send",
        fields: [service(), pair(text("from", "From", "+15555550100"), text("to", "To", "+15555550199")), text("message", "Message", "Hello")],
        run: act("sms", published),
      }),
      form({
        title: "Ring a call",
        says: "Rings the user's phones through the linked hub: event IncomingCall.",
        button: "Ring",
        fields: [service(), pair(text("to", "To user", "8:acs:alice"), text("from", "From", "4:+15555550100"))],
        run: act("call", rang),
      }),
      form({
        title: "Write a chat message",
        says: "To a thread, as one recipient's event ChatMessageReceived.",
        button: "Write",
        fields: [service(), pair(text("sender", "Sender", "8:acs:bob"), text("recipient", "Recipient", "8:acs:alice")),
          pair(text("thread", "Thread", "19:lobby@thread.v2"), text("message", "Message", "Hello"))],
        run: act("chat", published),
      }),
      form({
        title: "Push a chat message",
        says: "What Communication Services itself pushes through the linked hub.",
        button: "Push",
        fields: [service(), text("to", "To user", "8:acs:alice")],
        run: act("message", rang),
      }),
      form({
        title: "Post any event",
        broad: true,
        button: "Post",
        fields: [
          pair(service(), text("type", "Type", "Microsoft.Communication.SMSReceived", true, { list: "event-types" }),
            text("subject", "Subject", "/phonenumber/15555550199"), text("count", "How many", "1", true, { type: "number", min: 1, max: 10000 })),
          area("data", "Data, as JSON", '{"message": "Hello"}'),
        ],
        run: event(stir),
      })));
}

const event = (stir) => async ({ data, count, ...rest }) => {
  let parsed;
  try {
    parsed = JSON.parse(data || "{}");
  } catch (error) {
    throw new Error(`the data is no JSON: ${error.message}`);
  }
  const answer = await post("events", { ...rest, data: parsed, count: Number(count) });
  stir();
  return published(answer);
};

function published({ ids, matched }) {
  if (matched.length === 0) return ["warn", "Published. No event subscription wants it: nobody gets it."];
  const names = matched.map(({ id }) => id.split("/").pop()).join(", ");
  const notes = matched.flatMap(({ notes: more }) => more ?? []);
  return [notes.length > 0 ? "warn" : "ok", `${ids.length} on the way to ${names}.${notes.length > 0 ? ` Note: ${notes.join("; ")}.` : ""}`];
}

function rang({ rang: did, rings, message }) {
  if (!did) return ["warn", `No phone rang: ${message}.`];
  return `${rings.length} ${rings.length === 1 ? "phone" : "phones"} rang.`;
}

export function update(known) {
  const services = known.map(({ node }) => node).filter((node) => kind(node.type) === "communication service");
  for (const field of find("actions").querySelectorAll('[name="service"]')) {
    choices(field, services.map(({ id, name }) => [id, name]), "make a communication service first");
  }
}
