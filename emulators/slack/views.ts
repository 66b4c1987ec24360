import { createHash } from "node:crypto";
import type { JsonObject } from "./control-api.ts";
import { stateOf } from "./elements.ts";
import { identify } from "./identify.ts";
import { compact, copyOf, objectsOf } from "./json.ts";
import { refuse, refuseWith } from "./refusal.ts";
import type { StoredView } from "./state.ts";
import { describeProblem, findViewProblems, VIEW_BYTES } from "./validate-blocks.ts";
import type { Workspace } from "./workspace.ts";

/** How many modals may lie on each other. Source: facts, modal stack. */
const STACK_LIMIT = 3;

/** Looks at a view that the app sent. Errors: refuses `view_too_large`, `invalid_arguments` with each problem. */
export function checkView(view: JsonObject | undefined, surface: "modal" | "home"): JsonObject {
  if (view === undefined) return refuseWith("invalid_arguments", ["[ERROR] missing required field: view"]);
  if (Buffer.byteLength(JSON.stringify(view)) > VIEW_BYTES) refuse("view_too_large");
  const problems = findViewProblems(view, surface);
  return problems.length > 0 ? refuseWith("invalid_arguments", problems.map(describeProblem)) : view;
}

/** Opens a modal for a person: alone, or on top of `onTop`. Errors: refuses `push_limit_reached`, `duplicate_external_id`. */
export function openModal(ws: Workspace, user: string, content: JsonObject, onTop?: StoredView): StoredView {
  if (onTop !== undefined && ws.modals(user).length >= STACK_LIMIT) refuse("push_limit_reached");
  if (onTop === undefined) closeAll(ws, user);
  claimExternalId(ws, content, null);
  const id = ws.nextId("V");
  const view = storeView(ws, { id, user, rootId: onTop?.rootId ?? id, previousId: onTop?.id ?? null }, content);
  ws.changed();
  return view;
}

/** Shows a person's home tab. */
export function publishHome(ws: Workspace, user: string, content: JsonObject): StoredView {
  const old = ws.home(user);
  if (old !== undefined) {
    updateView(ws, old, content);
    return old;
  }
  claimExternalId(ws, content, null);
  const id = ws.nextId("V");
  const view = storeView(ws, { id, user, rootId: id, previousId: null }, content);
  ws.state.homes[user] = id;
  ws.changed();
  return view;
}

/** Replaces what a view shows. What a person put into elements that are still there stays. */
export function updateView(ws: Workspace, view: StoredView, content: JsonObject): void {
  claimExternalId(ws, content, view);
  view.content = contentOf(ws, content);
  view.hash = hashOf(ws, view.content);
  view.errors = {};
  const still = stateOf(objectsOf(view.content["blocks"]), {});
  const kept: StoredView["values"] = {};
  for (const [blockId, actions] of Object.entries(view.values)) {
    for (const [actionId, value] of Object.entries(actions))
      if (still[blockId]?.[actionId]?.["type"] === value["type"]) (kept[blockId] ??= {})[actionId] = value;
  }
  view.values = kept;
  ws.changed();
}

/** Closes one modal; the one below it is on top again. */
export function closeModal(ws: Workspace, view: StoredView): void {
  const at = ws.state.views.indexOf(view);
  if (at >= 0) ws.state.views.splice(at, 1);
  ws.changed();
}

/** Closes all modals of a person. */
export function closeAll(ws: Workspace, user: string): void {
  for (const view of ws.modals(user)) closeModal(ws, view);
}

/** A view as the Web API and the payloads give it. */
export function wireView(ws: Workspace, view: StoredView): JsonObject {
  const { app, team } = ws.seed;
  return {
    id: view.id,
    team_id: team.id,
    ...view.content,
    state: { values: copyOf(stateOf(objectsOf(view.content["blocks"]), view.values)) },
    hash: view.hash,
    previous_view_id: view.previousId,
    root_view_id: view.rootId,
    app_id: app.id,
    app_installed_team_id: team.id,
    bot_id: app.botId,
  };
}

function storeView(ws: Workspace, place: Pick<StoredView, "id" | "user" | "rootId" | "previousId">, content: JsonObject): StoredView {
  const kept = contentOf(ws, content);
  const view: StoredView = { ...place, content: kept, hash: hashOf(ws, kept), values: {}, errors: {} };
  ws.state.views.push(view);
  return view;
}

function contentOf(ws: Workspace, content: JsonObject): JsonObject {
  const modal = content["type"] === "modal";
  return compact({
    type: content["type"],
    title: content["title"],
    blocks: identify(objectsOf(content["blocks"]), ws.nextId),
    close: modal ? (content["close"] ?? null) : undefined,
    submit: modal ? (content["submit"] ?? null) : undefined,
    private_metadata: content["private_metadata"] ?? "",
    callback_id: content["callback_id"] ?? "",
    external_id: content["external_id"] ?? "",
    clear_on_close: content["clear_on_close"] ?? false,
    notify_on_close: content["notify_on_close"] ?? false,
    submit_disabled: modal ? (content["submit_disabled"] ?? false) : undefined,
  });
}

function claimExternalId(ws: Workspace, content: JsonObject, owner: StoredView | null): void {
  const id = content["external_id"];
  if (typeof id !== "string" || id === "") return;
  if (ws.state.views.some((view) => view !== owner && view.content["external_id"] === id)) refuse("duplicate_external_id");
}

function hashOf(ws: Workspace, content: JsonObject): string {
  const digest = createHash("sha256").update(JSON.stringify(content)).digest("hex").slice(0, 8);
  return `${Math.floor(ws.now() / 1000)}.${digest}${ws.state.version}`;
}
