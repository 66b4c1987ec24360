import type { Asker } from "../core/people.ts";
import { stillness, type StopView } from "../sync/execution/stop-view.ts";
import type { SyncService } from "../sync/execution/service.ts";
import { replyOf, shortReply, type Reply } from "./reply.ts";

/** `/ci-stop`: any team member, at once. */
export async function answerStop(asker: Asker, reason: string, sync: SyncService): Promise<Reply> {
  return replyOf(await sync.stop(asker, reason), (view) =>
    shortReply(
      "Stopped: nothing is sent to CloudStack from now on",
      `${stillness(view)} A restart does not change that; it goes on after /ci-resume by two approvers. The channel shows who stopped it, and why.`,
    ),
  );
}

/** `/ci-resume`: takes two distinct people. */
export async function answerResume(asker: Asker, sync: SyncService): Promise<Reply> {
  return replyOf(await sync.resume(asker), ({ resumed, have, need, names, reason }) =>
    resumed
      ? shortReply("Resumed: two people agreed", `They are ${names.join(" and ")}.`)
      : shortReply(`${have} of ${need} approvers want to resume`, `A second approver must write /ci-resume. Stopped because: ${reason}`),
  );
}

/** Adds to any other answer that everything is stopped: the team sees why, and whether all stands still. */
export function withStop(reply: Reply, view: StopView | null, isTeam: boolean): Reply {
  if (view === null) return reply;
  const why = view.stops.map((s) => `${s.name}: ${s.reason}`).join("; ");
  const text = isTeam ? `Everything is stopped (${why}). ${stillness(view)}` : "The CI team has stopped Twokey: nothing changes for now.";
  return { ...reply, parts: [...reply.parts, { kind: "note", text }] };
}
