import type { PolicyChangeView } from "../../src/policy/ports.ts";
import { asNow } from "./identity.ts";
import { everybody, team } from "./people.ts";
import type { Replica } from "./replica.ts";
import { root } from "./ci.ts";
import { firstPolicy, tell, type World } from "./world.ts";

/** Somebody proposes a change of the team's limits, or says yes or no to one. */
export async function touchPolicy(w: World, r: Replica): Promise<void> {
  const open = [...new Map(w.policyCards.map((c) => [c.id, c])).values()].filter((c) => c.state === "proposed");
  const card = open.length > 0 ? w.chance.pick(open) : undefined;
  await (card === undefined || w.chance.hit(0.2) ? propose(w, r) : decide(card, w, r));
}

async function propose(w: World, r: Replica): Promise<void> {
  const { chance } = w;
  const who = chance.hit(0.85) ? chance.pick(team) : chance.pick(everybody);
  const domain = `${root}/${chance.pick(w.ci.projects).slug}`;
  const perDay = chance.below(firstPolicy.deletionsPerWeek + 1);
  const [setting, text, becomes] = chance.pick([
    ["deletions-per-day", String(perDay), { perDay }],
    ["protected-domains", domain, { protectedDomains: new Set([domain]) }],
    ["grace", "3 hours", {}],
    ["deletions-per-day", chance.pick(["-1", "1e9", "NaN", "two", "5000"]), null],
    ["quorum", chance.pick(["1", "0", "99"]), null],
  ] as const);
  if (becomes !== null && who.isTeam) w.book.want(setting, who.operator.id, text, becomes);
  const done = await r.services.policy.propose(asNow(w, who), { setting, text, reason: "the simulation wants it so" });
  if (done.ok && (becomes === null || !who.isTeam)) w.violations.push(`INV-2: ${who.name} could propose ${setting} ${text}`);
  tell(w, `${who.name} proposes ${setting} ${text}: ${done.ok ? "taken" : done.error.code}`);
}

async function decide(card: PolicyChangeView, w: World, r: Replica): Promise<void> {
  const { chance } = w;
  const who = chance.hit(0.8) ? chance.pick(team) : chance.pick(everybody);
  const click = { changeId: card.id, digest: chance.hit(0.97) ? card.digest : "0".repeat(64), by: asNow(w, who) };
  if (chance.hit(0.15)) {
    const done = await r.services.policy.reject({ ...click, reason: "rather not" });
    return tell(w, `${who.name} rejects ${card.setting}: ${done.ok ? "taken" : done.error.code}`);
  }
  const mayCount = w.directory.approvers.some((p) => p.operator.id === who.operator.id);
  // Whoever clicked has clicked, even when the process dies before it can say that it took the click.
  if (mayCount) w.book.say(card.id, who.operator.id);
  const done = await r.services.policy.approve(click);
  tell(
    w,
    `${who.name} approves ${card.setting} → ${card.after}: ${done.ok ? (done.value.applied ? "in force" : "taken") : done.error.code}`,
  );
  if (done.ok && !mayCount) w.violations.push(`INV-2: ${who.name}, who is no approver, could approve a change of policy`);
}
