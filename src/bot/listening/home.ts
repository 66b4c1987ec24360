import type { App } from "@slack/bolt";
import { textAt } from "../payload.ts";
import type { Listening } from "./context.ts";
import { inTurn, type Rest } from "./doing.ts";

/** The Home tab. */
export function listenToHome(app: App, c: Listening): void {
  app.event("app_home_opened", async ({ event }) => {
    const user = textAt(event, "user");
    if (user === "" || textAt(event, "tab") === "messages") return;
    const read = async (): Promise<Rest> => {
      const asker = await c.identity.identify(user);
      return asker.ok ? c.home.open(user, asker.value, 1) : async () => undefined;
    };
    await inTurn("home", c, null, (turn) => c.lanes.others.take(user, () => turn(read)));
  });
}
