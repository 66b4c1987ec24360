import type { WebClient } from "@slack/web-api";
import { runCommand } from "../../commands/run.ts";
import { replyOfFailure, type Reply } from "../../commands/reply.ts";
import type { Services } from "../../commands/services.ts";
import type { Command } from "../../commands/command.ts";
import { failure } from "../../core/failure.ts";
import { Slug } from "../../core/ids.ts";
import type { Asker } from "../../core/people.ts";
import type { Answer, Click } from "../click.ts";
import { answerModal, waitingModal } from "../render/modals.ts";
import { callSlack } from "../slack.ts";
import type { HomeTab } from "./tab.ts";

/** What answering a click on Home needs. */
export interface HomeClickContext {
  readonly client: WebClient;
  readonly services: Services;
  readonly home: HomeTab;
}

/** Answers a click on Home: another page, or what a command answers, in a window. */
export async function answerHomeClick(click: Click, by: Asker, c: HomeClickContext): Promise<Answer> {
  if (/^home_page_(?:before|next)$/.test(click.action)) {
    const page = /^[1-9]\d{0,4}$/.test(click.value) ? Number(click.value) : 1;
    const send = await c.home.open(click.user, by, page);
    return { opens: async () => (await send(), null) };
  }
  const command = commandOf(click);
  if (command === null) return replyOfFailure(failure("invalid", "click.choice", "There is no such button any more"));
  return inWindow(click, () => runCommand(command, by, c.services, { channel: click.user, user: click.user }), c);
}

function commandOf({ action, value }: Click): Command | null {
  if (action === "home_status") return { kind: "status", slug: null };
  if (action === "home_export") return { kind: "export_template", thing: "template", slug: null, template: null };
  const slug = Slug.safeParse(value);
  return /^home_project_\d{1,2}$/.test(action) && slug.success ? { kind: "status", slug: slug.data } : null;
}

/** Opens a window at once, while the click is good for one, and fills it in when the answer is there; without one it is a message. */
async function inWindow(click: Click, answer: () => Promise<Reply>, { client }: HomeClickContext): Promise<Answer> {
  const opening = callSlack("views.open", () => client.views.open({ trigger_id: click.triggerId, view: waitingModal() }));
  const reply = await answer();
  return {
    async opens() {
      const opened = await opening;
      const id = opened.ok ? opened.value.view?.id : undefined;
      if (id === undefined) return reply;
      const filled = await callSlack("views.update", () => client.views.update({ view_id: id, view: answerModal(reply) }));
      return filled.ok ? null : reply;
    },
  };
}
