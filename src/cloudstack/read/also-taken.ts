import type { Failure } from "../../core/failure.ts";
import type { AlsoTaken, InventoryItem } from "../../core/inventory.ts";
import { ok, type Result } from "../../core/result.ts";
import { isRefusedList, statusOf } from "../api/classify.ts";
import type { CloudStackApi } from "../api/http.ts";
import { listOf, readList } from "../api/paging.ts";
import { inParallel } from "../api/parallel.ts";
import type { alongLists } from "../api/needs.ts";
import type { Params } from "../api/signature.ts";
import { SmallRow } from "../api/wire.ts";
import type { Ours } from "./things.ts";

/** What is listed for a whole domain, account by account, or volume by volume. */
type Per = "domain" | "account" | "volume";

/**
 * What `deleteAccount` and `deleteDomain` take by themselves. Rules, gateways and schedules of networks and machines are left out: they go
 * with what the card names.
 *
 * Source: recording 25; CloudStack 4.22, AccountManagerImpl (923-1229) and DomainManagerImpl (526-601).
 */
export const alsoTakenLists: readonly {
  readonly command: (typeof alongLists)[number];
  readonly rows: string;
  readonly what: string;
  readonly per?: Per;
}[] = [
  { command: "listSSHKeyPairs", rows: "sshkeypair", what: "key pair" },
  { command: "listUserData", rows: "userdata", what: "user data script" },
  { command: "listAffinityGroups", rows: "affinitygroup", what: "affinity group" },
  { command: "listSecurityGroups", rows: "securitygroup", what: "security group" },
  { command: "listInstanceGroups", rows: "instancegroup", what: "instance group" },
  { command: "listSnapshotPolicies", rows: "snapshotpolicy", what: "snapshot schedule", per: "volume" },
  { command: "listVpnUsers", rows: "vpnuser", what: "VPN user" },
  { command: "listVpnCustomerGateways", rows: "vpncustomergateway", what: "VPN customer gateway" },
  { command: "listSslCerts", rows: "sslcert", what: "certificate", per: "account" },
  { command: "listWebhooks", rows: "webhook", what: "webhook" },
  { command: "listAutoScaleVmProfiles", rows: "autoscalevmprofile", what: "autoscale profile" },
  { command: "listGlobalLoadBalancerRules", rows: "globalloadbalancerrule", what: "global load balancer rule" },
  { command: "listServiceOfferings", rows: "serviceoffering", what: "service offering" },
  { command: "listDiskOfferings", rows: "diskoffering", what: "disk offering" },
  { command: "listNetworkOfferings", rows: "networkoffering", what: "network offering" },
  { command: "listVPCOfferings", rows: "vpcoffering", what: "VPC offering" },
];

/** Reads what goes along. A list that this key may not ask has no names; one that the server does not know has nothing to show. */
export async function readAlsoTaken(
  api: CloudStackApi,
  domainId: string,
  ours: Ours,
  items: readonly InventoryItem[],
): Promise<Result<readonly AlsoTaken[], Failure>> {
  const idsOf = (kind: "account" | "volume"): readonly string[] => items.filter((i) => i.kind === kind).map((i) => i.id);
  const asks: Readonly<Record<Per, readonly Params[]>> = {
    domain: [{ domainid: domainId, listall: "true", isrecursive: "true" }],
    account: idsOf("account").map((accountid) => ({ accountid })),
    volume: idsOf("volume").map((volumeid) => ({ volumeid })),
  };
  const read = await inParallel(api.settings.parallel, alsoTakenLists, async (one): Promise<Result<readonly AlsoTaken[], Failure>> => {
    const { command, rows, what, per = "domain" } = one;
    const names: string[] = [];
    for (const params of asks[per]) {
      const found = await readList(api, listOf(command, rows, SmallRow, params));
      if (!found.ok && statusOf(found.error) === 401) return ok([]);
      if (!found.ok) return isRefusedList(found.error) ? ok([{ what, names: null }]) : found;
      names.push(
        ...found.value.filter((row) => isOnlyOurs(row, ours, { per, what })).map(({ id, name, username }) => name ?? username ?? id),
      );
    }
    return ok(names.length === 0 ? [] : [{ what, names: names.toSorted() }]);
  });
  return read.ok ? ok(read.value.flat()) : read;
}

/** An offering goes with the domain only when it is no other one's; every account has a default security group, which CloudStack made. */
function isOnlyOurs({ domainid, name }: SmallRow, ours: Ours, { per, what }: { readonly per: Per; readonly what: string }): boolean {
  if (what === "security group" && name === "default") return false;
  const domains = domainid === undefined || domainid === "" ? [] : domainid.split(",");
  return per !== "domain" || (domains.length > 0 && domains.every((id) => ours.domains.has(id)));
}
