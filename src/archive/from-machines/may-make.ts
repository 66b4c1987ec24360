/** Whether a template may be made of a machine for somebody, now. Asked at the click, and again before each call that makes something. */
import { fail, type Failure } from "../../core/failure.ts";
import type { AccountId } from "../../core/ids.ts";
import type { ManagedAccount } from "../../core/managed.ts";
import { isInProtected } from "../../core/protected.ts";
import { onlyReported } from "../../core/report-mode.ts";
import { err, ok, type Result } from "../../core/result.ts";
import { GIB, sizeText } from "../../core/units.ts";
import { readLiveHeads } from "../../store/deletions.ts";
import { readAccountsOf, readManagedPlaces, type ManagedPlace } from "../../store/managed.ts";
import { readStop } from "../../store/stop-switch.ts";
import type { DesiredProject } from "../../sync/planning/desired.ts";
import type { AccountNow, MachineNow, TemplateAsk, TemplateContext } from "./ports.ts";

/** What a template is made of, and for whom. */
export interface Permit {
  readonly project: DesiredProject;
  readonly place: ManagedPlace;
  readonly machine: MachineNow;
  readonly disk: NonNullable<MachineNow["disk"]>;
  readonly osTypeId: string;
  readonly accountId: AccountId;
  readonly account: AccountNow;
}

/** What is still to be made: a snapshot that is there takes no more room. */
export type StillToMake = "snapshot and template" | "template";

/** Whether there is room for it is asked apart (`hasRoom`). Errors: `refused`, with what to do; why it cannot be read. */
export async function mayMake(ask: TemplateAsk, c: TemplateContext): Promise<Result<Permit, Failure>> {
  if (c.reported !== null) return err(onlyReported(c.reported));
  const stop = await readStop(c.db);
  if (stop.stopped)
    return fail("refused", "template.stopped", `Everything is stopped, so nothing is made: ${stop.reason}`, {
      remedy: "Try again when the CI team has resumed.",
    });
  const machine = await c.maker.readMachine(ask.machineId);
  if (!machine.ok) return machine;
  if (machine.value === null)
    return fail("refused", "template.machine_gone", "CloudStack has no such machine any more", { remedy: "There is nothing left to do." });
  const owned = await assessOwner(ask, machine.value, c);
  if (!owned.ok) return owned;
  const { project, account, place, accountId } = owned.value;
  const refusal = await assessDomain(project, place, c);
  if (!refusal.ok) return refusal;
  const { disk, osTypeId, isDestroyed, name } = machine.value;
  if (isDestroyed || disk === null)
    return fail("refused", "template.no_disk", isDestroyed ? `The machine ${name} is destroyed` : `The machine ${name} has no root disk`, {
      remedy: "Look at it in CloudStack.",
    });
  if (disk.state !== "Ready" || osTypeId === null)
    return fail(
      "refused",
      "template.disk_not_ready",
      `The root disk of ${name} is ${disk.state} in CloudStack, so it cannot be copied now`,
      {
        remedy: "Try again when CloudStack shows it as Ready.",
      },
    );
  return ok({ project, place, machine: machine.value, disk, osTypeId, accountId, account });
}

interface Owned {
  readonly project: DesiredProject;
  readonly place: ManagedPlace;
  readonly accountId: AccountId;
  readonly account: AccountNow;
}

/** The project's member now, who has the account that has the machine, in a domain that Twokey manages. */
async function assessOwner({ ciUser }: TemplateAsk, machine: MachineNow, c: TemplateContext): Promise<Result<Owned, Failure>> {
  const place = (await readManagedPlaces(c.db)).find((one) => one.domainId === machine.domainId);
  const notYours = fail("refused", "template.not_yours", "You have no such machine in a project of yours", {
    remedy: "/ci-status shows the projects that you are a member of.",
  });
  if (place === undefined) return notYours;
  const project = await c.projectNow(place.projectId);
  if (!project.ok) return project;
  if (project.value?.members.some((m) => m.userId === ciUser) !== true) return notYours;
  const mine = (await readAccountsOf(c.db, place.domainId)).filter((a: ManagedAccount) => a.ciUserId === ciUser);
  for (const { accountId } of mine) {
    const account = await c.maker.readAccount(accountId);
    if (!account.ok) return account;
    if (account.value === null || account.value.name !== machine.accountName || account.value.domainId !== machine.domainId) continue;
    if (account.value.state === "enabled") return ok({ project: project.value, place, accountId, account: account.value });
    // CloudStack would give the template to the bot's own account, without a word (recording 23).
    return fail(
      "refused",
      "template.account",
      `Your account in the project ${project.value.slug} is ${account.value.state} in CloudStack`,
      {
        remedy: "Ask in the CI team's channel why.",
      },
    );
  }
  return notYours;
}

async function assessDomain(project: DesiredProject, place: ManagedPlace, c: TemplateContext): Promise<Result<void, Failure>> {
  const { slug } = project;
  if (project.state !== "active")
    return fail("refused", "template.closed", `The project ${slug} is closed`, { remedy: "Ask the CI team to open it again first." });
  if ((await readLiveHeads(c.db, project.id)).length > 0)
    return fail("refused", "template.under_deletion", `The domain of ${slug} is proposed for deletion, so nothing is made in it`, {
      remedy: "/ci-status shows how it stands, and has a Keep button.",
    });
  // Where it is now: a path of before, or none, would protect another one.
  const domain = await c.findDomain(place.domainId);
  if (!domain.ok) return domain;
  if (domain.value === null)
    return fail("refused", "template.domain_gone", `CloudStack no longer shows the domain of ${slug}`, { remedy: "/ci-status tells why." });
  if (isInProtected(await c.protectedDomains(), domain.value))
    return fail("refused", "template.protected", `The domain of ${slug} is protected: the bot changes nothing in it`, {
      remedy: "Make the template in CloudStack, or ask the CI team.",
    });
  return ok(undefined);
}

/** The kinds of limits that a snapshot and a template count against. */
const COUNTED = ["snapshot", "template", "secondary_storage"] as const;
const WORDS: Readonly<Record<(typeof COUNTED)[number], string>> = {
  snapshot: "snapshots",
  template: "templates",
  secondary_storage: "secondary storage",
};

/**
 * Whether the limits of the account and of its domain leave room. CloudStack counts storage in GiB, and asks those above itself.
 *
 * Errors: `refused`, with what to do; why it cannot be read.
 */
export async function hasRoom(
  { place, account, disk }: Pick<Permit, "place" | "account" | "disk">,
  still: StillToMake,
  c: Pick<TemplateContext, "readDomainNow">,
): Promise<Result<void, Failure>> {
  const domain = await c.readDomainNow(place.domainId);
  if (!domain.ok) return domain;
  const copies = still === "template" ? 1 : 2;
  const needs = { snapshot: copies - 1, template: 1, secondary_storage: (copies * (disk.bytes ?? 0)) / GIB };
  for (const kind of COUNTED) {
    const [limit, used] = [domain.value.limits?.[kind] ?? -1, domain.value.used[kind] ?? 0];
    const rooms = [
      { whose: "your project's domain", left: limit < 0 ? null : limit - used },
      { whose: "your account", left: leftOf(account.available[kind]) },
    ];
    const full = rooms.find(({ left }) => left !== null && left < needs[kind]);
    if (full === undefined) continue;
    const needed = kind === "secondary_storage" ? sizeText(Math.ceil(needs[kind] * GIB)) : String(needs[kind]);
    return fail("refused", "template.limit", `The limit of ${full.whose} for ${WORDS[kind]} leaves no room: ${needed} more is needed`, {
      remedy: `Remove what is not needed any more, or ask the CI team for a higher limit for ${WORDS[kind]}.`,
    });
  }
  return ok(undefined);
}

/** Null: not known, or unlimited. */
function leftOf(available: number | undefined): number | null {
  return available === undefined || available < 0 ? null : available;
}
