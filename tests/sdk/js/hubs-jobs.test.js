// Export and import of registrations by @azure/notification-hubs, through a real storage.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  beginSubmitNotificationHubJob,
  createRegistration,
  getNotificationHubJob,
  listNotificationHubJobs,
  listRegistrations,
  submitNotificationHubJob,
} from "@azure/notification-hubs/api";
import { createAppleRegistrationDescription, createFcmV1TemplateRegistrationDescription } from "@azure/notification-hubs/models";
import { put, storage } from "./azurite.js";
import { collected, hub } from "./hubs.js";

let store;
let context;
const polling = { updateIntervalInMs: 100 };
const deviceToken = "AB".repeat(32);

before(async () => {
  store = await storage();
  await put(store.url("jobs"));
  context = await (await hub("js-jobs")).context();
});
after(() => store.stop());

/** The client's poller is a promise of the finished job. */
const finished = (job) => beginSubmitNotificationHubJob(context, job, polling);
const file = async (job, name) => (await fetch(store.url(`jobs/phones/${job.jobId}/${name}`))).text();

test("registrations go out into a container, and come back in", { timeout: 60_000 }, async () => {
  await createRegistration(context, createAppleRegistrationDescription({ deviceToken, tags: ["a"] }));
  await createRegistration(context, createFcmV1TemplateRegistrationDescription({
    fcmV1RegistrationId: "fcm",
    bodyTemplate: '{"message":{"notification":{"title":"$(title)"}}}',
    templateName: "news",
  }));
  const outputContainerUrl = store.url("jobs");
  const exported = await finished({ type: "ExportRegistrations", outputContainerUrl });
  assert.deepEqual([exported.status, exported.progress], ["Completed", 100]);
  assert.equal(exported.outputProperties.OutputFilePath, `/phones/${exported.jobId}/Output.txt`);
  const lines = (await file(exported, "Output.txt")).trim().split("\n");
  assert.equal(lines.length, 2);
  assert.ok(lines.some((line) => line.includes(`<DeviceToken>${deviceToken}</DeviceToken>`)));

  const importFileUrl = store.url("jobs/in.txt");
  await put(importFileUrl, `${lines.join("\n")}\nnothing\n`);
  const imported = await finished({ type: "ImportCreateRegistrations", outputContainerUrl, importFileUrl });
  assert.equal(imported.importFileUrl, importFileUrl);
  assert.equal((await collected(listRegistrations(context))).length, 4);
  assert.match(await file(imported, "Output.txt"), /^1,<\w+RegistrationDescription/);
  assert.match(await file(imported, "Failed.txt"), /^3,/);

  await finished({ type: "ImportDeleteRegistrations", outputContainerUrl, importFileUrl });
  assert.equal((await collected(listRegistrations(context))).length, 2);
  const jobs = await listNotificationHubJobs(context);
  assert.deepEqual(jobs.map((job) => job.status), ["Completed", "Completed", "Completed"]);
  assert.ok(jobs.every((job) => job.createdAt <= job.updatedAt));
});

test("a job says why it failed", { timeout: 60_000 }, async () => {
  const outputContainerUrl = store.url("none");
  await assert.rejects(finished({ type: "ExportRegistrations", outputContainerUrl }), /the storage answered 404/);
  const importFileUrl = store.url("jobs/none.txt");
  const job = await submitNotificationHubJob(context, { type: "ImportUpsertRegistrations", outputContainerUrl, importFileUrl });
  let read;
  do read = await getNotificationHubJob(context, job.jobId);
  while (read.status !== "Failed");
  assert.match(read.failure, /import file could not be read/);
  await assert.rejects(getNotificationHubJob(context, "none"), { statusCode: 404 });
});
