import { NAMED } from "./base.ts";
import type { World } from "./world.ts";

/** One kind of operating system. */
export interface OsType {
  readonly id: string;
  readonly name: string;
  readonly category: string;
}

/** The categories, in the recorded order. Source: recording 22. */
export const OS_CATEGORIES = [
  "Ubuntu",
  "Debian",
  "Fedora",
  "CentOS",
  "Rocky Linux",
  "AlmaLinux",
  "Oracle",
  "RedHat",
  "SUSE",
  "Windows",
  "Other",
] as const;

const COUNT = 374;
const FIRST: readonly (readonly [name: string, category: string])[] = [
  ["AlmaLinux 8", "AlmaLinux"],
  ["AlmaLinux 8.3", "AlmaLinux"],
  ["AlmaLinux 9", "AlmaLinux"],
  ["Amazon Linux 2 (64 bit)", "Other"],
  ["Amazon Linux 3 (64 bit)", "Other"],
  ["CentOS 5.6 (32-bit)", "CentOS"],
  [NAMED.osType, "CentOS"],
];

/** As many kinds as the recorded server has; those that no recording names are numbered. */
export function osTypes(world: World): readonly OsType[] {
  const { osType } = world.base;
  const numbered = Array.from({ length: COUNT - FIRST.length }, (_, i): readonly [string, string] => [`Other OS ${i + 1}`, "Other"]);
  return [...FIRST, ...numbered].map(([name, category], i) => ({
    id: name === NAMED.osType ? osType : derivedId(osType, i + 1),
    name,
    category,
  }));
}

/** An id like another one, the same each time. */
export function derivedId(id: string, number: number): string {
  return `${id.slice(0, 24)}${number.toString(16).padStart(12, "0")}`;
}
