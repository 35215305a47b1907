// A webhook as Event Grid wants it: HTTPS, with a certificate of the simulator's own authority.

import { EventEmitter } from "node:events";
import https from "node:https";

/** Agrees to every handshake; then answers by path: /fail with 503, /refuse with 400, all else with 200. */
export class Webhook extends EventEmitter {
  static async start(simulator) {
    const issued = await simulator.door("POST", "certificate", { names: ["localhost"] });
    const own = new Webhook();
    own.events = [];
    own.server = https.createServer({ cert: issued.certificate, key: issued.key }, (request, response) => own.#answer(request, response));
    await new Promise((resolve) => own.server.listen(0, "127.0.0.1", resolve));
    own.url = `https://localhost:${own.server.address().port}`;
    return own;
  }

  async #answer(request, response) {
    let text = "";
    for await (const chunk of request.setEncoding("utf8")) text += chunk;
    const [event] = JSON.parse(text);
    if (request.headers["aeg-event-type"] === "SubscriptionValidation") {
      response.setHeader("content-type", "application/json");
      return response.end(JSON.stringify({ validationResponse: event.data.validationCode }));
    }
    this.events.push(event);
    this.emit("event", event);
    response.statusCode = request.url.startsWith("/fail") ? 503 : request.url.startsWith("/refuse") ? 400 : 200;
    return response.end();
  }

  stop() {
    this.server.closeAllConnections();
    return new Promise((resolve) => this.server.close(resolve));
  }
}
