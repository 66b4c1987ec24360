/** What the tests of this room share: options for a client, real grants, and a small server that answers as it is told. */
import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import { keyVariables } from "../../demo/keys.ts";
import type { CloudStackEmulator } from "../../emulators/cloudstack/server.ts";
import { cloudStack } from "../../src/app/systems.ts";
import type { CloudParts } from "../../src/app/parts.ts";
import { grant, type ApprovedDeletion, type SeenDeletion } from "../../src/approvals/grant.ts";
import type { CallReport, CloudStackOptions } from "../../src/cloudstack/api/options.ts";
import type { DeletionId, DomainPath, Instant, OperatorId } from "../../src/core/ids.ts";
import { ok } from "../../src/core/result.ts";
import { inventoryDigest, type Inventory } from "../../src/core/inventory.ts";
import { completeOf } from "../support/deletions.ts";
import { createEvents } from "../../src/events.ts";
import type { Queryable } from "../../src/store/db.ts";
import { configOf } from "../support/bot.ts";

/** A secret that must never show up anywhere. */
export const SECRET = "s3cret-s3cret-s3cret";

/** Options for a client; sleeps are real but short, since the jobs of the emulator take real time. */
export function optionsFor(
  server: { readonly url: string; readonly apiKey?: string; readonly secretKey?: string },
  more: Partial<CloudStackOptions> = {},
): CloudStackOptions & { readonly calls: CallReport[] } {
  const calls: CallReport[] = [];
  return {
    url: server.url,
    apiKey: server.apiKey ?? "key",
    secretKey: server.secretKey ?? SECRET,
    rootPath: "ROOT/ci" as DomainPath,
    now: () => Date.now() as Instant,
    sleep: async (ms, signal) => void (await wait(Math.min(ms, 20), undefined, { ...(signal === undefined ? {} : { signal }) })),
    newId: randomUUID,
    beforeCall: () => Promise.resolve(ok(undefined)),
    onCall: (call) => calls.push(call),
    timeoutMs: 60_000,
    ...more,
    calls,
  };
}

/** A database in which nobody stopped anything or decided otherwise since a guard looked, for clients that need no other table. */
const lastWord = { isStop: null, reason: null, isHeld: true, isSame: true, isApproved: true };
const nothingStopped = { many: async () => [], maybe: async () => null, one: async () => lastWord } as unknown as Queryable;

interface BotCloudOptions extends Partial<Pick<CloudStackOptions, "now" | "sleep" | "pageSize">> {
  readonly db?: Queryable;
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * The bot's own clients against a server of the tests, made by the function that makes them for the bot (`src/app/systems.ts`): each with
 * its keys (an emulator has the four of `twokey roles`), and behind the stop switch of `db`. `env` is added to the configuration.
 */
export function botCloud(
  server: { readonly url: string; readonly apiKey?: string; readonly secretKey?: string } | Pick<CloudStackEmulator, "url" | "findKeys">,
  { db = nothingStopped, env, ...more }: BotCloudOptions = {},
): CloudParts {
  const { apiKey, secretKey, now, sleep, newId } = optionsFor({ ...server });
  const one = Object.fromEntries(
    ["", "WRITE_", "EXPORT_", "DELETE_"].flatMap((kind) => [
      [`CLOUDSTACK_${kind}API_KEY`, apiKey],
      [`CLOUDSTACK_${kind}SECRET_KEY`, secretKey],
    ]),
  );
  const keys = "findKeys" in server ? keyVariables(server) : one;
  const config = configOf({ CLOUDSTACK_API_URL: server.url, ...keys, ...env });
  return cloudStack(config, db, { now, sleep, newId, events: createEvents("silent", "test"), ...more });
}

const BEA = "ci:bea" as OperatorId;
const CARL = "ci:carl" as OperatorId;

/** A real grant for an inventory, by two approvers: of the deletion `of`, as it is there, or of one that is nowhere. */
export function grantFor(
  approved: Inventory,
  requestPath: DomainPath = approved.path,
  of: { readonly id: DeletionId } & SeenDeletion = { id: randomUUID() as DeletionId, phase: "removing", version: 1, lease: 1 },
  now = Date.now() as Instant,
): ApprovedDeletion {
  const digest = inventoryDigest(approved);
  const minted = grant({
    request: {
      deletionId: of.id,
      domainId: approved.domainId,
      path: requestPath,
      digest,
      requesters: ["ci:ann" as OperatorId],
      quorum: 2,
      openedAt: (now - 1_000) as Instant,
      expiresAt: (now + 1_000) as Instant,
    },
    votes: [BEA, CARL].map((voter) => ({
      voter,
      account: null,
      identities: [voter],
      verdict: "approve",
      digest,
      at: (now - 500) as Instant,
    })),
    approversNow: new Set([BEA, CARL]),
    approved,
    fresh: completeOf(approved),
    dismantling: true,
    seen: { phase: of.phase, version: of.version, lease: of.lease },
    now,
  });
  if (!minted.ok) throw new Error(minted.error.sentence);
  return minted.value;
}

/** A server that answers every request with `answer`, and remembers the forms it was sent. */
export interface ToldServer {
  readonly url: string;
  readonly forms: URLSearchParams[];
  close(): Promise<void>;
}

/** Starts a server on 127.0.0.1 that does with each request what it is told. */
export async function startToldServer(
  answer: (form: URLSearchParams, response: ServerResponse, request: IncomingMessage) => void,
): Promise<ToldServer> {
  const forms: URLSearchParams[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const form = new URLSearchParams(Buffer.concat(chunks).toString("utf8"));
      forms.push(form);
      answer(form, response, request);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/client/api`,
    forms,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Answers with JSON. */
export function sendJson(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
}

/** The value of a result, or a test that fails with its error. */
export function valueOf<T>(result: { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: unknown }): T {
  if (!result.ok) throw new Error(`expected success, got ${JSON.stringify(result.error)}`);
  return result.value;
}
