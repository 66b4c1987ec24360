import { findSetting, settings } from "../policy/settings.ts";
import { readPolicy, readPolicyChanges, readPolicyVersion, type PolicyChangeRow } from "../store/policies.ts";
import type { Queryable } from "../store/db.ts";
import { readVotes } from "../store/ballots.ts";
import { refuse, tellJson, type CliCommand } from "./command.ts";
import { jsonInstant } from "./instants.ts";
import { withReading } from "./reading.ts";
import { oneLine } from "./reimport-text.ts";

/** `twokey policy`: the policy in force and its open changes; two people change it, in Slack. */
export const runPolicy: CliCommand = async (io, given) =>
  withReading(io, async (db) => {
    const inForce = await readPolicy(db);
    if (inForce === null) return refuse(io, "There is no policy yet: the first start of the bot makes it from the environment.");
    const open = (await readPolicyChanges(db, Number.MAX_SAFE_INTEGER)).filter((change) => change.state === "proposed");
    const changes = await Promise.all(open.map((change) => changeOf(db, change)));
    const shown = {
      version: inForce.version,
      since: jsonInstant(inForce.at),
      settings: settings.map((s) => ({ name: s.name, title: s.title, value: s.write(inForce.body) })),
      openChanges: changes,
    };
    if (given.flags.has("json")) tellJson(io, { ...shown, body: inForce.body });
    else {
      io.out(`The policy in force is version ${shown.version}, since ${shown.since ?? ""}.\n`);
      for (const { name, title, value } of shown.settings) io.out(`  ${oneLine(`${title} (${name}): ${value}`)}\n`);
      io.out(changes.length === 0 ? "No change is proposed.\n" : `Proposed (${changes.length}):\n`);
      for (const c of changes)
        io.out(
          `  ${oneLine(`${c.setting}: ${c.before} → ${c.after}, by ${c.proposedBy}, ${c.approvals.length} of ${c.quorum}, until ${c.expires ?? ""}`)}\n`,
        );
      io.out("Two approvers change it by /ci-policy in Slack.\n");
    }
    return 0;
  });

async function changeOf(db: Queryable, change: PolicyChangeRow) {
  const base = await readPolicyVersion(db, change.base_version);
  const votes = await readVotes(db, { kind: "policy", id: change.id });
  const setting = findSetting(change.setting);
  return {
    id: change.id,
    setting: change.setting,
    before: base === null ? "?" : (setting?.write(base.body) ?? "?"),
    after: setting?.write(change.body) ?? "?",
    proposedBy: change.proposed_by_name,
    reason: change.reason,
    quorum: change.quorum,
    approvals: votes.filter((v) => v.verdict === "approve").map((v) => v.voterName),
    expires: jsonInstant(change.expires_at),
  };
}
