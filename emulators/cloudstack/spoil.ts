import type { ServerResponse } from "node:http";
import type { CloudStackFault, FaultKind } from "./faults.ts";

const PROXY_PAGE = "<html><head><title>502 Bad Gateway</title></head><body><center><h1>502 Bad Gateway</h1></center></body></html>";

/** Sends an answer, spoiled by the faults that struck: a proxy's page, broken JSON, or half of it. */
export function spoil(
  response: ServerResponse,
  struck: ReadonlyMap<FaultKind, CloudStackFault>,
  status: number,
  text: string,
  contentType: string,
): void {
  if (struck.has("html")) {
    response.writeHead(status, { "content-type": "text/html" }).end(PROXY_PAGE);
    return;
  }
  const body = Buffer.from(struck.has("invalid_json") ? text.replace(/[\]}]+$/, "\\A") : text, "utf8");
  const headers = {
    "content-type": contentType,
    "content-length": body.length,
    ...(status === 200 ? {} : { "x-description": descriptionOf(text) }),
  };
  // CloudStack's server sends no Date (ServerDaemon.start, 4.22: setSendDateHeader(false)).
  response.sendDate = false;
  response.writeHead(status, headers);
  if (!struck.has("cut")) {
    response.end(body);
    return;
  }
  response.write(body.subarray(0, Math.floor(body.length / 2)), () => response.destroy());
}

function descriptionOf(text: string): string {
  return (/"errortext":"((?:[^"\\]|\\.)*)"/.exec(text)?.[1] ?? "").replace(/[^\x20-\x7e]/g, "?");
}
