import type { App } from "@slack/bolt";
import { replyOfFailure } from "../commands/reply.ts";
import { listenToButtons } from "./listening/buttons.ts";
import { createFirsts, createLanes, strangerOf, type ListenContext, type Listening } from "./listening/context.ts";
import { inTurn, type Rest } from "./listening/doing.ts";
import { listenToHome } from "./listening/home.ts";
import { acknowledge, answerAt, type Respond } from "./listening/say.ts";
import { createSlowness } from "./listening/slowness.ts";
import { listenToTyping } from "./listening/typing.ts";
import { listenToWindows } from "./listening/windows.ts";
import { listenToCommands, listenToDirectMessages, listenToMentions } from "./listening/words.ts";
import { assessOrigin, textAt } from "./payload.ts";
import { bodyOf } from "./posting.ts";
import { renderReply } from "./render/reply.ts";

/** Registers one listener for each kind of thing a person can do: acknowledge first, then work. Source: facts on Slack §1.5 no. 9. */
export function listen(app: App, o: ListenContext): void {
  const c: Listening = { ...o, lanes: createLanes(), slowness: createSlowness(o), isFirst: createFirsts(o) };
  refuseOthers(app, c);
  listenToCommands(app, c);
  listenToButtons(app, c);
  listenToTyping(app, c, c.lanes.suggestions);
  listenToWindows(app, c);
  listenToMentions(app, c);
  listenToDirectMessages(app, c);
  listenToHome(app, c);
  app.error(async (thrown) => c.events.bug("slack.listener", thrown));
}

/** What was not made for this app, in this workspace, reaches no listener: acknowledged, answered where that is possible, and recorded. */
function refuseOthers(app: App, c: Listening): void {
  app.use(async ({ body, next, ...more }) => {
    const origin = assessOrigin(body, c.here);
    if (origin.ok) return next();
    const { ack, respond } = more as unknown as { ack?: () => Promise<void>; respond?: Respond };
    if (ack !== undefined) acknowledge(ack(), c);
    const user = textAt(body, "user", "id") || textAt(body, "user_id") || textAt(body, "event", "user") || "unknown";
    const said = bodyOf(renderReply(replyOfFailure(origin.error)));
    const record = async (): Promise<Rest> => {
      c.events.failed("slack.other_origin", origin.error);
      await c.services.deletions.recordRefusal(strangerOf(user), "slack.payload", origin.error.message);
      return async () => respond !== undefined && answerAt(respond, { text: said.text });
    };
    await inTurn("origin", c, null, (turn) => c.lanes.strangers.take(user, () => turn(record)));
  });
}
