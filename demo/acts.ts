import { setTimeout as sleep } from "node:timers/promises";
import { cast } from "./cast.ts";
import { rootOf } from "./cloud.ts";
import type { DemoState } from "./demo-state.ts";
import { keepMiaGoing } from "./mia.ts";
import { progressOf } from "./progress.ts";
import { demoTimes, type DemoWorld } from "./world.ts";

/** What the page's buttons do, and what it shows of the world. */
export function demoActs(w: DemoWorld): {
  readonly act: (action: string, body: Readonly<Record<string, string>>) => Promise<string>;
  readonly state: () => Promise<DemoState>;
} {
  const keepMia = keepMiaGoing(w);
  const hersNext = async (): Promise<string> => {
    const slug = await keepMia();
    return slug === null ? "" : ` It was the last project of Mia, so she has a new one: ${slug}.`;
  };
  const faults = { down: false, cut: false };
  const setFaults = (): void =>
    w.cloud.setFaults([...(faults.down ? [{ kind: "unreachable" as const }] : []), ...(faults.cut ? [{ kind: "cut" as const }] : [])]);
  const acts: Readonly<Record<string, (body: Readonly<Record<string, string>>) => Promise<string>>> = {
    addProject: async () => `${(await w.ci.addProject()).slug} was added to the CI database. Its domain comes with the next pass.`,
    closeProject: async ({ slug = "" }) => {
      if (!(await w.ci.closeProject(slug, cast.chen.id))) return `${slug} is closed already.`;
      return `Chen closed ${slug} in the CI database. That alone deletes nothing: a card asks for two approvals once its templates are saved and its machines are stopped.${await hersNext()}`;
    },
    reopenProject: async ({ slug = "" }) =>
      (await w.ci.reopenProject(slug))
        ? `${slug} is active again; an open deletion ends, and its machines are started again.`
        : `${slug} is active.`,
    addMember: async ({ slug = "" }) => {
      const who = await w.ci.addMember(slug);
      return who === null ? "Everybody is a member already." : `${who} joined ${slug}; the account comes with the next pass.`;
    },
    removeMember: async ({ slug = "", username = "" }) =>
      (await w.ci.removeMember(slug, username))
        ? `${username} left ${slug}; the account is locked at the next pass, never deleted.${await hersNext()}`
        : "There is no member of that name.",
    stopMachines: async ({ slug = "" }) => {
      await w.stopMachines(slug);
      return `The members of ${slug} stopped their machines.`;
    },
    toggleDown: async () => {
      faults.down = !faults.down;
      setFaults();
      return faults.down
        ? "CloudStack no longer answers. Passes are held: what cannot be read does not count as gone."
        : "CloudStack answers again.";
    },
    toggleCut: async () => {
      faults.cut = !faults.cut;
      setFaults();
      return faults.cut
        ? "CloudStack's answers are incomplete. Passes are held, and change nothing."
        : "CloudStack's answers are complete again.";
    },
    syncNow: async () => {
      const pass = await w.twokey.runPassNow(null);
      return pass.ok ? "A pass ran. It posts only when there is something to show." : pass.error.message;
    },
    replay2017: () => replay2017(w),
  };
  return {
    act: async (action, body) => acts[action]?.(body) ?? "There is no such button.",
    // The page asks about once a second; that is also how often Mia looks.
    state: async () => (await keepMia(), stateOf(w, faults)),
  };
}

/** July 2017 again: the view of projects shows one project only, and a pass over everything runs on it. */
async function replay2017(w: DemoWorld): Promise<string> {
  const before = rootOf(w.cloud.tree())?.children.length ?? 0;
  const calls = deletingCalls(w);
  await w.ci.narrowTo("aurora");
  const pass = await passNow(w).finally(() => w.ci.narrowTo(null));
  if (!pass.ok) return `2017 could not be replayed: ${pass.error.message}. Try it again.`;
  const after = rootOf(w.cloud.tree())?.children.length ?? 0;
  return (
    `2017 replayed: the sync saw one project only. Then it would have deleted the other ${before - 1} domains. Now: ${before} domains before, ${after} after, ${deletingCalls(w) - calls} deleting calls sent. ` +
    "The CI database had shrunk, so the plan was held; absence alone is never a reason; and no domain is deleted without two approvals. See the plan in #ci-team."
  );
}

/** A pass of our own: it waits until another one ends, which may have read before the view was narrowed. */
async function passNow(w: DemoWorld): ReturnType<DemoWorld["twokey"]["runPassNow"]> {
  for (let turns = 600; ; turns -= 1) {
    const pass = await w.twokey.runPassNow(null);
    if (pass.ok || pass.error.code !== "sync.running" || turns === 0) return pass;
    await sleep(100);
  }
}

function deletingCalls(w: DemoWorld): number {
  return w.cloud.requests().filter((r) => /^(?:delete|destroy|expunge)/i.test(r.command)).length;
}

async function stateOf(w: DemoWorld, faults: DemoState["faults"]): Promise<DemoState> {
  const projects = await w.ci.projects();
  const slugs = new Set(projects.map((p) => p.slug));
  const root = rootOf(w.cloud.tree());
  const shown = {
    ciDatabase: { projects },
    cloudstack: {
      domains: (root?.children ?? []).map((d) => ({
        name: d.name,
        state: d.state,
        managed: slugs.has(d.name),
        accounts: d.accounts.map((a) => ({ name: a.name, state: a.state })),
        machines: d.accounts.flatMap((a) => a.machines.map((m) => ({ name: m.name, state: m.state }))),
        volumes: d.accounts.flatMap((a) => a.volumes).length,
        snapshots: d.accounts.flatMap((a) => a.snapshots).length,
        templates: d.accounts.flatMap((a) => a.templates.map((t) => t.name)),
      })),
    },
  };
  return {
    ...shown,
    guide: await progressOf(w, shown),
    faults,
    times: demoTimes,
    people: Object.values(cast).map((p) => ({
      id: p.slackId,
      label: p.firstName,
      hint: p.isTeam ? (p.username === "chen" ? "team" : "approver") : "CI user",
    })),
  };
}
