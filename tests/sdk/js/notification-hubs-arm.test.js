// The whole life of namespaces and hubs, in every version that the client can be told to speak.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { all, group, notificationHubs, polling, versions } from "./clients.js";

const notFound = { statusCode: 404 };
const sorted = (list) => [...list].sort();

for (const apiVersion of versions("NotificationHubs_CreateOrUpdate")) {
  describe(`in ${apiVersion}`, () => {
    const { namespaces, notificationHubs: hubs } = notificationHubs({ apiVersion });
    const namespace = `js-hubs-${apiVersion}`;
    const hub = "phones";

    before(async () => {
      assert.equal((await namespaces.checkAvailability({ name: namespace })).isAvailiable, true);
      await namespaces.createOrUpdate(group, namespace, { location: "westeurope", sku: { name: "Basic" } });
    });
    after(async () => {
      await namespaces.beginDeleteAndWait(group, namespace, polling);
      await assert.rejects(namespaces.get(group, namespace), notFound);
    });

    test("a namespace lives", async () => {
      const seen = await namespaces.get(group, namespace);
      assert.equal(seen.provisioningState, "Succeeded");
      assert.equal(seen.serviceBusEndpoint, `https://${namespace}.servicebus.windows.net:443/`);
      assert.equal((await namespaces.checkAvailability({ name: namespace })).isAvailiable, false);
      const patched = await namespaces.patch(group, namespace, { tags: { b: "2" }, sku: { name: "Standard" } });
      assert.deepEqual([patched.tags, patched.sku.name], [{ b: "2" }, "Standard"]);
      assert.ok((await all(namespaces.list(group))).some((each) => each.name === namespace));
      assert.ok((await all(namespaces.listAll())).some((each) => each.name === namespace));
    });

    test("a rule of a namespace lives", async () => {
      const made = await namespaces.createOrUpdateAuthorizationRule(group, namespace, "listener", {
        properties: { rights: ["Listen"] },
      });
      assert.deepEqual(made.rights, ["Listen"]);
      assert.deepEqual((await namespaces.getAuthorizationRule(group, namespace, "listener")).rights, ["Listen"]);
      const names = (await all(namespaces.listAuthorizationRules(group, namespace))).map((each) => each.name);
      assert.deepEqual(sorted(names), ["RootManageSharedAccessKey", "listener"]);
      const before = await namespaces.listKeys(group, namespace, "listener");
      const after = await namespaces.regenerateKeys(group, namespace, "listener", { policyKey: "PrimaryKey" });
      assert.notEqual(after.primaryKey, before.primaryKey);
      assert.equal(after.secondaryKey, before.secondaryKey);
      await namespaces.deleteAuthorizationRule(group, namespace, "listener");
      await assert.rejects(namespaces.getAuthorizationRule(group, namespace, "listener"), notFound);
    });

    test("a hub lives", async () => {
      const apnsCredential = {
        endpoint: "https://api.push.apple.com:443/3/device",
        token: "p8",
        keyId: "ABCDEFGHIJ",
        appId: "KLMNOPQRST",
        appName: "com.example.shop",
      };
      assert.equal((await hubs.checkNotificationHubAvailability(group, namespace, { name: hub })).isAvailiable, true);
      const made = await hubs.createOrUpdate(group, namespace, hub, { location: "westeurope", apnsCredential });
      assert.deepEqual([made.name, made.location], [hub, "West Europe"]);
      assert.equal((await hubs.checkNotificationHubAvailability(group, namespace, { name: hub })).isAvailiable, false);
      assert.equal((await hubs.get(group, namespace, hub)).apnsCredential, undefined);
      assert.deepEqual((await hubs.getPnsCredentials(group, namespace, hub)).apnsCredential, apnsCredential);
      const wnsCredential = { packageSid: "sid", secretKey: "key" };
      await hubs.patch(group, namespace, hub, { parameters: { tags: { b: "2" }, wnsCredential } });
      const shown = await hubs.getPnsCredentials(group, namespace, hub);
      assert.deepEqual([shown.apnsCredential, shown.wnsCredential], [apnsCredential, wnsCredential]);
      assert.deepEqual((await all(hubs.list(group, namespace))).map((each) => each.name), [hub]);
    });

    // Both clients of this generation take 201 alone, and the descriptions of 2023 name 200.
    test("a debug send counts nobody", { skip: apiVersion !== "2017-04-01" && "the client knows the older status" }, async () => {
      const sent = await hubs.debugSend(group, namespace, hub, { parameters: { data: { message: "hello" } } });
      assert.deepEqual([sent.success, sent.failure], [0, 0]);
    });

    test("a rule of a hub lives", async () => {
      const properties = { rights: ["Send"] };
      const made = await hubs.createOrUpdateAuthorizationRule(group, namespace, hub, "sender", { properties });
      assert.deepEqual(made.rights, ["Send"]);
      assert.deepEqual((await hubs.getAuthorizationRule(group, namespace, hub, "sender")).rights, ["Send"]);
      const names = (await all(hubs.listAuthorizationRules(group, namespace, hub))).map((each) => each.name);
      assert.deepEqual(sorted(names), ["DefaultFullSharedAccessSignature", "DefaultListenSharedAccessSignature", "sender"]);
      const before = await hubs.listKeys(group, namespace, hub, "sender");
      assert.equal(before.keyName, "sender");
      const after = await hubs.regenerateKeys(group, namespace, hub, "sender", { policyKey: "SecondaryKey" });
      assert.notEqual(after.secondaryKey, before.secondaryKey);
      await hubs.deleteAuthorizationRule(group, namespace, hub, "sender");
      await assert.rejects(hubs.getAuthorizationRule(group, namespace, hub, "sender"), notFound);
      await hubs.delete(group, namespace, hub);
      await assert.rejects(hubs.get(group, namespace, hub), notFound);
    });
  });
}
