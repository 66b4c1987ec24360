import type { CloudStackFault, FaultKind } from "../../emulators/cloudstack/server.ts";
import type { DeletionId, Instant } from "../../src/core/ids.ts";
import type { DeletionView } from "../../src/deletion/view.ts";
import { noteClick, settle, type Approvals } from "./approvals.ts";
import { asNow } from "./identity.ts";
import { nameOf } from "./oracle.ts";
import { everybody, team, users, type Person } from "./people.ts";
import { touchPolicy } from "./policy-acts.ts";
import type { Replica } from "./replica.ts";
import { addThing, otherUsers, passed, tell, type World } from "./world.ts";
import type { CiMood } from "./ci.ts";

const faultKinds: readonly FaultKind[] = [
  "cut",
  "status",
  "html",
  "lost_before",
  "lost_after",
  "invalid_json",
  "short_page",
  "count_drift",
];
const jobFaults: readonly FaultKind[] = ["lost_job", "job_cancelled", "stuck_machines", "unreachable"];
const struckCommands = ["listDomains", "listAccounts", "listVirtualMachines", "listTemplates", "listVolumes", "createAccount"].concat([
  "disableAccount",
  "destroyVirtualMachine",
  "deleteVolume",
  "deleteTemplate",
  "deleteAccount",
  "deleteDomain",
  "queryAsyncJobResult",
  "extractTemplate",
  "userdata",
  "createDomain",
  "listNetworks",
]);

/** Somebody changes something in the CI database, in CloudStack or in Slack's user group, or a part begins to fail. */
export function changeWorld(w: World): void {
  const { chance } = w;
  if (!chance.hit(w.chaos)) return tell(w, closeProject(w));
  const acts: readonly (() => string)[] = [
    () => closeProject(w),
    () => reopenProject(w),
    () => changeMembers(w),
    () => useCloud(w),
    () => breakCloud(w),
    () => breakCloud(w),
    () => {
      w.cloud.setFaults([]);
      w.ci.mood = "honest";
      w.archive.isFull = false;
      return "all is well again";
    },
    () => {
      const mood: CiMood = chance.pick(["honest", "honest", "honest", "honest", "away", "narrowed", "empty", "short", "held"]);
      w.ci.mood = mood;
      return `the CI database is ${mood}`;
    },
    () => {
      w.directory.isAway = chance.hit(0.2);
      w.directory.isUnsteady = true;
      const person = chance.pick(team.slice(0, 4));
      const isIn = w.directory.approvers.includes(person);
      w.directory.approvers =
        isIn && chance.hit(0.3) ? w.directory.approvers.filter((p) => p !== person) : [...new Set([...w.directory.approvers, person])];
      return `approvers: ${w.directory.approvers.map((p) => p.name).join(" ")}${w.directory.isAway ? ", Slack is away" : ""}`;
    },
    () => {
      w.archive.isFull = chance.hit(0.5);
      return w.archive.isFull ? "the archive's disk is full" : "the archive has room";
    },
    () => {
      const backMs = chance.below(1_800_000);
      w.clock.at -= backMs;
      w.clock.setBackMs += backMs;
      w.directory.isUnsteady = true;
      return "the clock jumps back";
    },
  ];
  tell(w, chance.pick(acts)());
}

function closeProject(w: World): string {
  const project = w.chance.pick(w.ci.projects);
  if (project.state !== "active") return `${project.slug} stays ${project.state}`;
  project.state = w.chance.hit(0.85) ? "closed" : "absent";
  project.closedAt = w.clock.at as Instant;
  project.closedBy = w.chance.hit(0.3) ? asNow(w, w.chance.pick(team)).ciUserId : w.chance.pick(users).ciUserId;
  return `${project.slug} becomes ${project.state}`;
}

function reopenProject(w: World): string {
  const project = w.chance.pick(w.ci.projects);
  if (project.state === "active") return `${project.slug} stays active`;
  project.state = "active";
  project.closedAt = null;
  project.closedBy = null;
  return `${project.slug} comes back`;
}

function changeMembers(w: World): string {
  const project = w.chance.pick(w.ci.projects);
  const others = otherUsers(project);
  if (others.length > 0 && w.chance.hit(0.5)) {
    const who = w.chance.pick(others);
    project.members.push(who);
    return `${nameOf(who)} joins ${project.slug}`;
  }
  const gone = project.members.pop();
  return gone === undefined ? `${project.slug} has nobody` : `${nameOf(gone)} leaves ${project.slug}`;
}

/** The cloud's users work on: only in accounts that may, since CloudStack refuses the others. */
function useCloud(w: World): string {
  const top = w.cloud.tree().children.find((d) => d.name === "ci");
  const accounts = top?.children.flatMap((d) => d.accounts.filter((a) => !a.removed && a.state === "enabled").map((a) => ({ d, a }))) ?? [];
  if (accounts.length === 0) return "nobody is in the cloud";
  const { d, a } = w.chance.pick(accounts);
  if (w.chance.hit(0.3)) w.cloud.addTemplate({ account: a.id, name: `t${w.chance.below(1000)}` });
  else addThing(w, a.id);
  return `${a.name} makes something in ${d.name}`;
}

function breakCloud(w: World): string {
  const { chance } = w;
  const faults = Array.from({ length: 1 + chance.below(3) }, (): CloudStackFault => {
    const isJob = chance.hit(0.25);
    const kind = chance.pick(isJob ? jobFaults : faultKinds);
    return {
      kind,
      ...(chance.hit(0.8) && kind !== "stuck_machines" ? { command: chance.pick(struckCommands) } : {}),
      ...(kind === "status" ? { status: chance.pick([401, 429, 500, 503, 530]) } : {}),
      afterCalls: chance.below(12),
      times: 1 + chance.below(5),
    };
  });
  w.cloud.setFaults(faults);
  return `CloudStack fails: ${faults.map((f) => `${f.kind}${f.command === undefined ? "" : ` on ${f.command}`}`).join(", ")}`;
}

/** Clicks after which nothing of a deletion may be taken any more. */
const ENDING = new Set(["reject", "cancel", "restore", "keep"]);

/** In the middle of a deletion's work, between two calls, somebody wants it back. */
export async function askBack(w: World, path: string, r: Replica): Promise<void> {
  const view = w.cards.findLast((c) => c.path === path);
  if (view === undefined) return;
  const project = w.ci.projects.find((p) => p.id === view.projectId);
  const members = users.filter((u) => project?.members.includes(u.ciUserId));
  const keeper = members.length > 0 && w.more.hit(0.4) ? w.more.pick(members) : null;
  const what = keeper === null ? "restore" : "keep";
  const by = asNow(w, keeper ?? w.more.pick(team));
  const click = { deletionId: view.id as DeletionId, version: view.version, digest: view.digest, by };
  const done = await act(what, click, null, view, r);
  tell(w, `${by.name} clicks ${what} on ${path} in the middle of it (${view.phase}): ${done.ok ? "taken" : done.error.code}`);
  if (done.ok) w.askedBack.add(view.id);
}

/** Somebody clicks something on some card, old or new, or types a command. */
export async function clickSomething(w: World, r: Replica): Promise<void> {
  const { chance } = w;
  if (w.stop.isOn ? chance.hit(0.4) : chance.hit(0.08 * w.chaos)) return stopOrResume(w, r);
  if (chance.hit(0.15 * w.chaos)) return touchPolicy(w, r);
  const view = chooseCard(w);
  if (view === null) return;
  const who = chance.hit(0.75) ? chance.pick(team) : chance.pick(everybody);
  if (view.phase === "frozen" && chance.hit(0.6)) return unfreeze(w, view, who, r);
  const click = {
    deletionId: view.id as DeletionId,
    version: view.version,
    digest: chance.hit(0.97) ? view.digest : null,
    by: asNow(w, who),
  };
  const name = view.path.split("/").at(-1) ?? "";
  const what = chance.hit(0.25 * w.chaos) ? chance.pick(["reject", "withdraw", "cancel", "restore", "keep"]) : "approve";
  // Whoever clicked has clicked, even when the process dies before it can say that it took the click.
  const approvals: Approvals = w.approvals.get(view.id) ?? new Map();
  w.approvals.set(view.id, approvals);
  const noted = what === "approve" ? noteClick(approvals, who.operator.id, passed(w)) : null;
  const done = await act(what, click, chance.hit(0.9) ? name : chance.pick([null, "", "ROOT", name.toUpperCase()]), view, r);
  tell(w, `${who.name} clicks ${what} on ${view.path} (${view.phase}): ${done.ok ? "taken" : done.error.code}`);
  if (noted !== null) settle(approvals, who.operator.id, noted, done.ok, passed(w));
  if (done.ok && ENDING.has(what)) w.askedBack.add(view.id);
  if (done.ok && what === "withdraw") w.approvals.get(view.id)?.delete(who.operator.id);
}

/** Somebody says Go on, where it is asked, or has a frozen deletion looked at again. */
async function unfreeze(w: World, view: DeletionView, who: Person, r: Replica): Promise<void> {
  const click = { deletionId: view.id as DeletionId, version: view.version, by: asNow(w, who) };
  const { goOn } = view;
  if (goOn === null || goOn.objections.length > 0 || w.chance.hit(0.3)) {
    const looked = await r.services.deletions.lookAgain({ ...click, digest: view.digest });
    return tell(w, `${who.name} has ${view.path} looked at again: ${looked.ok ? "taken" : looked.error.code}`);
  }
  const key = `go_on ${goOn.id}`;
  const said: Approvals = w.approvals.get(key) ?? new Map();
  w.approvals.set(key, said);
  const noted = noteClick(said, who.operator.id, passed(w));
  const done = await r.services.deletions.goOn({ ...click, digest: goOn.digest, questionId: goOn.id });
  tell(w, `${who.name} says Go on for ${view.path}: ${done.ok ? "taken" : done.error.code}`);
  settle(said, who.operator.id, noted, done.ok, passed(w));
}

function act(
  what: string,
  click: Parameters<Replica["services"]["deletions"]["approve"]>[0] extends infer C ? Omit<C, "typedName"> : never,
  typed: string | null,
  view: DeletionView,
  r: Replica,
) {
  switch (what) {
    case "approve":
      return r.services.deletions.approve({ ...click, typedName: typed } as Parameters<Replica["services"]["deletions"]["approve"]>[0]);
    case "reject":
      return r.services.deletions.reject({ ...click, reason: typed ?? "no" } as Parameters<Replica["services"]["deletions"]["reject"]>[0]);
    case "withdraw":
      return r.services.deletions.withdraw(click as Parameters<Replica["services"]["deletions"]["withdraw"]>[0]);
    case "cancel":
      return r.services.deletions.cancel(click as Parameters<Replica["services"]["deletions"]["cancel"]>[0]);
    case "restore":
      return r.services.deletions.restore(click as Parameters<Replica["services"]["deletions"]["restore"]>[0]);
    default:
      return r.services.deletions.keep(view.id, click.by);
  }
}

function chooseCard(w: World): DeletionView | null {
  if (w.cards.length === 0) return null;
  if (w.chance.hit(0.1)) return w.chance.pick(w.cards);
  const newest = new Map(w.cards.map((c) => [c.id, c]));
  const open = [...newest.values()].filter((c) => c.phase === "proposed");
  return w.chance.pick(open.length > 0 && w.chance.hit(0.8) ? open : [...newest.values()]);
}

/** Somebody stops everything. */
export async function stopNow(w: World, r: Replica, who: Person = w.more.pick(team)): Promise<void> {
  if (w.stop.isOn) return;
  const done = await r.services.sync.stop(asNow(w, who), "something looks wrong");
  Object.assign(w.stop, { isOn: done.ok, since: passed(w) });
  tell(w, `${who.name} stops everything: ${done.ok}`);
}

async function stopOrResume(w: World, r: Replica): Promise<void> {
  const who = w.chance.pick(everybody);
  if (!w.stop.isOn) return stopNow(w, r, who);
  // A process that dies on this click leaves it open how the switch stands: then nobody is blamed.
  w.stop.isOn = false;
  // Only approvers end a stop: most of those who try are some, or nothing would go on.
  const resumer = [...team, team[2], team[3]][everybody.indexOf(who)] ?? who;
  const done = await r.services.sync.resume(asNow(w, resumer));
  w.stop.isOn = !(done.ok && done.value.resumed);
  tell(w, `${resumer.name} resumes: ${done.ok ? `${done.value.have} of ${done.value.need}` : done.error.code}`);
}
