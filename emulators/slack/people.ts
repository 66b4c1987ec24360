import type { ActReply, ClickAct, CloseAct, CommandAct, Json, JsonObject, MessageAct, OptionsAct, SubmitAct } from "./control-api.ts";
import type { Delivery } from "./socket-mode.ts";
import { addMessage, newView, setView, shown, viewInfo } from "./web-api.ts";
import type { Conversation, Message, OpenView, Workspace } from "./workspace.ts";

/** How a payload reaches the bot, whichever way it is connected. */
export type Deliver = (type: "interactive" | "slash_commands" | "events_api", payload: JsonObject) => Promise<Delivery>;

/** What people do in the workspace, turned into the payloads Slack would send. */
export class People {
  readonly #w: Workspace;
  readonly #deliver: Deliver;
  readonly #url: () => string;
  constructor(w: Workspace, deliver: Deliver, url: () => string) {
    this.#w = w;
    this.#deliver = deliver;
    this.#url = url;
  }

  async command(a: CommandAct): Promise<ActReply> {
    const w = this.#w;
    const c = this.#conversation(a.as, a.channel);
    if (c === null) return no("not_in_channel");
    if (!w.seed.app.commands.some((x) => x.command === a.command)) {
      w.notice(a.as, `${a.command} is not a valid command.`);
      return no("unknown_command");
    }
    const user = w.user(a.as);
    const d = await this.#deliver("slash_commands", {
      token: "emulator",
      team_id: w.seed.team.id,
      team_domain: w.seed.team.domain,
      channel_id: c.id,
      channel_name: c.kind === "im" ? "directmessage" : c.name,
      user_id: a.as,
      user_name: user?.name ?? "",
      command: a.command,
      text: a.text,
      api_app_id: w.seed.app.id,
      is_enterprise_install: "false",
      response_url: this.#responseUrl(a.as, c.id, null),
      trigger_id: w.newTrigger(a.as),
    });
    if (!d.acked) w.notice(a.as, `${a.command} failed with the error "operation_timeout"`);
    if (d.payload !== null && (d.payload["text"] !== undefined || d.payload["blocks"] !== undefined)) {
      const inChannel = d.payload["response_type"] === "in_channel";
      addMessage(w, c, {
        text: String(d.payload["text"] ?? ""),
        blocks: (d.payload["blocks"] ?? []) as readonly JsonObject[],
        threadTs: null,
        visibleTo: inChannel ? null : a.as,
        metadata: null,
      });
    }
    return yes(d);
  }

  async message(a: MessageAct): Promise<ActReply> {
    const w = this.#w;
    const c = this.#conversation(a.as, a.channel);
    if (c === null) return no("not_in_channel");
    const m = addMessage(w, c, { user: a.as, text: a.text, blocks: [], threadTs: a.threadTs ?? null, visibleTo: null, metadata: null });
    const bot = w.seed.app.botUserId;
    const base = {
      user: a.as,
      text: a.text,
      ts: m.ts,
      channel: c.id,
      event_ts: m.ts,
      team: w.seed.team.id,
      client_msg_id: w.newId("M"),
      ...(a.threadTs === undefined ? {} : { thread_ts: a.threadTs }),
    };
    if (c.kind === "im") return yes(await this.#event({ ...base, type: "message", channel_type: "im" }));
    if (a.text.includes(`<@${bot}>`)) return yes(await this.#event({ ...base, type: "app_mention" }));
    return { ok: true, acked: true, ackMs: 0 };
  }

  async home(as: string): Promise<ActReply> {
    return yes(
      await this.#event({ type: "app_home_opened", user: as, channel: this.#w.im(as).id, tab: "home", event_ts: this.#w.nextTs() }),
    );
  }

  async click(a: ClickAct): Promise<ActReply> {
    const place = this.#place(a);
    if (place === null) return no("no_such_place");
    const found = findElement(place.blocks, a.actionId, a.blockId);
    if (found === null) return no("no_such_element");
    const action = actionOf(found, a.value);
    const view = place.view;
    const d = await this.#deliver("interactive", {
      type: "block_actions",
      ...this.#who(a.as),
      container: place.container,
      trigger_id: this.#w.newTrigger(a.as),
      ...(place.message === null || place.conversation === null
        ? {}
        : {
            channel: { id: place.conversation.id, name: place.conversation.kind === "im" ? "directmessage" : place.conversation.name },
            message: shown(this.#w, place.message),
            response_url: this.#responseUrl(a.as, place.conversation.id, place.message),
          }),
      ...(view === null ? {} : { view: view as JsonObject }),
      state: {
        values: action["selected_option"] === undefined ? {} : { [String(found.block["block_id"] ?? "b")]: { [a.actionId]: action } },
      },
      actions: [{ ...action, action_id: a.actionId, block_id: found.block["block_id"] ?? "b", action_ts: this.#w.nextTs() }],
    });
    if (!d.acked) this.#w.notice(a.as, "This app did not respond. Try again.");
    return yes(d);
  }

  async submit(a: SubmitAct): Promise<ActReply> {
    const w = this.#w;
    const v = w.views.find((x) => x.id === a.viewId && x.user === a.as);
    if (v === undefined) return no("no_such_view");
    const values: Record<string, Record<string, JsonObject>> = {};
    for (const block of (v.view["blocks"] ?? []) as readonly JsonObject[]) {
      const element = block["element"] as JsonObject | undefined;
      if (block["type"] !== "input" || element === undefined) continue;
      const blockId = String(block["block_id"]),
        actionId = String(element["action_id"]);
      const given = a.values[blockId]?.[actionId];
      if ((given === undefined || given === "") && block["optional"] !== true) {
        v.errors = { [blockId]: "Please complete this required field." };
        w.changed();
        return no("required_field");
      }
      (values[blockId] ??= {})[actionId] = stateOf(element, given);
    }
    const d = await this.#deliver("interactive", {
      type: "view_submission",
      ...this.#who(a.as),
      trigger_id: w.newTrigger(a.as),
      view: { ...viewInfo(w, v), state: { values } },
      response_urls: [],
    });
    if (!d.acked) {
      w.notice(a.as, "We had some trouble connecting. Try again?");
      return yes(d);
    }
    this.#afterSubmit(v, d.payload);
    return yes(d);
  }

  async close(a: CloseAct): Promise<ActReply> {
    const v = this.#w.views.find((x) => x.id === a.viewId && x.user === a.as);
    if (v === undefined) return no("no_such_view");
    this.#w.views = this.#w.views.filter((x) => x !== v);
    this.#w.changed();
    if (v.view["notify_on_close"] !== true) return { ok: true, acked: true, ackMs: 0 };
    return yes(
      await this.#deliver("interactive", { type: "view_closed", ...this.#who(a.as), view: viewInfo(this.#w, v), is_cleared: false }),
    );
  }

  async options(a: OptionsAct): Promise<ActReply> {
    const place = this.#place(a);
    const found = place === null ? null : findElement(place.blocks, a.actionId);
    if (place === null || found === null) return no("no_such_element");
    const d = await this.#deliver("interactive", {
      type: "block_suggestion",
      ...this.#who(a.as),
      container: place.container,
      action_id: a.actionId,
      block_id: found.block["block_id"] ?? "b",
      value: a.value,
      ...(place.view === null ? {} : { view: place.view as JsonObject }),
    });
    const options = (d.payload?.["options"] ?? []) as readonly JsonObject[];
    return { ...yes(d), options } as ActReply;
  }

  #afterSubmit(v: OpenView, payload: JsonObject | null): void {
    const w = this.#w;
    const action = payload?.["response_action"];
    if (action === "errors") {
      v.errors = payload?.["errors"] as unknown as Record<string, string>;
      w.changed();
    } else if (action === "update") setView(w, v, payload?.["view"] as JsonObject);
    else if (action === "push") newView(w, v.user, payload?.["view"] as JsonObject, v);
    else {
      w.views = w.views.filter((x) => (action === "clear" ? x.user !== v.user : x !== v));
      w.changed();
    }
  }

  #event(event: JsonObject): Promise<Delivery> {
    const w = this.#w;
    return this.#deliver("events_api", {
      token: "emulator",
      team_id: w.seed.team.id,
      api_app_id: w.seed.app.id,
      type: "event_callback",
      event,
      event_id: w.newId("Ev"),
      event_time: Math.floor(w.now() / 1000),
      authorizations: [
        { enterprise_id: null, team_id: w.seed.team.id, user_id: w.seed.app.botUserId, is_bot: true, is_enterprise_install: false },
      ],
    });
  }

  #who(as: string): JsonObject {
    const { team, app } = this.#w.seed;
    const name = this.#w.user(as)?.name ?? "";
    return {
      user: { id: as, username: name, name, team_id: team.id },
      api_app_id: app.id,
      token: "emulator",
      team: { id: team.id, domain: team.domain },
      enterprise: null,
      is_enterprise_install: false,
    };
  }

  #conversation(as: string, id: string): Conversation | null {
    const c = this.#w.conversation(id);
    return c?.members.includes(as) === true ? c : null;
  }

  #responseUrl(user: string, channel: string, message: Message | null): string {
    const id = this.#w.newId("R");
    this.#w.responseUrls.set(id, { user, channel, ts: message?.ts ?? null, at: this.#w.now(), uses: 0 });
    return `${this.#url()}/response/${id}`;
  }

  #place(a: Pick<ClickAct, "as" | "channel" | "ts" | "viewId" | "home">) {
    const w = this.#w;
    if (a.home === true) {
      const view = w.homes[a.as];
      return view === undefined
        ? null
        : {
            blocks: blocksOf(view),
            message: null,
            conversation: null,
            view: { ...view, id: `V${a.as}` },
            container: { type: "view", view_id: `V${a.as}` },
          };
    }
    if (a.viewId !== undefined) {
      const v = w.views.find((x) => x.id === a.viewId && x.user === a.as);
      return v === undefined
        ? null
        : { blocks: blocksOf(v.view), message: null, conversation: null, view: viewInfo(w, v), container: { type: "view", view_id: v.id } };
    }
    const conversation = this.#conversation(a.as, a.channel ?? "");
    const message = conversation?.messages.find((m) => m.ts === a.ts && (m.visibleTo === null || m.visibleTo === a.as));
    if (conversation === null || message === undefined) return null;
    const container = { type: "message", message_ts: message.ts, channel_id: conversation.id, is_ephemeral: message.visibleTo !== null };
    return { blocks: message.blocks, message, conversation, view: null, container };
  }
}

function blocksOf(view: JsonObject): readonly JsonObject[] {
  return (view["blocks"] ?? []) as readonly JsonObject[];
}

function findElement(blocks: readonly JsonObject[], actionId: string, blockId?: string): { block: JsonObject; element: JsonObject } | null {
  for (const block of blocks) {
    if (blockId !== undefined && block["block_id"] !== blockId) continue;
    const candidates = [block["accessory"], block["element"], ...((block["elements"] ?? []) as readonly Json[])] as readonly (
      | JsonObject
      | undefined
    )[];
    const element = candidates.find((e) => e?.["action_id"] === actionId);
    if (element !== undefined) return { block, element };
  }
  return null;
}

function actionOf(found: { element: JsonObject }, given: string | readonly string[] | undefined): JsonObject {
  const { element } = found;
  if (element["type"] === "button")
    return { type: "button", text: element["text"] ?? null, value: typeof given === "string" ? given : (element["value"] ?? "") };
  return stateOf(element, given);
}

function stateOf(element: JsonObject, given: string | readonly string[] | undefined): JsonObject {
  const type = String(element["type"]);
  if (type === "plain_text_input") return { type, value: typeof given === "string" ? given : null };
  const options = (element["options"] ?? []) as readonly JsonObject[];
  const pick = (v: string): JsonObject => options.find((o) => o["value"] === v) ?? { text: { type: "plain_text", text: v }, value: v };
  if (type === "checkboxes")
    return { type, selected_options: (Array.isArray(given) ? given : given === undefined ? [] : [given]).map((v) => pick(String(v))) };
  if (type === "users_select") return { type, selected_user: typeof given === "string" ? given : null };
  return { type, selected_option: typeof given === "string" && given !== "" ? pick(given) : null };
}

function yes(d: Delivery): ActReply {
  return { ok: true, acked: d.acked, ackMs: d.ms };
}

function no(error: string): ActReply {
  return { ok: false, error };
}
