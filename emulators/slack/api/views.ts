import type { JsonObject } from "../control-api.ts";
import { refuse, refuseWith } from "../refusal.ts";
import type { StoredView } from "../state.ts";
import { checkView, openModal, publishHome, updateView, wireView } from "../views.ts";
import type { Workspace } from "../workspace.ts";
import type { Args } from "./args.ts";
import type { ApiMethods, ApiWorld } from "./method.ts";

/** The methods of `views.*`. They need no scope. */
export const views: ApiMethods = {
  "views.open": { run: (world, args) => open(world, args, false) },
  "views.push": { run: (world, args) => open(world, args, true) },
  "views.update": { run: update },
  "views.publish": { run: publish },
};

function open({ ws, triggers }: ApiWorld, args: Args, push: boolean): JsonObject {
  const trigger = args.string("trigger_id");
  const user = triggers.ownerOf(trigger);
  const content = readView(args, "modal");
  const view = openModal(ws, user, content, push ? (ws.modals(user).at(-1) ?? refuse("not_found")) : undefined);
  triggers.exchange(trigger);
  return { view: wireView(ws, view) };
}

function update({ ws }: ApiWorld, args: Args): JsonObject {
  const view = findView(ws, args);
  const content = readView(args, view.content["type"] === "home" ? "home" : "modal");
  const hash = args.optional("hash");
  if (hash !== null && hash !== view.hash) refuse("hash_conflict");
  updateView(ws, view, content);
  return { view: wireView(ws, view) };
}

function publish({ ws }: ApiWorld, args: Args): JsonObject {
  const user = ws.user(args.string("user_id"));
  const content = readView(args, "home");
  if (user === undefined || user.isBot === true || user.deleted === true) return refuse("user_not_found");
  const hash = args.optional("hash");
  const old = ws.home(user.id);
  if (hash !== null && old !== undefined && hash !== old.hash) refuse("hash_conflict");
  return { view: wireView(ws, publishHome(ws, user.id, content)) };
}

function findView(ws: Workspace, args: Args): StoredView {
  const id = args.optional("view_id");
  const external = args.optional("external_id");
  if (id === null && external === null) refuseWith("invalid_arguments", ["[ERROR] missing required field: view_id"]);
  const view = id === null ? ws.state.views.find((known) => known.content["external_id"] === external) : ws.view(id);
  return view ?? refuse("not_found");
}

function readView(args: Args, surface: "modal" | "home"): JsonObject {
  return checkView(args.object("view", "invalid_arguments"), surface);
}
