// The whole life of a communication service, in every version that the client can be told to speak.
import assert from "node:assert/strict";
import { test } from "node:test";
import { all, communication, group, polling, subscription, versions } from "./clients.js";

const type = "Microsoft.Communication/CommunicationServices";
const hub =
  `/subscriptions/${subscription}/resourceGroups/another-group` +
  "/providers/Microsoft.NotificationHubs/namespaces/nowhere/notificationHubs/none";

for (const apiVersion of versions("CommunicationServices_CreateOrUpdate")) {
  test(`a service lives in ${apiVersion}`, async () => {
    const services = communication({ apiVersion }).communicationServices;
    const name = `js-${apiVersion}`;
    const available = async () => (await services.checkNameAvailability({ name, type })).nameAvailable;
    assert.equal(await available(), true);
    const body = { location: "Global", dataLocation: "Europe", tags: { a: "1" } };
    const made = await services.beginCreateOrUpdateAndWait(group, name, body, polling);
    assert.equal(made.provisioningState, "Succeeded");
    assert.match(made.hostName, /\.europe\.communication\.azure\.com$/);
    assert.equal(await available(), false);

    assert.equal((await services.get(group, name)).immutableResourceId, made.immutableResourceId);
    assert.ok((await all(services.listByResourceGroup(group))).some((each) => each.name === name));
    assert.ok((await all(services.listBySubscription())).some((each) => each.name === name));
    const patched = await services.update(group, name, { tags: { b: "2" } });
    assert.deepEqual(patched.tags, { b: "2" });
    const again = await services.beginCreateOrUpdateAndWait(group, name, body, polling);
    assert.equal(again.hostName, made.hostName);

    const before = await services.listKeys(group, name);
    assert.equal(before.primaryConnectionString, `endpoint=https://${made.hostName}/;accesskey=${before.primaryKey}`);
    const half = await services.regenerateKey(group, name, { keyType: "Primary" });
    assert.notEqual(half.primaryKey, before.primaryKey);
    assert.equal(half.secondaryKey, undefined);

    const linkNotificationHubParameters = { resourceId: hub, connectionString: "Endpoint=sb://nowhere/;SharedAccessKey=x" };
    const linked = await services.linkNotificationHub(group, name, { linkNotificationHubParameters });
    assert.equal(linked.resourceId, hub);
    assert.equal((await services.get(group, name)).notificationHubId.toLowerCase(), hub.toLowerCase());

    await services.beginDeleteAndWait(group, name, polling);
    await assert.rejects(services.get(group, name), { code: "ResourceNotFound", statusCode: 404 });
  });
}

test("a version that nobody knows is refused", async () => {
  const services = communication({ apiVersion: "1999-01-01" }).communicationServices;
  await assert.rejects(services.get(group, "nobody"), { code: "NoRegisteredProviderFound", statusCode: 400 });
});
