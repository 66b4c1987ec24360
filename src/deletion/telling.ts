import { readIfReadable } from "../store/deletions.ts";
import { readTelling, readToTell, recordTellingShown } from "../store/member-told.ts";
import { buildView } from "./build-view.ts";
import type { DeletionContext } from "./context.ts";
import { membersView } from "./members-view.ts";

/** Tells members what is due, tries again where Slack or the CI database was away, and has the card say who could not be told. */
export async function sweepTelling(c: DeletionContext): Promise<void> {
  for (const id of await readToTell(c.db, c.now())) {
    const row = await readIfReadable(c.db, id);
    if (row === null) continue;
    const members = await membersView(row, c);
    if (members === null || (await readTelling(c.db, id, members.stage)) === "shown") continue;
    await c.announcer.tellMembers(await buildView(row, c));
    const isDone = (await readTelling(c.db, id, members.stage)) === "done";
    const now = await membersView(row, c);
    if (isDone || JSON.stringify(now?.untold) !== JSON.stringify(members.untold)) await c.announcer.showCard(await buildView(row, c));
    if (isDone) await recordTellingShown(c.db, id, members.stage);
  }
}
