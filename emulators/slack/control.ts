import type { IncomingMessage, ServerResponse } from "node:http";
import type { Administration } from "./administration.ts";
import { act } from "./acts/act.ts";
import type { ActReply, JsonObject, SentCall, SlackFaults, WorkspaceView } from "./control-api.ts";
import { isForeign, readJsonObject, sendJson } from "./http-io.ts";
import type { People } from "./interactions.ts";
import type { Workspace } from "./workspace.ts";

/** The control API's operations, for whoever holds the emulator itself. */
export interface Control extends People, Administration {
  /** What a person sees; null for somebody who is not of the workspace. */
  view(as: string): WorkspaceView | null;
  faults(faults: SlackFaults): Promise<ActReply>;
  sent(): readonly SentCall[];
}

/** The acts that can be posted, with the fields that must be strings. */
const ACTS: Readonly<Record<string, readonly string[]>> = {
  command: ["as", "channel", "command", "text"],
  message: ["as", "channel", "text"],
  click: ["as", "actionId"],
  submit: ["as", "viewId"],
  close: ["as", "viewId"],
  options: ["as", "actionId", "value"],
  home: ["as"],
  faults: [],
  usergroup: ["id"],
  user: ["id"],
  channel: ["id"],
  "delete-message": ["channel", "ts"],
};

/** Serves `/emulator/…`. */
export async function serveControl(
  control: Control,
  ws: Workspace,
  url: URL,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (isForeign(request)) return sendJson(response, 403, { ok: false, error: "foreign_origin" });
  const name = url.pathname.slice("/emulator/".length);
  if (request.method === "GET") return serveRead(control, ws, name, url, response);
  const wanted = Object.hasOwn(ACTS, name) ? ACTS[name] : undefined;
  if (wanted === undefined) return sendJson(response, 404, { ok: false, error: "unknown_act" });
  const given = await readJsonObject(request);
  const missing = wanted.find((field) => typeof given?.[field] !== "string");
  if (given === null || missing !== undefined)
    return sendJson(response, 400, { ok: false, error: missing === undefined ? "no_json_object" : `missing_field: ${missing}` });
  sendJson(response, 200, await act(() => run(control, name, given)));
}

function serveRead(control: Control, ws: Workspace, name: string, url: URL, response: ServerResponse): void {
  if (name === "sent") return sendJson(response, 200, control.sent());
  if (name === "stream") return stream(ws, response);
  if (name !== "view") return sendJson(response, 404, { ok: false, error: "unknown_act" });
  const show = (): void => {
    const view = control.view(url.searchParams.get("as") ?? "");
    sendJson(response, view === null ? 404 : 200, view ?? { ok: false, error: "user_not_found" });
  };
  const seen = url.searchParams.get("after");
  if (seen === null || Number(seen) < ws.state.version) return show();
  waitForChange(ws, response, show);
}

/** How long a view is held back from somebody who has seen it already. Units: ms. */
const HOLD_MS = 250;

/** Shows when something has changed, or after a while all the same; nobody is shown anything who has gone away. */
function waitForChange(ws: Workspace, response: ServerResponse, show: () => void): void {
  const end = (then: () => void): void => {
    stop();
    clearTimeout(timer);
    then();
  };
  const stop = ws.onChange(() => end(() => setImmediate(show)));
  const timer = setTimeout(() => end(show), HOLD_MS);
  response.once("close", () => end(() => undefined));
}

/** Tells the version now and after each change; several changes in one turn of the loop are told once. */
function stream(ws: Workspace, response: ServerResponse): void {
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
  let told = 0;
  let waiting = false;
  const tell = (): void => {
    waiting = false;
    if (ws.state.version !== told) response.write(`data: ${JSON.stringify({ version: ws.state.version })}\n\n`);
    told = ws.state.version;
  };
  tell();
  const stop = ws.onChange(() => {
    if (!waiting) setImmediate(tell);
    waiting = true;
  });
  response.on("close", stop);
}

/** Runs one act. The fields that it cannot do without were looked at; the act itself refuses what does not fit. */
function run(control: Control, name: string, given: JsonObject): Promise<ActReply> {
  const acts: Readonly<Record<string, (given: never) => Promise<ActReply>>> = {
    command: control.command,
    message: control.message,
    click: control.click,
    submit: (act: JsonObject) => control.submit({ values: {}, ...act } as never),
    close: control.close,
    options: control.options,
    home: control.home,
    faults: control.faults,
    usergroup: control.usergroup,
    user: control.user,
    channel: control.channel,
    "delete-message": control.deleteMessage,
  };
  const chosen = acts[name];
  return chosen === undefined ? Promise.resolve({ ok: false, error: "unknown_act" }) : chosen(given as never);
}
