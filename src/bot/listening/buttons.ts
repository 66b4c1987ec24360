import type { App } from "@slack/bolt";
import { replyOfFailure } from "../../commands/reply.ts";
import { clickOf, type Answer } from "../click.ts";
import { answerClick } from "../clicks.ts";
import { answerHomeClick } from "../home/clicks.ts";
import { strangerOf, type Listening } from "./context.ts";
import { onceOf, take, type Doing, type Who } from "./doing.ts";
import { acknowledge, type Respond } from "./say.ts";

/** Buttons that lose nothing and must work when Slack's lists or the CI database cannot be read. */
const HALTS = new Set(["deletion_cancel", "deletion_restore"]);

/** Answers buttons and menus: acknowledged at once, then each person in turn. A click of a stranger is recorded. */
export function listenToButtons(app: App, c: Listening): void {
  app.action(/.*/, async ({ ack, body, action, respond }) => {
    acknowledge(ack(), c);
    const { click, once } = clickOf(body, action, c.channel);
    const place = { channel: click.channel, isDirect: click.isInView === true, user: click.user, respond: respond as Respond | undefined };
    const run = async (who: Who): Promise<Answer> => {
      const asker = await who();
      if (asker.ok) return click.action.startsWith("home_") ? answerHomeClick(click, asker.value, c) : answerClick(click, asker.value, c);
      await c.services.deletions.recordRefusal(strangerOf(click.user), click.action, asker.error.message);
      return replyOfFailure(asker.error);
    };
    const halts = HALTS.has(click.action) ? "one deletion" : null;
    await take({ what: "action", about: click.action, place, once: onceOf("action", once), halts, ...laneOf(click.action), run }, c);
  });
}

function laneOf(action: string): Pick<Doing, "lane"> {
  if (action === "deletion_keep" || action === "status_keep") return { lane: "keeps" };
  if (/^(?:deletion_(?:reject|withdraw)$|policy_)/.test(action)) return { lane: "decisions" };
  return /^(?:deletion|adoption)_/.test(action) ? { lane: "approvals" } : {};
}
