import type { ApprovedDeletion } from "../../approvals/grant.ts";
import { jobIdFor } from "../../core/derived-ids.ts";
import type { Failure } from "../../core/failure.ts";
import type { JobId } from "../../core/ids.ts";
import type { InventoryItem } from "../../core/inventory.ts";
import { ok, type Result } from "../../core/result.ts";
import type { CloudStackApi } from "../api/http.ts";
import { runJob } from "../api/jobs.ts";
import { listOf, readList } from "../api/paging.ts";
import type { Params } from "../api/signature.ts";
import { NetworkRuleRow } from "../api/wire.ts";
import { domainsOf } from "../read/items.ts";

/** How the rules of one kind are listed and deleted. */
interface RuleKind {
  readonly list: string;
  readonly rows: string;
  readonly remove: string;
  readonly which: (rule: NetworkRuleRow) => Params;
}

const byId = (rule: NetworkRuleRow): Params => ({ id: rule.id });

/** First what opens ports, then firewall rules: CloudStack takes those along that belong to a forward, a load balancer or a VPN. */
const RULE_KINDS: readonly RuleKind[] = [
  {
    list: "listRemoteAccessVpns",
    rows: "remoteaccessvpn",
    remove: "deleteRemoteAccessVpn",
    which: (vpn) => ({ publicipid: vpn.publicipid ?? "" }),
  },
  { list: "listLoadBalancerRules", rows: "loadbalancerrule", remove: "deleteLoadBalancerRule", which: byId },
  { list: "listPortForwardingRules", rows: "portforwardingrule", remove: "deletePortForwardingRule", which: byId },
  { list: "listFirewallRules", rows: "firewallrule", remove: "deleteFirewallRule", which: byId },
  { list: "listEgressFirewallRules", rows: "firewallrule", remove: "deleteEgressFirewallRule", which: byId },
];

/**
 * Deletes the rules of a network that CloudStack refused to delete: with it, it revokes them in the name of the owner, who is disabled by
 * then and may nothing, and the network stays. One by one they go. Most networks of a project that ran have a rule; asking every one for
 * its rules first would take five lists more for each.
 *
 * Source: recordings 31, 32 and 33 (tiers of a VPC do not suffer from it).
 */
export async function removeRules(
  api: CloudStackApi,
  grant: ApprovedDeletion,
  network: InventoryItem,
  jobId: JobId,
): Promise<Result<void, Failure>> {
  for (const kind of RULE_KINDS) {
    const rules = await readRules(api, grant, network, kind);
    if (!rules.ok) return rules;
    for (const rule of rules.value) {
      const removed = await runJob(api, kind.remove, kind.which(rule), jobIdFor(`${jobId} ${rule.id}`));
      if (removed.ok) continue;
      // It may have gone with another one meanwhile.
      const left = removed.error.kind === "rejected" ? await readRules(api, grant, network, kind) : removed;
      if (!left.ok || left.value.some((one) => one.id === rule.id)) return removed;
    }
  }
  return ok(undefined);
}

async function readRules(
  api: CloudStackApi,
  { approved }: ApprovedDeletion,
  network: InventoryItem,
  { list, rows }: RuleKind,
): Promise<Result<readonly NetworkRuleRow[], Failure>> {
  const params = { domainid: approved.domainId, networkid: network.id, listall: "true", isrecursive: "true" };
  const found = await readList(api, listOf(list, rows, NetworkRuleRow, params));
  if (!found.ok) return found;
  // A firewall rule names its network and no domain, a VPN its domain and no network (recording 25).
  const domains = domainsOf(approved);
  const isIts = (rule: NetworkRuleRow): boolean =>
    rule.networkid === undefined ? domains.has(rule.domainid?.toLowerCase() ?? "") : rule.networkid === network.id;
  return ok(found.value.filter(isIts));
}
