// The whole life of system topics and event subscriptions, in every version that the client can be told to speak.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { all, communication, eventGrid, group, polling, subscription, versions } from "./clients.js";
import { webhook } from "./webhook.js";

const topicType = "Microsoft.Communication.CommunicationServices";
const sms = "Microsoft.Communication.SMSReceived";
const notFound = { statusCode: 404 };
const inGroup = `/subscriptions/${subscription}/resourceGroups/${group}/providers`;

for (const apiVersion of versions("SystemTopics_CreateOrUpdate")) {
  describe(`in ${apiVersion}`, () => {
    const grid = eventGrid({ apiVersion });
    const services = communication().communicationServices;
    const [service, topic] = [`js-events-${apiVersion}`, `js-topic-${apiVersion}`];
    let hook;
    let source;

    before(async () => {
      hook = await webhook();
      const body = { location: "global", dataLocation: "Europe" };
      source = (await services.beginCreateOrUpdateAndWait(group, service, body, polling)).id;
      const info = { location: "global", source, topicType, tags: { a: "1" } };
      const made = await grid.systemTopics.beginCreateOrUpdateAndWait(group, topic, info, polling);
      assert.equal(made.provisioningState, "Succeeded");
    });
    after(async () => {
      await grid.systemTopics.beginDeleteAndWait(group, topic, polling);
      await assert.rejects(grid.systemTopics.get(group, topic), notFound);
      await services.beginDeleteAndWait(group, service, polling);
      hook.close();
    });

    test("a system topic lives", async () => {
      assert.equal((await grid.systemTopics.get(group, topic)).source.toLowerCase(), source.toLowerCase());
      const update = { tags: { b: "2" }, identity: { type: "SystemAssigned" } };
      const changed = await grid.systemTopics.beginUpdateAndWait(group, topic, update, polling);
      assert.deepEqual(changed.tags, { b: "2" });
      assert.ok(changed.identity.principalId);
      const filter = `name eq '${topic}'`;
      assert.equal((await all(grid.systemTopics.listByResourceGroup(group, { filter }))).length, 1);
      assert.ok((await all(grid.systemTopics.listBySubscription({ top: 1 }))).some((each) => each.name === topic));
    });

    const info = () => ({
      destination: {
        endpointType: "WebHook",
        endpointUrl: `${hook.url}/grant?code=secret`,
        deliveryAttributeMappings: [
          { type: "Static", name: "x-key", value: "s3cret", isSecret: true },
          { type: "Dynamic", name: "x-number", sourceField: "data.to" },
        ],
      },
      filter: {
        includedEventTypes: [sms],
        advancedFilters: [{ operatorType: "StringBeginsWith", key: "data.from", values: ["+1"] }],
      },
      labels: ["blue"],
    });
    const check = (made, url, attributes) => {
      assert.equal(made.provisioningState, "Succeeded");
      assert.equal(made.destination.endpointBaseUrl, `${hook.url}/grant`);
      assert.deepEqual(made.filter.advancedFilters[0].values, ["+1"]);
      assert.equal(url.endpointUrl, `${hook.url}/grant?code=secret`);
      assert.deepEqual(attributes.value.map((each) => each.name), ["x-key", "x-number"]);
      assert.equal(attributes.value[0].value, "s3cret");
    };

    test("a subscription under a topic lives", async () => {
      const under = grid.systemTopicEventSubscriptions;
      const made = await under.beginCreateOrUpdateAndWait(group, topic, "life", info(), polling);
      const at = [group, topic, "life"];
      check(made, await under.getFullUrl(...at), await under.getDeliveryAttributes(...at));
      assert.deepEqual((await under.get(...at)).labels, ["blue"]);
      const changed = await under.beginUpdateAndWait(...at, { labels: ["green"] }, polling);
      assert.deepEqual(changed.labels, ["green"]);
      assert.deepEqual((await all(under.listBySystemTopic(group, topic))).map((each) => each.name), ["life"]);
      await under.beginDeleteAndWait(...at, polling);
      await assert.rejects(under.get(...at), notFound);
    });

    test("a subscription at a scope lives", async () => {
      const scoped = grid.eventSubscriptions;
      const at = [source, "life"];
      const made = await scoped.beginCreateOrUpdateAndWait(...at, info(), polling);
      check(made, await scoped.getFullUrl(...at), await scoped.getDeliveryAttributes(...at));
      assert.deepEqual((await scoped.get(...at)).labels, ["blue"]);
      const changed = await scoped.beginUpdateAndWait(...at, { labels: ["green"] }, polling);
      assert.deepEqual(changed.labels, ["green"]);
      const list = scoped.listByResource(group, "Microsoft.Communication", "communicationServices", service);
      assert.deepEqual((await all(list)).map((each) => each.name), ["life"]);
      await scoped.beginDeleteAndWait(...at, polling);
      await assert.rejects(scoped.get(...at), notFound);
    });

    test("an extension topic is found, whose scope the client encodes", async () => {
      const at = [source, "seen"];
      const destination = { endpointType: "WebHook", endpointUrl: `${hook.url}/grant` };
      await grid.eventSubscriptions.beginCreateOrUpdateAndWait(...at, { destination }, polling);
      const found = await grid.extensionTopics.get(source);
      assert.match(found.systemTopic, /\/systemTopics\//);
      await grid.eventSubscriptions.beginDeleteAndWait(...at, polling);
    });

    test("subscriptions and groups tell what ARM does", async () => {
      for (const scope of [`/subscriptions/${subscription}`, `/subscriptions/${subscription}/resourceGroups/${group}`]) {
        const at = [scope, `doings-${apiVersion.slice(0, 4)}`];
        const destination = { endpointType: "WebHook", endpointUrl: `${hook.url}/grant` };
        const made = await grid.eventSubscriptions.beginCreateOrUpdateAndWait(...at, { destination }, polling);
        assert.deepEqual([made.provisioningState, made.topic], ["Succeeded", scope]);
        assert.ok(made.filter.includedEventTypes.includes("Microsoft.Resources.ResourceWriteSuccess"));
        await grid.eventSubscriptions.beginDeleteAndWait(...at, polling);
        await assert.rejects(grid.eventSubscriptions.get(...at), notFound);
      }
    });

    const destinations = [
      { endpointType: "StorageQueue", resourceId: `${inGroup}/Microsoft.Storage/storageAccounts/store`, queueName: "events" },
      { endpointType: "ServiceBusQueue", resourceId: `${inGroup}/Microsoft.ServiceBus/namespaces/bus/queues/q` },
      { endpointType: "ServiceBusTopic", resourceId: `${inGroup}/Microsoft.ServiceBus/namespaces/bus/topics/t` },
      { endpointType: "EventHub", resourceId: `${inGroup}/Microsoft.EventHub/namespaces/hubs/eventhubs/hub` },
      { endpointType: "AzureFunction", resourceId: `${inGroup}/Microsoft.Web/sites/app/functions/f` },
      { endpointType: "HybridConnection", resourceId: `${inGroup}/Microsoft.Relay/namespaces/relay/hybridConnections/c` },
    ];
    for (const destination of destinations) {
      test(`a ${destination.endpointType} is taken and given back`, async () => {
        const under = grid.systemTopicEventSubscriptions;
        const at = [group, topic, `to-${destination.endpointType}`];
        const made = await under.beginCreateOrUpdateAndWait(...at, { destination }, polling);
        assert.equal(made.destination.endpointType, destination.endpointType);
        assert.equal(made.destination.resourceId, destination.resourceId);
        await under.beginDeleteAndWait(...at, polling);
      });
    }

    test("event types are known", async () => {
      assert.ok((await all(grid.operations.list())).length > 0);
      assert.ok((await all(grid.topicTypes.listEventTypes(topicType))).some((each) => each.name === sms));
      const listed = grid.topics.listEventTypes(group, "Microsoft.Communication", "communicationServices", service);
      assert.ok((await all(listed)).some((each) => each.name === sms));
    });
  });
}
