import { type App, HTTPModuleFunctions, HTTPReceiver, defaultBodyLimit, type Logger } from "@slack/bolt";
import type { IncomingMessage } from "node:http";
import { listenError } from "../core/port-taken.ts";

const PATH = "/slack/events";

/**
 * The receiver for Slack's requests over HTTP. Bolt gives no answer to a signed body that is no object (`payload=null`), and logs an
 * error for an address that is none (`//`): here each gets a status.
 */
export function createHttpReceiver(signingSecret: string, logger: Logger): HTTPReceiver {
  const receiver = new HTTPReceiver({ signingSecret, endpoints: [PATH], logger });
  const { requestListener } = receiver;
  receiver.requestListener = (request, response) => {
    assess(request).then(
      (status) => (status === null ? requestListener(request, response) : response.writeHead(status).end()),
      () => response.destroy(),
    );
  };
  return receiver;
}

/** Listens for Slack. Errors: rejects with `PortTaken` when the port is taken. */
export async function startListening(
  app: Pick<App, "start">,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<void> {
  await app.start({ host, port }).catch((thrown: unknown) => Promise.reject(listenError(thrown, port, "SLACK_PORT")));
}

/** The status of a request that is none of Slack's; null: the library judges it, its signature first. */
async function assess(request: IncomingMessage): Promise<number | null> {
  if (request.url?.split("?")[0] !== PATH || request.method !== "POST") return 404;
  try {
    await HTTPModuleFunctions.bufferIncomingMessage(request, defaultBodyLimit);
  } catch (thrown) {
    if (HTTPModuleFunctions.isRawBodyError(thrown)) return 413;
    throw thrown;
  }
  return isObject(request as Buffered) ? null : 400;
}

type Buffered = Parameters<typeof HTTPModuleFunctions.parseHTTPRequestBody>[0];

function isObject(request: Buffered): boolean {
  try {
    const body: unknown = HTTPModuleFunctions.parseHTTPRequestBody(request);
    return typeof body === "object" && body !== null && !Array.isArray(body);
  } catch {
    return false; // It is no JSON.
  }
}
