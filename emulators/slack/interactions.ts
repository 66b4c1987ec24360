import type { ApiWorld } from "./api/method.ts";
import type { ActReply, ClickAct, CloseAct, CommandAct, JsonObject, MessageAct, OptionsAct, SubmitAct } from "./control-api.ts";
import { act, type ActWorld } from "./acts/act.ts";
import { click } from "./acts/click.ts";
import { command } from "./acts/command.ts";
import { home, message } from "./acts/message.ts";
import { options } from "./acts/options.ts";
import { closeView, submit } from "./acts/modal.ts";
import type { AppLink } from "./delivery.ts";

/** What people do in the workspace. Each answers when the app has acknowledged, or three seconds have passed. */
export interface People {
  command(given: CommandAct): Promise<ActReply>;
  message(given: MessageAct): Promise<ActReply>;
  click(given: ClickAct): Promise<ActReply>;
  submit(given: SubmitAct): Promise<ActReply>;
  close(given: CloseAct): Promise<ActReply>;
  options(given: OptionsAct): Promise<ActReply>;
  home(given: { readonly as: string }): Promise<ActReply>;
}

/** Lets people act; an act that Slack would not let them do answers `ok: false` with why. */
export function peopleOf(api: ApiWorld, link: AppLink): People {
  const world: ActWorld = { api, link, offered: new Map<string, readonly JsonObject[]>(), inputs: new Map() };
  return {
    command: (given) => act(() => command(world, given)),
    message: (given) => act(() => message(world, given)),
    click: (given) => act(() => click(world, given)),
    submit: (given) => act(() => submit(world, given)),
    close: (given) => act(() => closeView(world, given)),
    options: (given) => act(() => options(world, given)),
    home: (given) => act(() => home(world, given)),
  };
}
