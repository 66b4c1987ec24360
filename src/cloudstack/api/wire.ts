import { z } from "zod";
import { AccountId, DomainId, UserId, type Instant } from "../../core/ids.ts";
import { limitTypes, type LimitType, type Limits } from "../../core/managed.ts";

/**
 * The rows and answers of CloudStack, each with the fields that are used; types are strict, and fields not named here are ignored.
 *
 * Source: facts/cloudstack §1.8; recordings 03, 04, 05, 09.
 */

/** A date such as `2025-10-30T19:21:39+0000`. Units: UTC epoch ms. */
export const WireDate = z
  .string()
  .regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4}$/)
  .transform((s) => instantOf(s));

/** By hand where it is an ordinary date in UTC, as CloudStack writes them: `Date` takes three times as long to read a text. */
function instantOf(s: string): Instant {
  const [month, day] = [Number(s.slice(5, 7)), Number(s.slice(8, 10))];
  const [hour, minute, second] = [Number(s.slice(11, 13)), Number(s.slice(14, 16)), Number(s.slice(17, 19))];
  const isPlain = month >= 1 && month <= 12 && day >= 1 && day <= 28 && hour < 24 && minute < 60 && second < 60;
  const year = Number(s.slice(0, 4));
  // Years below 100 mean others to Date.UTC.
  if (isPlain && year >= 1000 && s.endsWith("0000")) return Date.UTC(year, month - 1, day, hour, minute, second) as Instant;
  return new Date(`${s.slice(0, 22)}:${s.slice(22)}`).getTime() as Instant;
}

const text = z.string();
const maybe = text.optional();
const flag = z.boolean().optional();
const number = z.number().optional();
const date = WireDate.optional();

/** A domain's limit: digits or `Unlimited`. */
const limit = z
  .string()
  .regex(/^(?:Unlimited|-?\d+(?:\.0+)?)$/)
  .transform((s) => (s === "Unlimited" ? -1 : Number(s)))
  .optional();

/** Several fields of one type. */
function fields<S extends z.ZodType, K extends string>(type: S, ...names: readonly K[]): Readonly<Record<K, S>> {
  return Object.fromEntries(names.map((name) => [name, type])) as Record<K, S>;
}

const LIMIT_FIELDS = {
  user_vm: "vmlimit",
  public_ip: "iplimit",
  volume: "volumelimit",
  snapshot: "snapshotlimit",
  template: "templatelimit",
  project: "projectlimit",
  network: "networklimit",
  vpc: "vpclimit",
  cpu: "cpulimit",
  memory: "memorylimit",
  primary_storage: "primarystoragelimit",
  secondary_storage: "secondarystoragelimit",
} as const satisfies Record<LimitType, string>;

/** A domain. The id stays a text: CloudStack accepts ids that are not UUIDs (recording 03). */
export const DomainRow = z.object({
  id: text.min(1),
  name: text,
  level: z.number().int(),
  path: text,
  haschild: flag,
  created: date,
  ...fields(maybe, "parentdomainid", "parentdomainname"),
  ...fields(limit, ...Object.values(LIMIT_FIELDS)),
  ...fields(number, "vmtotal", "volumetotal", "templatetotal", "projecttotal"),
});
export type DomainRow = z.infer<typeof DomainRow>;

/** The limits in a domain's row; null when the row has none, which is what `details=min` gives. */
export function limitsOf(row: DomainRow): Limits | null {
  const found = limitTypes.flatMap((type) => {
    const value = row[LIMIT_FIELDS[type]];
    return value === undefined ? [] : [[type, value] as const];
  });
  return found.length === 0 ? null : Object.fromEntries(found);
}

const TOTAL_FIELDS = {
  user_vm: "vmtotal",
  public_ip: "iptotal",
  volume: "volumetotal",
  snapshot: "snapshottotal",
  template: "templatetotal",
  project: "projecttotal",
  network: "networktotal",
  vpc: "vpctotal",
  cpu: "cputotal",
  memory: "memorytotal",
  primary_storage: "primarystoragetotal",
  secondary_storage: "secondarystoragetotal",
} as const satisfies Record<LimitType, string>;

/** A domain with its state and all that CloudStack counts in it; only what people are shown is read so. */
export const CountedDomainRow = DomainRow.extend({ state: maybe, ...fields(number, ...Object.values(TOTAL_FIELDS)) });
export type CountedDomainRow = z.infer<typeof CountedDomainRow>;

/** What CloudStack counts in a domain, by the types of limits; a type that the row leaves out is left out. */
export function totalsIn(row: CountedDomainRow): Limits {
  return Object.fromEntries(
    limitTypes.flatMap((type) => {
      const value = row[TOTAL_FIELDS[type]];
      return value === undefined ? [] : [[type, value] as const];
    }),
  );
}

/** A user, as in an account's row and in `listUsers`. */
export const UserRow = z.object({
  id: UserId,
  username: text,
  firstname: text.default(""),
  lastname: text.default(""),
  email: text.default(""),
  state: text,
  created: date,
  accountid: maybe,
  domainid: maybe,
});
export type UserRow = z.infer<typeof UserRow>;

/** What CloudStack counts for an account; `details=min` leaves all of it out, and older servers the last two. */
const TOTALS = [
  "vmrunning",
  "vmstopped",
  "vmtotal",
  "volumetotal",
  "snapshottotal",
  "templatetotal",
  "networktotal",
  "iptotal",
  "vpctotal",
  "projecttotal",
  "backuptotal",
  "buckettotal",
] as const;

/** An account with its users; an answer without them is refused (docs/adr/0004). */
export const AccountRow = z.object({
  id: AccountId,
  name: text,
  accounttype: z.number().int(),
  roleid: maybe,
  rolename: text,
  roletype: maybe,
  domainid: text,
  domainpath: maybe,
  state: z.enum(["enabled", "disabled", "locked"]),
  created: date,
  user: z.array(UserRow),
  ...fields(number, ...TOTALS),
});
export type AccountRow = z.infer<typeof AccountRow>;

/** How much more of something there may be: a number, of storage with parts of a GiB (recording 17), or `Unlimited`. Less than none is none. */
const available = z
  .string()
  .regex(/^(?:Unlimited|-?\d+(?:\.\d+)?(?:E-?\d+)?)$/)
  .transform((s) => (s === "Unlimited" ? -1 : Math.max(0, Number(s))))
  .optional();

/** An account with how much more CloudStack would let it have, as texts. */
export const AvailableRow = AccountRow.extend(fields(available, "snapshotavailable", "templateavailable", "secondarystorageavailable"));
export type AvailableRow = z.infer<typeof AvailableRow>;

/** What all things in a domain have in common. `account` is missing for what belongs to a CloudStack project. */
const owned = { id: text.min(1), domainid: text, created: date, ...fields(maybe, "account", "projectid", "zoneid", "datastoreid") };
const named = { ...owned, name: text, state: maybe };

const imageFields = {
  ...fields(maybe, "displaytext", "format", "hypervisor", "ostypeid", "ostypename", "templatetype", "checksum", "arch"),
  ...fields(flag, "isready", "isextractable", "ispublic", "isfeatured", "passwordenabled", "sshkeyenabled", "isdynamicallyscalable"),
  ...fields(flag, "requireshvm", "deployasis", "directdownload", "bootable"),
  ...fields(number, "size", "physicalsize", "bits"),
};

/** The fields of each kind that become facts of an item: for the archive, the steps and the card. */
export const factFields = {
  /** Enough to make a machine like it again. */
  machine: {
    ...fields(maybe, "displayname", "hypervisor", "templateid", "templatename", "serviceofferingid", "serviceofferingname"),
    ...fields(maybe, "ostypeid", "osdisplayname", "backupofferingid", "autoscalevmgroupname", "vmtype"),
    ...fields(number, "cpunumber", "memory"),
    deleteprotection: flag,
  },
  volume: {
    type: text,
    deviceid: number,
    ...fields(maybe, "vmname", "hypervisor", "diskofferingid"),
    ...fields(flag, "isextractable", "deleteprotection"),
  },
  snapshot: { physicalsize: number, ...fields(maybe, "volumetype", "intervaltype") },
  vm_snapshot: { type: maybe },
  template: imageFields,
  iso: imageFields,
  network: { ...fields(maybe, "type", "acltype", "cidr"), specifyvlan: flag },
  vpc: { cidr: maybe },
  address: { ...fields(flag, "issourcenat", "isstaticnat", "issystem"), virtualmachineid: maybe },
  kubernetes_cluster: {},
  backup: { virtualmachinename: maybe },
};

/** A machine. */
export const MachineRow = z.object({ ...named, state: text, ...factFields.machine });
/** A volume. */
export const VolumeRow = z.object({ ...named, ...factFields.volume, size: number, virtualmachineid: maybe });
/** A snapshot of a volume. */
export const SnapshotRow = z.object({ ...named, ...factFields.snapshot, volumeid: maybe, virtualsize: number });
/** A snapshot of a machine. */
export const VmSnapshotRow = z.object({ ...named, ...factFields.vm_snapshot, virtualmachineid: maybe });
/** A template or an ISO, one row for each zone it is in. */
export const TemplateRow = z.object({
  ...owned,
  name: text,
  status: maybe,
  ...imageFields,
  details: z.record(text, z.unknown()).optional(),
});
/** A template with what only its registration needs. `url` is the link it was fetched from: only the registrar sees it. */
export const RegisteredRow = TemplateRow.extend({
  url: maybe,
  downloaddetails: z.array(z.object({ downloadState: maybe, downloadPercent: z.string().optional() })).optional(),
});
export type RegisteredRow = z.infer<typeof RegisteredRow>;
/** The answer of `registerTemplate`: one row, as a list. */
export const Registered = z.object({ template: z.array(z.object({ id: text.min(1) })).length(1) });
/** A zone, and a type of operating system, as far as a registration names them. */
export const ZoneRow = z.object({ id: text.min(1), name: text });
export const OsTypeRow = z.object({ id: text.min(1), description: text });
/** A guest network. */
export const NetworkRow = z.object({ ...named, ...factFields.network, vpcid: maybe });
/** A rule of a network: firewall, port forward, load balancer, remote access VPN. */
export const NetworkRuleRow = z.object({ id: text.min(1), ...fields(maybe, "networkid", "domainid", "publicipid") });
export type NetworkRuleRow = z.infer<typeof NetworkRuleRow>;
/** A VPC. */
export const VpcRow = z.object({ ...named, ...factFields.vpc });
/** A public address. */
export const AddressRow = z.object({
  ...owned,
  ipaddress: text,
  allocated: date,
  ...factFields.address,
  ...fields(maybe, "state", "associatednetworkid", "vpcid"),
});
/** A CloudStack project; not to be confused with a project of the CI database. */
export const ProjectRow = z.object({ id: text.min(1), name: text, domainid: text, state: maybe, created: date });
export type ProjectRow = z.infer<typeof ProjectRow>;
/** A Kubernetes cluster. */
export const KubernetesRow = z.object(named);
/** A backup of a machine. */
export const BackupRow = z.object({ ...owned, ...factFields.backup, ...fields(maybe, "name", "status", "virtualmachineid"), size: number });
/** What is only named: an autoscale group, a shared file system, somebody else's machine. */
export const NamedRow = z.object({ ...owned, ...fields(maybe, "name", "domainpath") });
export type NamedRow = z.infer<typeof NamedRow>;
/** What goes with an account or a domain; an offering names all its domains in one text, a certificate or a schedule none. */
export const SmallRow = z.object({ id: text.min(1), ...fields(maybe, "name", "username", "domainid") });
export type SmallRow = z.infer<typeof SmallRow>;
/** A host, cluster, pod or zone dedicated to a domain. */
export const DedicationRow = z.object({
  id: text,
  ...fields(maybe, "domainid", "accountid", "hostname", "clustername", "podname", "zonename"),
});

/** A role. */
export const RoleRow = z.object({ id: text.min(1), name: text, type: text });
export type RoleRow = z.infer<typeof RoleRow>;
/** A rule of a role. */
export const RuleRow = z.object({ id: text.min(1), rule: text, permission: text });
export type RuleRow = z.infer<typeof RuleRow>;
/** What `createRole`, `createRolePermission` and `createAccount` made. */
export const Made = z.object({
  role: z.object({ id: text.min(1) }).optional(),
  rolepermission: z.object({ id: text.min(1) }).optional(),
  account: z.object({ user: z.array(z.object({ id: text.min(1) })) }).optional(),
});
/** The keys of a user, which may have none. */
export const UserKeys = z.object({ userkeys: z.object(fields(maybe, "apikey", "secretkey")) });
/** A limit of a domain, as `listResourceLimits` and `updateResourceLimit` give it; one with a `tag` is of those hosts or disks only. */
export const ResourceLimitRow = z.object({ resourcetype: text, max: z.number(), domainid: text, ...fields(maybe, "account", "tag") });
export type ResourceLimitRow = z.infer<typeof ResourceLimitRow>;
/** A comment on something, by whoever wrote it. */
export const AnnotationRow = z.object({ id: text.min(1), annotation: text, created: WireDate });
export type AnnotationRow = z.infer<typeof AnnotationRow>;
/** A line of the event log. */
export const EventRow = z.object({ id: text, type: text, level: text, state: maybe, resourceid: maybe, domainid: maybe, created: date });
export type EventRow = z.infer<typeof EventRow>;
/** A command that `listApis` lists. */
export const ApiRow = z.object({ name: text.min(1) });
/** A global setting. */
export const SettingRow = z.object({ name: text, value: text.default("") });

/** The answer to a command that became a job. */
export const Started = z.object({ jobid: text.min(1) });
/** A job. `jobresult` is an object, or a plain text after a restart of the server (facts/cloudstack §1.9). */
export const JobAnswer = z.object({
  jobstatus: z.number().int(),
  jobresultcode: number,
  jobresult: z.union([z.record(z.string(), z.unknown()), z.string()]).optional(),
});
/** A job in a list; `accountid` is the account whose key began it (recording 23). */
export const JobRow = z.object({ jobid: text.min(1), jobstatus: z.number().int(), accountid: maybe, cmd: maybe });
/** Why a job failed. */
export const JobError = z.object({ errorcode: z.number().int(), errortext: text.default("no text") });
/** The answer to a command that only says whether it succeeded; older servers say it in text. */
export const Success = z.object({ success: z.union([z.boolean(), z.enum(["true", "false"])]) });
/** What an extraction gives. The link opens without a password: only the exporter sees it. */
export const Extracted = z.object({ url: z.url({ protocol: /^https?$/ }), state: maybe });
/** The version of the server. */
export const Capabilities = z.object({ cloudstackversion: text });
/** Parses strictly. Returns the value, or where and why it does not fit, without the value itself. */
export function fit<T>(
  schema: z.ZodType<T>,
  value: unknown,
): { readonly ok: true; readonly value: T } | { readonly ok: false; readonly what: string } {
  const parsed = schema.safeParse(value);
  if (parsed.success) return { ok: true, value: parsed.data };
  const [first] = parsed.error.issues;
  return { ok: false, what: `${first?.path.join(".") || "answer"}: ${first?.code ?? "unknown"}` };
}

/** A text as a domain's id; null when it is not a UUID. */
export function asDomainId(id: string | undefined): DomainId | null {
  const parsed = DomainId.safeParse(id);
  return parsed.success ? parsed.data : null;
}
