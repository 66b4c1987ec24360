import { cast, demoChannel, usersChannel } from "./cast.ts";
import type { DemoState } from "./demo-state.ts";
import type { DemoWorld } from "./world.ts";

/** What happened in the bot's own database, in one row. */
interface Happened {
  readonly isOpen: boolean;
  readonly voters: readonly string[];
  readonly isQuarantined: boolean;
  readonly isRestoredOrExported: boolean;
}

/** How far the path for a first visit was walked, by what really happened. */
export async function progressOf(w: DemoWorld, s: Pick<DemoState, "ciDatabase" | "cloudstack">): Promise<NonNullable<DemoState["guide"]>> {
  const [row] = (await w.askBot(`
    select exists (select 1 from deletion where phase not in ('deleted', 'closed')) as "isOpen",
      array(select voter from ballot where kind = 'deletion' and verdict = 'approve'
        union select slack_account from ballot where kind = 'deletion' and verdict = 'approve' and slack_account is not null) as voters,
      exists (select 1 from deletion where phase in ('grace', 'dismantling', 'expunging', 'removing', 'deleted') or closed_because = 'restored')
        as "isQuarantined",
      exists (select 1 from deletion where closed_because = 'restored') or exists (select 1 from export where state in ('ready', 'expired'))
        as "isRestoredOrExported"`)) as readonly Happened[];
  const voters = row?.voters ?? [];
  const projects = s.ciDatabase.projects.filter((p) => p.state === "active" && s.cloudstack.domains.some((d) => d.name === p.slug));
  const others = projects.filter((p) => !p.members.some((m) => m.username === cast.mia.username));
  const suggested = others.find((p) => p.slug === "drizzle") ?? others[0] ?? projects[0];
  return {
    isClosed: row?.isOpen === true || voters.length > 0 || s.ciDatabase.projects.some((p) => p.state === "closed"),
    approvedBy: Object.values(cast)
      .filter((p) => voters.some((v) => v === `ci:${p.id}` || v.endsWith(`/${p.slackId}`)))
      .map((p) => p.firstName),
    isQuarantined: row?.isQuarantined ?? false,
    isRestoredOrExported: row?.isRestoredOrExported ?? false,
    suggestedProject: suggested?.slug ?? null,
    teamChannel: demoChannel,
    usersChannel,
  };
}
