import type { App } from "@slack/bolt";
import { homeView } from "../render/home.ts";
import type { Listening } from "./context.ts";
import { inTurn, type Rest } from "./doing.ts";

/** The Home tab. */
export function listenToHome(app: App, c: Listening): void {
  app.event("app_home_opened", async ({ event: { user } }) => {
    const read = async (): Promise<Rest> => {
      const asker = await c.identity.identify(user);
      if (!asker.ok) return async () => undefined;
      const projects = await c.services.projects.projectsOf(asker.value);
      const deletions = asker.value.isTeam ? await c.services.deletions.list() : null;
      const view = homeView(projects.ok ? projects.value : [], deletions?.ok === true ? deletions.value : []);
      return () => c.client.views.publish({ user_id: user, view });
    };
    await inTurn("home", c, null, (turn) => c.lanes.others.take(user, () => turn(read)));
  });
}
