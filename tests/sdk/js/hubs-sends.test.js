// Sends, schedules, telemetry and feedback by @azure/notification-hubs.
import assert from "node:assert/strict";
import { before, test } from "node:test";
import {
  cancelScheduledNotification,
  createOrUpdateInstallation,
  getFeedbackContainerUrl,
  getNotificationOutcomeDetails,
  listNotificationHubJobs,
  scheduleBroadcastNotification,
  scheduleNotification,
  sendBroadcastNotification,
  sendNotification,
} from "@azure/notification-hubs/api";
import * as models from "@azure/notification-hubs/models";
import { door } from "./clients.js";
import { hub, phone, received } from "./hubs.js";

let context;
let made;

before(async () => {
  made = await hub("js-sends");
  context = await made.context();
});

const apple = (alert) => models.createAppleNotification({
  body: models.createAppleNotificationBody({ aps: { alert: { title: "Hello", body: alert } } }),
  headers: { "apns-push-type": "alert", "apns-priority": "10" },
});

const natives = {
  apple: apple("there"),
  fcmv1: models.createFcmV1Notification({
    body: models.createFirebaseV1NotificationBody({ message: { notification: { title: "Hello", body: "there" } } }),
  }),
  windows: models.createWindowsToastNotification({
    body: "<toast><visual><text>Hello</text><text>there</text></visual></toast>",
  }),
  adm: models.createAdmNotification({ body: models.createAdmNotificationBody({ data: { title: "Hello", message: "there" } }) }),
  baidu: models.createBaiduNotification({ body: { title: "Hello", description: "there" } }),
  xiaomi: models.createXiaomiNotification({ body: { title: "Hello", description: "there" } }),
};

for (const [platform, notification] of Object.entries(natives)) {
  test(`a phone of ${platform} rings by its handle`, async () => {
    const deviceHandle = await phone(made.id, "ada", platform);
    const sent = await sendNotification(context, notification, { deviceHandle });
    assert.equal(sent.state, "Enqueued");
    assert.match(sent.notificationId, /^[0-9a-f]{32}-\d{14}-\d{8}-\d+$/);
    const [ring] = await received(deviceHandle);
    assert.deepEqual([ring.title, ring.body, ring.push], ["Hello", "there", "direct"]);
    const details = await getNotificationOutcomeDetails(context, sent.notificationId);
    assert.deepEqual([details.state, details.targetPlatforms], ["Completed", platform]);
    const counts = { apple: "apns", windows: "wns", fcmv1: "fcmV1" }[platform] ?? platform;
    assert.deepEqual(details[`${counts}OutcomeCounts`], [{ state: "Success", count: 1 }]);
    assert.ok(details.enqueueTime <= details.endTime);
    assert.equal(details.notificationBody, notification.body);
  });
}

test("a browser rings by its endpoint and keys", async () => {
  const deviceHandle = { endpoint: "https://push.example/js", p256dh: "key", auth: "secret" };
  const installation = models.createBrowserInstallation({ installationId: "browser", pushChannel: deviceHandle });
  await createOrUpdateInstallation(context, installation);
  const notification = models.createBrowserNotification({ body: { title: "Hello", body: "there" } });
  await sendNotification(context, notification, { deviceHandle });
  const [ring] = await received(deviceHandle.endpoint);
  assert.deepEqual([ring.title, ring.body], ["Hello", "there"]);
});

test("a batch reaches each of its devices once", async () => {
  const deviceHandle = [];
  for (const user of ["b1", "b2", "b3"]) deviceHandle.push(await phone(made.id, user, "apple"));
  const sent = await sendNotification(context, apple("to three"), { deviceHandle });
  assert.match(sent.location, /\/messages\/\$batch\/[0-9a-f]{32}-/);
  for (const handle of deviceHandle) assert.equal((await received(handle)).length, 1);
});

test("tags choose, and a broadcast reaches all", async () => {
  const [likes, dislikes] = [
    await phone(made.id, "t1", "apple", { tags: ["likes_football", "oslo"] }),
    await phone(made.id, "t2", "apple", { tags: ["oslo"] }),
  ];
  const expression = models.createTagExpression(["likes_football", "likes_hockey"]);
  await sendNotification(context, apple("tagged"), { tagExpression: expression });
  await sendNotification(context, apple("not"), { tagExpression: "oslo && !likes_football" });
  await sendBroadcastNotification(context, apple("all"));
  const bodies = async (handle) => (await received(handle)).map((ring) => ring.body);
  assert.deepEqual(await bodies(likes), ["tagged", "all"]);
  assert.deepEqual(await bodies(dislikes), ["not", "all"]);
  const nobody = await sendNotification(context, apple("nobody"), { tagExpression: "none" });
  assert.equal((await getNotificationOutcomeDetails(context, nobody.notificationId)).state, "NoTargetFound");
});

test("a template notification is rendered for each device", async () => {
  const pushChannel = "CD".repeat(32);
  await createOrUpdateInstallation(context, models.createAppleInstallation({
    installationId: "template",
    pushChannel,
    pushVariables: { city: "Oslo" },
    templates: { news: { body: '{"aps":{"alert":"{$(city) + \': \' + .(text, 8)}","badge":"#(n)"}}' } },
  }));
  const notification = models.createTemplateNotification({ body: { text: "Snow all day", n: "3" } });
  await sendNotification(context, notification, { tagExpression: "$InstallationId:{template}" });
  const [ring] = await received(pushChannel);
  assert.deepEqual(ring.payload, { aps: { alert: "Oslo: Snow ...", badge: 3 } });
});

test("a debug send says what became of each device, and telemetry counts it", async () => {
  const { id, context: contexts } = await hub("js-debug");
  const own = await contexts();
  const [good, gone] = [await phone(id, "d1", "apple", { tags: ["d"] }), await phone(id, "d2", "apple", { tags: ["d"] })];
  await door("DELETE", "phones", { handle: gone });
  const sent = await sendNotification(own, apple("debug"), { tagExpression: "d", enableTestSend: true });
  assert.deepEqual([sent.state, sent.successCount, sent.failureCount], ["DetailedStateAvailable", 1, 1]);
  const outcome = sent.results.find((result) => result.pnsHandle === good);
  assert.equal(outcome.applicationPlatform, "apple");
  assert.match(outcome.outcome, /successfully sent to the Push Notification System/);
  const details = await getNotificationOutcomeDetails(own, sent.notificationId);
  assert.deepEqual(details.apnsOutcomeCounts, [{ state: "Success", count: 1 }, { state: "ExpiredChannel", count: 1 }]);
  const errors = await fetch(details.pnsErrorDetailsUrl);
  assert.match(await errors.text(), /^apple,[0-9-]+,ExpiredChannel\n$/);
  const url = new URL(await getFeedbackContainerUrl(own));
  url.searchParams.set("restype", "container");
  url.searchParams.set("comp", "list");
  const listed = await (await fetch(url)).text();
  const [, day] = listed.match(/<Name>(\d{8})<\/Name>/);
  url.pathname += `/${day}`;
  const feedback = await (await fetch(url)).text();
  assert.match(feedback, /<NotificationSystemError>ExpiredChannel<\/NotificationSystemError>/);
  assert.ok(feedback.includes(gone));
});

test("a schedule fires at its time, and one that is cancelled does not", { timeout: 60_000 }, async () => {
  const { id, context: contexts } = await hub("js-schedule");
  const own = await contexts();
  const handle = await phone(id, "s1", "apple", { tags: ["s"] });
  const later = await scheduleNotification(own, new Date(Date.now() + 3_600_000), apple("later"), { tagExpression: "s" });
  assert.equal((await getNotificationOutcomeDetails(own, later.notificationId)).state, "Scheduled");
  await cancelScheduledNotification(own, later.notificationId);
  assert.equal((await getNotificationOutcomeDetails(own, later.notificationId)).state, "Cancelled");
  await assert.rejects(cancelScheduledNotification(own, later.notificationId), { statusCode: 404 });
  const soon = await scheduleBroadcastNotification(own, new Date(Date.now() + 1000), apple("soon"));
  let details;
  do details = await getNotificationOutcomeDetails(own, soon.notificationId);
  while (details.state === "Scheduled");
  assert.equal(details.state, "Completed");
  assert.deepEqual((await received(handle)).map((ring) => ring.body), ["soon"]);
});

test("what a tier lacks is refused as documented", async () => {
  const { id, context: contexts } = await hub("js-free", "Free");
  const own = await contexts();
  const deviceHandle = await phone(id, "f1", "apple");
  const sent = await sendNotification(own, apple("free"), { deviceHandle });
  assert.equal(sent.notificationId, undefined);
  for (const refused of [
    () => sendNotification(own, apple("batch"), { deviceHandle: [deviceHandle] }),
    () => getNotificationOutcomeDetails(own, "any"),
    () => getFeedbackContainerUrl(own),
    () => scheduleBroadcastNotification(own, new Date(Date.now() + 60_000), apple("later")),
    () => listNotificationHubJobs(own),
  ]) {
    await assert.rejects(refused, { statusCode: 403, message: /not available in the tier Free/ });
  }
});

test("rights, handles and payloads are checked", async () => {
  const listener = await made.context("DefaultListenSharedAccessSignature");
  await assert.rejects(sendBroadcastNotification(listener, apple("x")), { statusCode: 403 });
  await assert.rejects(sendNotification(context, apple("x"), { deviceHandle: "no hex" }), { statusCode: 400 });
  const empty = models.createAppleNotification({ body: "{}" });
  await assert.rejects(sendBroadcastNotification(context, empty), { statusCode: 400, message: /no object 'aps'/ });
  await assert.rejects(sendNotification(context, apple("x"), { tagExpression: "a ||" }), { statusCode: 400 });
  const { entries } = await door("GET", "journal");
  const own = entries.filter((e) => e.operation.startsWith("Microsoft.NotificationHubs/DataPlane/"));
  assert.ok(own.some((e) => e.operation.endsWith("/batchSend/action") && e.status === 201));
});
