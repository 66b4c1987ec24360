import type { Call, Caller, Command, ParamSpec } from "./command.ts";
import type { Downloads } from "./downloads.ts";
import type { FaultKind } from "./faults.ts";
import { ApiFault, malformed, runtimeRefusal, unauthorized, unresolved } from "./failure.ts";
import type { JsonObject } from "./json.ts";
import { queueJob } from "./jobs.ts";
import { recordCompleted } from "./events.ts";
import type { Settings } from "./options.ts";
import { Params } from "./params.ts";
import { lookUpCommand } from "./registry.ts";
import { requireAllowed } from "./rights.ts";
import { isSignedBy, parseExpires } from "./signature.ts";
import type { World } from "./world/world.ts";

/** One request as it came in: parameters under the names as they were sent. */
export interface ApiRequest {
  readonly method: string;
  readonly params: Readonly<Record<string, string>>;
}

/** What is answered: HTTP status and the whole body. */
export interface ApiAnswer {
  readonly status: number;
  readonly body: JsonObject;
  /** The command under its proper name; the sent name where it is unknown. */
  readonly command: string;
  readonly jobId?: string;
}

/** What every request is answered from. */
export interface Surroundings {
  readonly world: World;
  readonly settings: Settings;
  readonly fileBase: string;
  readonly machinesStuck: boolean;
  readonly isOn: (kind: FaultKind) => boolean;
  readonly downloads: Downloads | undefined;
}

/**
 * Answers one request. Order of the checks: command known, `expires`, key known, user and account enabled, role, signature,
 * parameters, command. Source: facts/cloudstack.md §1.2.
 */
export function answer(request: ApiRequest, around: Surroundings): ApiAnswer {
  const sent: Record<string, string> = {};
  for (const [name, value] of Object.entries(request.params)) sent[name.toLowerCase()] = value;
  const command = lookUpCommand(sent["command"] ?? "");
  if (command === undefined || around.settings.lacks.includes(command.name))
    return refusal(sent["command"] ?? "", "errorresponse", unauthorized());
  const wrapper = command.wrapper ?? `${command.name.toLowerCase()}response`;
  try {
    requirePost(request.method, command, around.settings);
    const caller = authenticate(request, sent, command, around);
    const params = new Params(readParameters(around.world, command, sent));
    const call = { ...around, command: command.name, now: around.settings.now(), caller, params };
    const { body, jobId } = run(call, command);
    return { status: 200, body: { [wrapper]: body }, command: command.name, ...(jobId === undefined ? {} : { jobId }) };
  } catch (error) {
    if (!(error instanceof ApiFault)) throw error;
    return refusal(command.name, error.code === 432 ? "errorresponse" : wrapper, error);
  }
}

/** An error answer in the real server's shape. */
export function refusal(command: string, wrapper: string, fault: ApiFault): ApiAnswer {
  const body = { [wrapper]: { uuidList: [], errorcode: fault.code, cserrorcode: fault.csCode, errortext: fault.message } };
  return { status: fault.code, body, command };
}

function requirePost(method: string, command: Command, settings: Settings): void {
  if (!settings.enforcePost || method === "POST" || /^(get|list|query|find)/i.test(command.name)) return;
  throw new ApiFault(400, `State changing command ${command.name} needs to be sent using POST request`);
}

function authenticate(request: ApiRequest, sent: Readonly<Record<string, string>>, command: Command, around: Surroundings): Caller {
  const { world, settings } = around;
  const signature = sent["signature"];
  const apiKey = sent["apikey"];
  if (signature === undefined || apiKey === undefined) throw unauthorized();
  const needsExpiry = sent["signatureversion"] === "3" || settings.enforcePost;
  if (needsExpiry) {
    const expires = parseExpires(sent["expires"] ?? "");
    if (expires === undefined || expires < settings.now()) throw unauthorized();
    if (settings.enforcePost && expires > settings.now() + 15 * 60_000) throw unauthorized();
  }
  const user = world.userByKey(apiKey);
  const account = user === undefined ? undefined : world.accounts.live(user.accountId);
  if (user === undefined || user.removed !== undefined || account === undefined) throw unauthorized();
  if (user.state !== "enabled" || account.state !== "enabled") throw unauthorized();
  const caller = callerOf(world, user.id);
  requireAllowed(world, caller, command);
  if (!isSignedBy(request.params, signature, user.secretKey ?? "")) throw unauthorized();
  return caller;
}

/** Who a user is to the checks: account, role, and how far the account's type reaches. */
export function callerOf(world: World, userId: string): Caller {
  const user = world.users.need(userId);
  const account = world.accounts.need(user.accountId);
  const reach = account.type === 1 ? "all" : account.type === 2 ? "domain" : "self";
  return { user, account, role: world.roles.need(account.roleId), reach };
}

/** Looks at every parameter; internal numbers become UUIDs, as the real server resolves references before the command runs. */
function readParameters(world: World, command: Command, sent: Readonly<Record<string, string>>): Record<string, string> {
  for (const [name, value] of Object.entries(sent)) {
    // A line feed is let through (recording 27).
    if (/[\u0000-\u0009\u000b-\u001f\u007f]/.test(value)) {
      throw malformed(`Received value containing illegal ASCII non-printable characters for parameter ${name}`);
    }
  }
  const read: Record<string, string> = { ...sent };
  for (const spec of command.params) {
    const value = sent[spec.name];
    if (value !== undefined) read[spec.name] = readParameter(world, command, spec, value);
    else if (spec.required) {
      throw malformed(`Unable to execute API command ${command.name.toLowerCase()} due to missing parameter ${spec.name}`);
    }
  }
  return read;
}

/** Parameters that the refusal of a text too long names as the server's source does. */
const FIELD_NAMES: Readonly<Record<string, string>> = {
  "createDomain name": "domainName",
  "registerTemplate name": "templateName",
  firstname: "firstName",
  lastname: "lastName",
};

function readParameter(world: World, command: Command, spec: ParamSpec, value: string): string {
  if (spec.table === undefined) {
    if (value.length <= spec.length) return value;
    const field = FIELD_NAMES[`${command.name} ${spec.name}`] ?? FIELD_NAMES[spec.name] ?? spec.name;
    throw malformed(
      `Unable to execute API command ${command.name.toLowerCase()} due to invalid value. ` +
        `Value greater than max allowed length ${spec.length} for param: ${field}`,
    );
  }
  const table = world.tables()[spec.table];
  const ids = (spec.list ? value.split(",") : [value]).map((id) => {
    const row = table.find(id.trim());
    if (row === undefined && id !== "-1") throw unresolved(command.name, spec.name, id);
    return row?.id ?? id;
  });
  return ids.join(",");
}

function run(call: Call, command: Command): { body: JsonObject; jobId?: string } {
  if (command.job !== undefined) {
    // AsyncJobManagerImpl.checkShutdown; 4.20 says "Maintenance or Shutdown has been initiated on this management server" instead.
    if (call.isOn("no_new_jobs")) throw runtimeRefusal("A shutdown has been triggered. Can not accept new jobs");
    const queued = queueJob(call, command, command.job);
    const created = queued.entityId === undefined ? {} : { id: queued.entityId };
    return { body: { ...created, jobid: queued.id }, jobId: queued.id };
  }
  try {
    const body = command.run?.(call) ?? {};
    if (command.event !== undefined) recordCompleted(call, command, createdId(body), false);
    return { body: body as JsonObject };
  } catch (error) {
    const isAboutSomething = command.event !== undefined && call.params.text("id") !== undefined;
    if (error instanceof ApiFault && isAboutSomething) recordCompleted(call, command, undefined, true);
    throw error;
  }
}

function createdId(body: unknown): string | undefined {
  const inner: unknown = typeof body === "object" && body !== null ? Object.values(body)[0] : undefined;
  const id: unknown = typeof inner === "object" && inner !== null && "id" in inner ? inner.id : undefined;
  return typeof id === "string" ? id : undefined;
}
