import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { z } from "zod";
import {
  ApiRow,
  AvailableRow,
  CountedDomainRow,
  DomainRow,
  EventRow,
  MachineRow,
  NetworkRow,
  OsTypeRow,
  ProjectRow,
  ResourceLimitRow,
  RoleRow,
  SettingRow,
  SmallRow,
  SnapshotRow,
  TemplateRow,
  UserRow,
  VmSnapshotRow,
  VolumeRow,
  ZoneRow,
} from "../../src/cloudstack/api/wire.ts";
import { alsoTakenLists } from "../../src/cloudstack/read/also-taken.ts";

const FOLDER = new URL("../fixtures/cloudstack-4.22/", import.meta.url);

/** Lists of what goes along of which no row was recorded: read as CloudStack's own classes have them. */
const UNRECORDED: ReadonlySet<string> = new Set([
  "listSnapshotPolicies",
  "listVpnCustomerGateways",
  "listSslCerts",
  "listGlobalLoadBalancerRules",
  "listServiceOfferings",
  "listDiskOfferings",
  "listNetworkOfferings",
  "listVPCOfferings",
]);

/** What the bot reads a list's rows with. */
const READ: Readonly<Record<string, readonly [key: string, schema: z.ZodType]>> = {
  listDomains: ["domain", DomainRow.and(CountedDomainRow)],
  listAccounts: ["account", AvailableRow],
  listUsers: ["user", UserRow],
  listVirtualMachines: ["virtualmachine", MachineRow],
  listVolumes: ["volume", VolumeRow],
  listSnapshots: ["snapshot", SnapshotRow],
  listVMSnapshot: ["vmSnapshot", VmSnapshotRow],
  listTemplates: ["template", TemplateRow],
  listIsos: ["iso", TemplateRow],
  listNetworks: ["network", NetworkRow],
  listProjects: ["project", ProjectRow],
  listRoles: ["role", RoleRow],
  listResourceLimits: ["resourcelimit", ResourceLimitRow],
  listEvents: ["event", EventRow],
  listApis: ["api", ApiRow],
  listConfigurations: ["configuration", SettingRow],
  listZones: ["zone", ZoneRow],
  listOsTypes: ["ostype", OsTypeRow],
  ...Object.fromEntries(
    alsoTakenLists.filter(({ command }) => !UNRECORDED.has(command)).map(({ command, rows }) => [command, [rows, SmallRow] as const]),
  ),
};

interface Line {
  readonly command: string;
  readonly body?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

function recordedRows(command: string, key: string): readonly [file: string, row: unknown][] {
  return readdirSync(FOLDER).flatMap((file) =>
    readFileSync(new URL(file, FOLDER), "utf8")
      .split("\n")
      .filter((line) => line.includes(`"command": "${command}"`))
      .flatMap((line) => Object.values((JSON.parse(line) as Line).body ?? {}))
      .flatMap((inner) => (Array.isArray(inner[key]) ? inner[key].map((row): [string, unknown] => [file, row]) : [])),
  );
}

describe("every row that a real server was recorded to answer is one that the bot can read", () => {
  test.each(Object.entries(READ))("%s", (command, [key, schema]) => {
    const rows = recordedRows(command, key);
    expect(rows.length).toBeGreaterThan(0);
    const refused = rows.flatMap(([file, row]) => {
      const read = schema.safeParse(row);
      return read.success ? [] : [`${file}: ${read.error.issues.map((issue) => `${issue.path.join(".")} ${issue.message}`).join("; ")}`];
    });
    expect(refused).toEqual([]);
  });
});
