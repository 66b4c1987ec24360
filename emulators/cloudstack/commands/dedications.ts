import { type Call, type Command, LIST_PARAMS, paramSpecs } from "../command.ts";
import type { JsonObject } from "../json.ts";
import { pageOf } from "../paging.ts";
import { namedDomain } from "../scope.ts";
import type { Dedication } from "../world/rows.ts";

const KINDS: readonly (readonly [Dedication["kind"], string])[] = [
  ["zone", "listDedicatedZones"],
  ["pod", "listDedicatedPods"],
  ["cluster", "listDedicatedClusters"],
  ["host", "listDedicatedHosts"],
];

/**
 * The lists of what is dedicated to a domain; root administrators only. With `domainid` they give what is the whole domain's, not what is
 * one account's, and nothing of child domains. Source: CloudStack 4.22, plugins/dedicated-resources; not in the recordings.
 */
export const DEDICATION_COMMANDS: readonly Command[] = KINDS.map(([kind, name]) => ({
  name,
  params: paramSpecs(`${kind}id account domainid:domains affinitygroupid ${LIST_PARAMS}`),
  annotated: ["Admin"],
  run: (call) => listDedications(call, kind),
}));

function listDedications(call: Call, kind: Dedication["kind"]): JsonObject {
  const { world } = call;
  const domain = namedDomain(call);
  const rows = world.dedications
    .all()
    .filter((d) => d.kind === kind && (domain === undefined || (d.domainId === domain.id && d.accountId === undefined)));
  return pageOf(call, `dedicated${kind}`, rows, (d) => ({
    id: d.id,
    [`${kind}id`]: `${d.id}-of`,
    [`${kind}name`]: d.name,
    domainid: d.domainId,
    ...(d.accountId === undefined ? {} : { accountid: d.accountId }),
  }));
}
