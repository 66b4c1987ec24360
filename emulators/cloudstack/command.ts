import type { FaultKind } from "./faults.ts";
import type { Downloads } from "./downloads.ts";
import type { Json, JsonObject } from "./json.ts";
import type { Settings } from "./options.ts";
import type { Params } from "./params.ts";
import type { Account, Role, RoleType, User } from "./world/rows.ts";
import type { TableName, World } from "./world/world.ts";

/** Who calls. `reach` is what the account's type allows: everything, its domain and below, or itself. */
export interface Caller {
  readonly user: User;
  readonly account: Account;
  readonly role: Role;
  readonly reach: "all" | "domain" | "self";
}

/** One call of one command, and everything it may look at. */
export interface Call {
  readonly command: string;
  readonly world: World;
  readonly settings: Settings;
  readonly now: number;
  readonly caller: Caller;
  readonly params: Params;
  /** Where extract URLs point to. */
  readonly fileBase: string;
  /** True while the switchable fault `stuck_machines` is on: no machine can be stopped. */
  readonly machinesStuck: boolean;
  /** The switchable faults that are states: while they are on. */
  readonly isOn: (kind: FaultKind) => boolean;
  /** What fetches the bytes of registered templates; undefined where nothing is fetched. */
  readonly downloads: Downloads | undefined;
}

/** One parameter of a command. `table` says that the value must name a row of that table. */
export interface ParamSpec {
  readonly name: string;
  readonly required: boolean;
  readonly table: TableName | undefined;
  readonly length: number;
  readonly list: boolean;
}

/** What a command writes into the event log. */
export interface EventSpec {
  readonly type: string;
  readonly resource: string;
  readonly text: string;
}

/** The asynchronous part of a command. */
export interface JobSpec {
  /** The Java class that `cmd` names, after the common package. */
  readonly className: string;
  readonly instanceType?: string;
  /** The id that `jobinstanceid` shows. */
  /** Absent: the job shows neither kind nor id of a thing. */
  readonly instance?: (call: Call) => string | undefined;
  /** What happens before the answer; refusals here are HTTP errors. Returns the id of an object that exists at once. */
  readonly start?: (call: Call) => string | undefined;
  /** What the job does when it ends; refusals here are failed jobs. */
  readonly finish: (call: Call, entityId: string | undefined, jobId: string) => JsonObject;
}

/** A command of the API: either `run` (answered at once) or `job`. */
export interface Command {
  readonly name: string;
  readonly params: readonly ParamSpec[];
  /** The key of its answer, where it is not the name with `response` behind. */
  readonly wrapper?: string;
  /** The `authorized` annotation: role types that may call it when no rule of their role matches. */
  readonly annotated?: readonly RoleType[];
  readonly event?: EventSpec;
  readonly run?: (call: Call) => Json;
  readonly job?: JobSpec;
}

/** The `authorized` annotation of commands that every role may call. */
export const EVERY_ROLE: readonly RoleType[] = ["Admin", "ResourceAdmin", "DomainAdmin", "User"];

/**
 * Reads a compact list of parameters: `name!` is required, `id:domains` names a row, `ids:domains*` is a list of such names,
 * `url~2048` may be that long (255 otherwise).
 */
export function paramSpecs(text: string): readonly ParamSpec[] {
  return text
    .split(/\s+/)
    .filter((word) => word !== "")
    .map((word) => {
      const parts = /^([a-z0-9]+)(!?)(?::([a-z]+)(\*?))?(?:~(\d+))?$/.exec(word);
      if (parts === null) throw new Error(`not a parameter: ${word}`);
      const [, name = "", required, table, list, length] = parts;
      return {
        name,
        required: required === "!",
        table: table as TableName | undefined,
        list: list === "*",
        length: length === undefined ? 255 : Number(length),
      };
    });
}

/** The parameters of every list command. */
export const LIST_PARAMS = "page pagesize keyword listall isrecursive";
