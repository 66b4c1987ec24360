// Plans over a fleet in memory, in this process alone; sends how long the fastest of five took and how much memory there was.
import { dist } from "./paths.mjs";

const { buildPlan } = await import(dist("src/sync/planning/build-plan.js"));
const { completeDesired } = await import(dist("src/sync/planning/desired.js"));
const { completeObserved } = await import(dist("src/sync/planning/observed.js"));
const { inputOf } = await import(dist("src/sync/execution/observe.js"));
const { accountIdFor, domainIdFor, userIdFor } = await import(dist("src/core/derived-ids.js"));
const { planPolicyOf } = await import(dist("src/sync/planning/policy.js"));
const { configOf } = await import(dist("test/support/bot.js"));
const { planSettings } = await import(dist("src/app/passes.js"));

const domains = Number(process.argv[2]);
const ACCOUNTS = 10;
const root = "ROOT/ci";
const scope = { kind: "fleet", root };
const asOf = 1_700_000_000_000;
const config = configOf();
const role = config.cloudstack.roles["*"];
const rootDomain = {
  id: "6f1c9a1e-0000-4000-8000-0000000000c1",
  parentId: null,
  name: "ci",
  path: root,
  depth: 0,
  createdAt: null,
  limits: {},
};

const [projects, observed, accounts, managedDomains, managedAccounts] = [[], [], [], [], []];
for (let n = 0; n < domains; n++) {
  const id = `p-${n}`;
  const domainId = domainIdFor(id, 1);
  const members = [];
  for (let m = 0; m < ACCOUNTS; m++) {
    const [userId, username] = [`v-${n}-${m}`, `user${n}-${m}`];
    const person = { username, email: `${username}@example.org`, firstName: "F", lastName: "L" };
    members.push({ userId, ...person, role: "member" });
    const [accountId, user] = [accountIdFor(id, 1, userId), userIdFor(id, 1, userId)];
    accounts.push({
      id: accountId,
      name: username,
      domainId,
      state: "enabled",
      roleName: role,
      users: [{ id: user, ...person, state: "enabled" }],
    });
    managedAccounts.push({ accountId, userId: user, domainId, projectId: id, ciUserId: userId, lockedByUs: false });
  }
  projects.push({ id, slug: `p${n}`, name: `P${n}`, state: "active", closedAt: null, closedBy: null, limits: {}, members });
  observed.push({ id: domainId, parentId: rootDomain.id, name: `p${n}`, path: `${root}/p${n}`, depth: 1, createdAt: null, limits: {} });
  managedDomains.push({ domainId, projectId: id, generation: 1, origin: "created", absence: null });
}
const n = { projects: projects.length, memberships: domains * ACCOUNTS };
const desired = completeDesired({ scope, projects, held: [], counted: n, rows: n, asOf });
const seen = completeObserved({
  scope,
  root: rootDomain,
  domains: observed,
  listedAgain: observed.map((d) => d.id),
  accounts,
  nonUuid: [],
  asOf,
});
if (!desired.ok || !seen.ok) throw new Error("the fleet is not complete");
const known = {
  ...{
    managedDomains,
    managedAccounts,
    generations: {},
    firstPlan: [],
    domainsUnderDeletion: [],
    lastComplete: { projects: domains, domains, at: asOf },
  },
  ...{ pinnedScope: "s", pinnedRoles: null, restrictionsMade: { day: 0, week: 0 } },
};
const input = inputOf({ desired: desired.value, observed: seen.value }, known);
if (input.coverage !== "complete") throw new Error("the input is not complete");
const policy = planPolicyOf(config.policy, planSettings({ config }));

globalThis.gc?.();
const inputMib = Math.round(process.memoryUsage().rss / 1024 ** 2);
let [ms, most] = [Infinity, 0];
for (let i = 0; i < 5; i++) {
  const began = performance.now();
  const plan = buildPlan(input, policy, "s", asOf);
  ms = Math.min(ms, performance.now() - began);
  if (plan.additive.length + plan.restrictive.length + plan.proposals.length > 0) throw new Error("the plan changes something");
  most = Math.max(most, process.memoryUsage().rss / 1024 ** 2);
}
process.send?.({ ms, inputMib, planMib: Math.max(0, Math.round(most - inputMib)) }, () => process.exit(0));
