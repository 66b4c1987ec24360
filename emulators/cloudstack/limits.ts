/** One kind of limited resource. `account` and `domain` are the limits that hold where nothing was set; -1 is unlimited. */
export interface ResourceKind {
  readonly type: number;
  readonly field: string;
  readonly name: string;
  readonly account: number;
  readonly domain: number;
}

function kind(type: number, field: string, name: string, account: number, domain = -1): ResourceKind {
  return { type, field, name, account, domain };
}

/** All kinds, in the order of their numbers. Source: recording 04, `listResourceLimits`, `createAccount`. */
export const RESOURCE_KINDS: readonly ResourceKind[] = [
  kind(0, "vm", "user_vm", 20),
  kind(1, "ip", "public_ip", 20),
  kind(2, "volume", "volume", 20),
  kind(3, "snapshot", "snapshot", 20),
  kind(4, "template", "template", 20),
  kind(5, "project", "project", 10, 50),
  kind(6, "network", "network", 20),
  kind(7, "vpc", "vpc", 20),
  kind(8, "cpu", "cpu", 40),
  kind(9, "memory", "memory", 40960),
  kind(10, "primarystorage", "primary_storage", 200),
  kind(11, "secondarystorage", "secondary_storage", 400),
  kind(12, "backup", "backup", 20, 40),
  kind(13, "backupstorage", "backup_storage", 400, 800),
  kind(14, "bucket", "bucket", 20, 20),
  kind(15, "objectstorage", "object_storage", 400, 400),
  kind(16, "gpu", "gpu", 20, 20),
];

/** How much of each kind something holds, by the kind's number. */
export type Totals = Record<number, number>;
