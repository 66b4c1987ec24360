import { type Call, type Command, LIST_PARAMS, paramSpecs } from "../command.ts";
import { invalidValue } from "../failure.ts";
import type { JsonObject } from "../json.ts";
import { pageOf } from "../paging.ts";
import { ownedRows, requireOwner } from "../scope.ts";
import { thingShape } from "../shapes/thing.ts";
import type { Account, Thing, ThingKind } from "../world/rows.ts";

/** What a command makes: whose it is, and what answers show of it. */
export interface Made extends Pick<Thing, "networkId" | "addressId" | "machineId" | "vpcId"> {
  readonly owner: Account;
  readonly name: string;
  readonly fields: JsonObject;
}

/** How a command that makes a thing is called and what it answers. */
export interface MakerSpec {
  readonly name: string;
  readonly params: string;
  readonly kind: ThingKind;
  /** The key of the thing in the answer. */
  readonly key: string;
  readonly make: (call: Call) => Made;
  /** What happens beside it. */
  readonly also?: (call: Call, thing: Thing) => void;
}

/** The parameters that say whose things are listed or made. */
export const OWNER_PARAMS = "account domainid:domains projectid:projects";

/** Adds a thing to the world. */
export function insertThing(call: Call, kind: ThingKind, { owner, name, fields, ...at }: Made): Thing {
  const { world, settings, now } = call;
  return world.things.insert({
    id: settings.newId(),
    kind,
    name,
    accountId: owner.id,
    domainId: owner.domainId,
    created: now,
    fields,
    ...at,
  });
}

/** A command that makes a thing at once; `secret` is shown in this answer only. */
export function makesAtOnce(spec: MakerSpec, secret: JsonObject = {}): Command {
  const run = (call: Call): JsonObject => {
    const thing = insertThing(call, spec.kind, spec.make(call));
    spec.also?.(call, thing);
    return { [spec.key]: { ...secret, ...thingShape(call.world, thing) } };
  };
  return { name: spec.name, params: paramSpecs(spec.params), run };
}

/** A command that makes a thing with a job; `named` says whether the job shows the thing's id. */
export function makesByJob(spec: MakerSpec, className: string, instanceType: string, named: boolean): Command {
  return {
    name: spec.name,
    params: paramSpecs(spec.params),
    job: {
      className,
      instanceType,
      ...(named ? {} : { instance: () => undefined }),
      start: (call) => {
        const thing = insertThing(call, spec.kind, spec.make(call));
        spec.also?.(call, thing);
        return thing.id;
      },
      finish: (call, id) => ({ [spec.key]: thingShape(call.world, call.world.things.need(id ?? "")) }),
    },
  };
}

/** A command that lists the things of one kind. */
export function listsThings(name: string, kind: ThingKind, key: string, more = ""): Command {
  return {
    name,
    params: paramSpecs(`id:things networkid:networks ${more} ${OWNER_PARAMS} ${LIST_PARAMS}`),
    run: (call) => pageOf(call, key, thingsToList(call, kind), (thing) => thingShape(call.world, thing)),
  };
}

function thingsToList(call: Call, kind: ThingKind): readonly Thing[] {
  const network = call.params.text("networkid");
  const address = call.params.text("ipaddressid") ?? call.params.text("publicipid");
  return ownedRows(call, call.world.things).filter(
    (thing) =>
      thing.kind === kind &&
      (network === undefined || thing.networkId === network) &&
      (address === undefined || thing.addressId === address),
  );
}

/** A command that deletes a thing of one kind by its id, with a job; `parameter` holds the id. */
export function deletesThing(name: string, kind: ThingKind, className: string, parameter = "id"): Command {
  return {
    name,
    params: paramSpecs(`${parameter}!:things`),
    job: {
      className,
      finish: (call) => {
        const id = call.params.must(parameter);
        const thing = call.world.things.live(id);
        if (thing?.kind !== kind) throw invalidValue(`Unable to find ${kind.replace("_", " ")} by id ${id}`);
        requireOwner(call, thing);
        call.world.things.remove(thing, call.now);
        return { success: true };
      },
    },
  };
}
