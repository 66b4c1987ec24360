import { type Command, LIST_PARAMS, paramSpecs } from "../command.ts";
import { pageOf } from "../paging.ts";
import { requireOwner } from "../scope.ts";
import { thingShape } from "../shapes/thing.ts";
import { listsThings } from "./things.ts";

/**
 * Lists of what keeps machines alive by itself, or goes with an account or domain; the API cannot make any of it here. A certificate is
 * listed by its account's id only. Source: CloudStack 4.22, the commands' own classes; not in the recordings.
 */
export const GROUP_COMMANDS: readonly Command[] = [
  listsThings("listAutoScaleVmGroups", "autoscale_group", "autoscalevmgroup"),
  listsThings("listSharedFileSystems", "shared_file_system", "sharedfs"),
  listsThings("listGlobalLoadBalancerRules", "global_rule", "globalloadbalancerrule"),
  listsThings("listVPCOfferings", "vpc_offering", "vpcoffering"),
  {
    name: "listSslCerts",
    params: paramSpecs(`certid:things accountid:accounts lbruleid:things projectid:projects ${LIST_PARAMS}`),
    run: (call) => {
      const owner = call.world.accounts.live(call.params.text("accountid") ?? call.caller.account.id);
      if (owner !== undefined) requireOwner(call, { accountId: owner.id, domainId: owner.domainId });
      const own = call.world.things.all().filter((t) => t.kind === "certificate" && t.accountId === owner?.id);
      return pageOf(call, "sslcert", own, (thing) => thingShape(call.world, thing));
    },
  },
];
