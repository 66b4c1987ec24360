import { readFileSync } from "node:fs";

/** One recorded exchange with a real server. */
export interface Exchange {
  readonly scenario: string;
  readonly command: string;
  readonly params: Readonly<Record<string, string>>;
  readonly status: number;
  readonly body?: Readonly<Record<string, unknown>>;
  readonly text?: string;
  readonly note?: string;
  /** The account whose key was used; left out: the root administrator's. */
  readonly as?: string;
  readonly count?: number;
  readonly rows?: number;
}

/** The scenarios in the order in which they were recorded (by their time stamps, not by their file names). */
export const SCENARIOS = [
  "01-capabilities",
  "02-errors",
  "03-domains",
  "04-accounts-and-users",
  "08-roles",
  "09-projects",
  "10-inactive-while-deleting",
  "05-contents",
  "06-dismantle-in-order",
  "07-cleanup-true",
  "11-jobs-that-fail",
  "13-uuid-again",
  "14-failing-cleanup",
  "15-register-template",
] as const;

/** The later scenarios, recorded on another day and installation; each stands for itself. */
export const LATER_SCENARIOS = [
  "16-detached-root-disk",
  "17-hidden-templates",
  "18-not-allowed-or-unknown",
  "19-handing-out-roles",
  "20-isos",
  "21-volumes-out-and-in",
  "22-for-a-restore",
  "23-while-disabled",
  "24-used-by-others",
  "25-small-things",
  "27-case-and-letters",
  "28-events-and-usage",
  "29-least-privilege",
  "30-page-size",
  "31-networks-of-a-disabled-account",
  "32-egress-rule-and-disabled-account",
  "33-vpc-of-a-disabled-account",
  "34-no-secondary-storage-vm",
] as const;

/** One of the later scenarios. */
export type LaterScenario = (typeof LATER_SCENARIOS)[number];

/** The exchanges of one recorded scenario. */
export function readScenario(name: string): readonly Exchange[] {
  const file = new URL(`../../fixtures/cloudstack-4.22/${name}.jsonl`, import.meta.url);
  return readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Exchange);
}
