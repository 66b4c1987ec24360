import type { Asker } from "../core/people.ts";
import type { SyncService } from "../sync/execution/service.ts";
import { replyOf, shortReply, type Reply } from "./reply.ts";

/** `/ci-stop`: any team member, at once. */
export async function answerStop(asker: Asker, reason: string, sync: SyncService): Promise<Reply> {
  return replyOf(await sync.stop(asker, reason), () =>
    shortReply(
      "Stopped: nothing is sent to CloudStack from now on",
      "A restart does not change that. It goes on after /ci-resume by two approvers.",
    ),
  );
}

/** `/ci-resume`: takes two distinct people. */
export async function answerResume(asker: Asker, sync: SyncService): Promise<Reply> {
  return replyOf(await sync.resume(asker), ({ resumed, have, need, reason }) =>
    resumed
      ? shortReply("Resumed: two people agreed")
      : shortReply(`${have} of ${need} approvers want to resume`, `A second approver must write /ci-resume. Stopped because: ${reason}`),
  );
}
