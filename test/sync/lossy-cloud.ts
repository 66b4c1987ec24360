/** Stands between the readers and the emulated CloudStack, and loses, doubles, moves or spoils rows and pages of its lists. */
import { createServer, type IncomingMessage, type OutgoingHttpHeaders, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { keysOf } from "../../demo/keys.ts";
import { signatureOf } from "../../emulators/cloudstack/signature.ts";
import type { CloudStackEmulator } from "../../emulators/cloudstack/server.ts";

/** What is done to one answer of a list. `row`, `field` and `value` choose among what is there. */
export interface CloudLoss {
  readonly command: "listDomains" | "listAccounts";
  /** Which answers of this command in a pass: the nth, or every one of them (then what is lost looks as if it had never been). */
  readonly nth: number | "every";
  readonly kind: (typeof cloudLosses)[number];
  readonly row: number;
  readonly field: number | string;
  readonly value: unknown;
}

/** The kinds of losses. */
export const cloudLosses = [
  "page_empty",
  "answer_empty",
  "row_lost",
  "row_lost_and_counted_so",
  "row_twice",
  "row_replaced_by_other",
  "rows_reversed",
  "other_page",
  "field_lost",
  "field_changed",
  "broken_json",
  "cut",
  "refused",
] as const;

/** A server whose answers can be spoiled, pass by pass. */
export interface LossyCloud {
  readonly url: string;
  /** Begins a pass: what was seen of the one before is forgotten. */
  begin(losses: readonly CloudLoss[]): void;
  close(): Promise<void>;
}

type Row = Record<string, unknown>;

/** Starts it in front of an emulator. */
export async function startLossyCloud(cloud: CloudStackEmulator): Promise<LossyCloud> {
  let losses: readonly CloudLoss[] = [];
  let seen = new Map<string, number>();
  const server = createServer((request, response) => {
    const answerIt = async (): Promise<unknown> => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      let body = Buffer.concat(chunks).toString("utf8");
      const command = new URLSearchParams(body).get("command") ?? "";
      const nth = seen.get(command) ?? 0;
      seen.set(command, nth + 1);
      const mine = losses.filter((l) => l.command === command && (l.nth === "every" || l.nth === nth));
      if (mine.some((l) => l.kind === "other_page")) body = moved(body, cloud);
      const answer = await ask(cloud, request, body);
      if (mine.some((l) => l.kind === "cut")) return response.destroy();
      if (mine.some((l) => l.kind === "refused")) return response.writeHead(503).end("busy");
      const parsed = answer.status === 200 && mine.length > 0 ? (JSON.parse(answer.text) as Record<string, Row>) : null;
      if (parsed !== null) for (const loss of mine) spoil(parsed, loss);
      let text = parsed === null ? answer.text : JSON.stringify(parsed);
      if (mine.some((l) => l.kind === "broken_json")) text = text.slice(0, -3);
      return response.writeHead(answer.status, { "content-type": "application/json;charset=utf-8" }).end(text);
    };
    void answerIt();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/client/api`,
    begin(wanted) {
      losses = wanted;
      seen = new Map();
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** The same question about another page: pages out of order. It is signed again, since the page is part of what is signed. */
function moved(body: string, cloud: CloudStackEmulator): string {
  const params = Object.fromEntries(new URLSearchParams(body));
  const page = Number(params["page"] ?? "1");
  params["page"] = String(page > 1 ? page - 1 : page + 1);
  params["signature"] = signatureOf(params, keysOf(cloud).read.secretKey);
  return new URLSearchParams(params).toString();
}

function ask(cloud: CloudStackEmulator, request: IncomingMessage, body: string): Promise<{ status: number; text: string }> {
  return new Promise((resolve) => {
    const copy = {
      method: request.method,
      url: request.url,
      headers: request.headers,
      socket: { destroy: () => undefined },
      *[Symbol.iterator]() {
        yield Buffer.from(body);
      },
    };
    let status = 200;
    const response = {
      headersSent: false,
      writeHead(code: number, _headers?: OutgoingHttpHeaders) {
        status = code;
        return response;
      },
      end(bytes: Buffer | string) {
        resolve({ status, text: String(bytes) });
      },
    };
    void cloud.serve(copy as unknown as IncomingMessage, response as unknown as ServerResponse);
  });
}

function spoil(parsed: Record<string, Row>, loss: CloudLoss): void {
  const [wrapper] = Object.keys(parsed);
  const answer = parsed[wrapper ?? ""];
  const key = Object.keys(answer ?? {}).find((k) => Array.isArray(answer?.[k]));
  if (answer === undefined || key === undefined) return;
  const rows = answer[key] as Row[];
  const at = rows.length === 0 ? 0 : loss.row % rows.length;
  const row = rows[at];
  if (loss.kind === "page_empty") answer[key] = [];
  if (loss.kind === "answer_empty") parsed[wrapper ?? ""] = {};
  if (row === undefined) return;
  if (loss.kind === "row_lost") rows.splice(at, 1);
  if (loss.kind === "row_lost_and_counted_so") {
    rows.splice(at, 1);
    answer["count"] = Number(answer["count"]) - 1;
  }
  if (loss.kind === "row_twice") rows.push(row);
  if (loss.kind === "row_replaced_by_other") rows[at] = rows[(at + 1) % rows.length] ?? row;
  if (loss.kind === "rows_reversed") rows.reverse();
  const field = typeof loss.field === "string" ? loss.field : (Object.keys(row)[loss.field % Object.keys(row).length] ?? "");
  if (loss.kind === "field_lost") delete row[field];
  if (loss.kind === "field_changed") row[field] = loss.value;
}
