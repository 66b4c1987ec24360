import type { Asker } from "../core/people.ts";
import type { SyncService } from "../sync/execution/service.ts";
import { replyOfFailure, type Reply } from "./reply.ts";

/** `/ci-stop`: any team member, at once. */
export async function answerStop(asker: Asker, reason: string, sync: SyncService): Promise<Reply> {
  const stopped = await sync.stop(asker, reason);
  return stopped.ok
    ? {
        title: "Stopped: nothing is sent to CloudStack from now on",
        parts: [{ kind: "text", text: "It stays so over restarts. /ci-resume by two people goes on." }],
      }
    : replyOfFailure(stopped.error);
}

/** `/ci-resume`: takes two distinct people. */
export async function answerResume(asker: Asker, sync: SyncService): Promise<Reply> {
  const r = await sync.resume(asker);
  if (!r.ok) return replyOfFailure(r.error);
  return r.value.resumed
    ? { title: "Resumed: two people agreed", parts: [] }
    : {
        title: `${r.value.have} of ${r.value.need} people want to go on`,
        parts: [{ kind: "text", text: "A second person must say /ci-resume." }],
      };
}
