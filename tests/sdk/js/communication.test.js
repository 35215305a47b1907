// The life of a communication service.
import assert from "node:assert/strict";
import { test } from "node:test";
import { all, communication, door, group, polling } from "./clients.js";

test("a service is made, found in lists, and deleted", async () => {
  const services = communication().communicationServices;
  const body = { location: "global", dataLocation: "Europe", tags: { team: "js" } };
  const made = await services.beginCreateOrUpdateAndWait(group, "js-shop", body, polling);
  assert.equal(made.provisioningState, "Succeeded");
  assert.match(made.hostName, /^js-shop[0-9a-f]*\.europe\.communication\.azure\.com$/);
  assert.ok((await all(services.listByResourceGroup(group))).some((s) => s.name === "js-shop"));
  await services.beginDeleteAndWait(group, "js-shop", polling);
  await assert.rejects(services.get(group, "js-shop"), { code: "ResourceNotFound", statusCode: 404 });
  const { entries } = await door("GET", "journal");
  assert.ok(entries.some((e) => e.path.endsWith("/js-shop") && e.effect === "delete"));
});
