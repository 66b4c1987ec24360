// What runs all the time: a pass, a step of a deletion, a click, /ci-status and Home, with the functions that the bot calls.
const at = (file) => new URL(`../../dist/src/${file}`, import.meta.url).href;
const stores = [
  "audit",
  "ballots",
  "backup-runs",
  "card-rows",
  "deletions",
  "exports",
  "home",
  "installation",
  "intents",
  "known-accounts",
  "notices",
];
const more = ["archive-entries", "inventories", "old-rows", "plans", "posted-messages", "project-history", "seen-events", "stop-switch"];
const store = Object.assign({}, ...(await Promise.all([...stores, ...more].map((name) => import(at(`store/${name}.js`))))));

/** Plays each scene; returns how long each took. */
export async function playScenes(db, service, play) {
  const now = service.now;
  const deletion = (await store.readLiveDeletions(db)).at(-1);
  const owner = { kind: "deletion", id: deletion.id };
  const actor = "ci:v-1";
  const scenes = {
    pass: async () => {
      await service.pass();
      await store.askedToCreate(db, [deletion.domain_id]);
    },
    step: async () => {
      await store.readDeletion(db, deletion.id);
      await store.readWaitLeft(db, deletion.id);
      await store.openIntents(db, owner);
      await store.countDeletionEvents(db, deletion.id, "entered grace");
      await store.readEnteredAt(db, deletion.id, "grace");
      await store.countRefusals(db, owner, "delete_volume", "x");
      await store.readTaken(db, owner, "disable_account");
      await store.lastDone(db, deletion.id);
      await store.sentFor(db, owner, "delete_volume");
      await store.refusedFor(db, owner, "delete_network");
      await store.readEntries(db, owner);
      await db.tx((q) => store.countEntered(q, now - 86_400_000));
      await db.tx((q) => store.recordAudit(q, { at: now, actor, kind: "bench", subject: deletion.id, data: null }));
    },
    click: async () => {
      await store.recordSeenEvent(db, "bench", now);
      await store.readPostedMessage(db, `deletion:${deletion.id}`);
      await store.readCardRows(db, deletion.id);
      await store.readIdentities(db, [actor]);
    },
    status: async () => {
      await store.readNewestDeletion(db, deletion.project_id);
      await store.readLiveDeletions(db, deletion.project_id);
      await store.readNewestFleetRecord(db);
      await store.readLastClosed(db, deletion.domain_id);
      await store.readDeletionsOfMember(db, "v-1", null);
      await store.readNewestDeletionNamed(db, deletion.slug);
      await store.readCopyDates(db, ["template"], ["item-1", "item-2"]);
      await store.readSavedFor(db, deletion.id);
      await store.readBackupRuns(db, "p1", 5);
      await store.readSavedBefore(db, "p1");
    },
    stop: () => store.callsOnTheirWay(db, now),
    export: async () => {
      await store.readLiveExportsOf(db, actor);
      await store.readUntoldExports(db, "item-7");
      await store.readServedExport(db, deletion.id, now);
    },
    home: async () => {
      await store.readHomeStamp(db);
      await store.readHomesDue(db, "x", now, 5);
      await store.readHomeQuestions(db);
      await store.readHomeDeletions(db);
      await store.readHomeHolds(db);
      await store.readHomeExports(db, actor, now);
      await store.readNewestPass(db);
      await store.readNewestDeletionsOf(db, ["old-1", "old-2"]);
      await store.readProjectsWithDomain(db, ["p1", "p2"]);
    },
    sweeps: async () => {
      await store.readOldestCopy(db);
      await store.readUnseenPlan(db, now - 86_400_000, now);
      await store.readStates(db, now, 3_600_000);
      await store.readDueMessages(db, now);
      await store.wasAnyMentioned(db, now);
      await store.readNewestBackupRuns(db);
      await store.dropOldPlans(db, now - 30 * 86_400_000);
      await store.forgetOldMessages(db, now - 400 * 86_400_000);
    },
  };
  const times = [];
  for (const [name, run] of Object.entries(scenes)) times.push([name, await play(name, run)]);
  return times;
}
