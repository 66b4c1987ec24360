import type { App } from "@slack/bolt";
import { failure, type Failure } from "../../core/failure.ts";
import { textAt } from "../payload.ts";
import type { Listening } from "./context.ts";
import { inTurn, type Rest } from "./doing.ts";

/** Shows Home to who opens it; its other tab, Messages, needs nothing. */
export function listenToHome(app: App, c: Listening): void {
  app.event("app_home_opened", async ({ event }) => {
    const user = textAt(event, "user");
    if (user === "" || textAt(event, "tab") === "messages") return;
    await inTurn("home", c, null, (turn) => c.lanes.others.take(user, () => turn(() => read(user, c)), c.isFirst(user)));
  });
}

/** What is to be shown: Home, or why there is none, which is logged. */
async function read(user: string, c: Listening): Promise<Rest> {
  const explain = (why: Failure): Rest => {
    c.events.failed("slack.home_not_shown", why, { user });
    return () => c.home.explain(user, why);
  };
  try {
    const asker = await c.identity.identify(user);
    return asker.ok ? await c.home.open(user, asker.value, 1) : explain(asker.error);
  } catch (thrown) {
    c.events.bug("slack.home", thrown);
    return explain(failure("unavailable", "home.unread", "Twokey cannot reach its own database now, so nothing can be read"));
  }
}
