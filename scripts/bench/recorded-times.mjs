// A server as slow as a real one: passes requests on to the emulator, and keeps each answer back for as long as CloudStack 4.22 took.
import http from "node:http";

/**
 * Medians of the recordings (`ms` of each answer). Accounts took 2.9 s each, since that server looked up a role's rules at every call
 * (`dynamic.apichecker.cache.period` 0, its default). Units: ms.
 */
const RECORDED = { createDomain: 19, createAccount: 2866, createUser: 51, updateResourceLimit: 13, listDomains: 8, listAccounts: 34 };
const OTHER = 10;
/** A page of 500 domains with `details=min` took 380 ms (recording 12), several at a time as well; pages of accounts were not faster. */
const PER_ROW = 0.75;

/** Starts it before the server at `url`; gives its own address. */
export async function startAsRecorded(url) {
  const { hostname, port, pathname } = new URL(url);
  const agent = new http.Agent({ keepAlive: true });
  const server = http.createServer((request, response) => {
    const chunks = [];
    request.on("data", (chunk) => chunks.push(chunk));
    request.on("end", async () => {
      const began = performance.now();
      const body = Buffer.concat(chunks);
      const { status, headers, answer } = await pass(request, body);
      const left = timeOf(request, body, answer) - (performance.now() - began);
      if (left > 0) await new Promise((resolve) => setTimeout(resolve, left));
      response.writeHead(status, headers).end(answer);
    });
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${server.address().port}${pathname}`;

  function pass({ method, url: asked, headers }, body) {
    return new Promise((resolve, reject) => {
      const onward = http.request({ hostname, port, agent, method, path: asked, headers }, (came) => {
        const chunks = [];
        came.on("data", (chunk) => chunks.push(chunk));
        came.on("end", () => resolve({ status: came.statusCode, headers: came.headers, answer: Buffer.concat(chunks) }));
      });
      onward.on("error", reject);
      onward.end(body);
    });
  }
}

function timeOf({ url }, body, answer) {
  const asked = `${url}&${body.toString("utf8")}`;
  const command = /[?&]command=(\w+)/.exec(asked)?.[1] ?? "";
  return (RECORDED[command] ?? OTHER) + rowsOf(command, asked, answer) * PER_ROW;
}

/** How many rows a page has: by its length, so that nothing is parsed twice. */
function rowsOf(command, asked, answer) {
  const perRow = command === "listAccounts" ? 900 : 300;
  const most = Number(/[?&]pagesize=(\d+)/.exec(asked)?.[1] ?? 500);
  return command.startsWith("list") ? Math.min(most, Math.floor(answer.length / perRow)) : 0;
}
