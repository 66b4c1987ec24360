// The rival of reading: the same pages at the same concurrency over kept connections, `JSON.parse`, and nothing else.
import { createHmac } from "node:crypto";
import http from "node:http";
import https from "node:https";

const PAGE = 500;
const PARALLEL = 4;

/** Reads domains, accounts and the domains again, as a pass does; gives how many rows there were. */
export function createBareReader({ url, apiKey, secretKey, root }) {
  const client = url.startsWith("https:") ? https : http;
  const agent = new client.Agent({ keepAlive: true, maxSockets: PARALLEL });
  const ask = (command, params, page) =>
    new Promise((resolve, reject) => {
      const all = { command, ...params, response: "json", apiKey, page: String(page), pagesize: String(PAGE) };
      const encoded = Object.keys(all)
        .sort((a, b) => (a.toLowerCase() < b.toLowerCase() ? -1 : 1))
        .map((k) => `${k}=${encodeURIComponent(all[k]).replaceAll("%20", "+")}`)
        .join("&");
      const signature = createHmac("sha1", secretKey).update(encoded.toLowerCase().replaceAll("+", "%20")).digest("base64");
      const request = client.request(
        url,
        { agent, method: "POST", headers: { "content-type": "application/x-www-form-urlencoded" } },
        (response) => {
          const chunks = [];
          response.on("data", (chunk) => chunks.push(chunk));
          response.on("end", () => {
            const [body] = Object.values(JSON.parse(Buffer.concat(chunks).toString("utf8")));
            if (response.statusCode === 200) resolve(body);
            else reject(new Error(`${command}: ${response.statusCode} ${JSON.stringify(body).slice(0, 200)}`));
          });
        },
      );
      request.on("error", reject);
      request.end(`${encoded}&signature=${encodeURIComponent(signature)}`);
    });
  const list = async (command, rows, params) => {
    const first = await ask(command, params, 1);
    const pages = Math.max(1, Math.ceil((first.count ?? 0) / PAGE));
    // A full last page is followed by one more, as the bot does it.
    const last = pages + ((first.count ?? 0) % PAGE === 0 && first.count > 0 ? 1 : 0);
    let next = 2;
    let n = first[rows]?.length ?? 0;
    await Promise.all(
      Array.from({ length: PARALLEL }, async () => {
        while (next <= last) n += (await ask(command, params, next++))[rows]?.length ?? 0;
      }),
    );
    return n;
  };
  return {
    async read() {
      const domains = await list("listDomains", "domain", { listall: "true", details: "min" });
      const accounts = await list("listAccounts", "account", { domainid: root, listall: "true", isrecursive: "true", details: "min" });
      await list("listDomains", "domain", { listall: "true", details: "min" });
      return { domains, accounts };
    },
    ask,
    close: () => agent.destroy(),
  };
}
