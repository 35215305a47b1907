// A real HTTPS endpoint that agrees to Event Grid's handshakes, with a certificate that the simulator trusts.
import https from "node:https";
import { door } from "./clients.js";

export async function webhook() {
  const { certificate: cert, key } = await door("POST", "certificate", { names: ["localhost"] });
  const server = https.createServer({ cert, key }, async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const granted = { "WebHook-Allowed-Origin": request.headers["webhook-request-origin"] ?? "", "WebHook-Allowed-Rate": "*" };
    if (request.method === "OPTIONS") return response.writeHead(200, granted).end();
    const [event] = [JSON.parse(Buffer.concat(chunks))].flat();
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify({ validationResponse: event.data?.validationCode }));
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  const close = () => {
    server.close();
    server.closeAllConnections();
  };
  return { url: `https://localhost:${server.address().port}`, close };
}
