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

/** The exchanges of one recorded scenario. */
export function readScenario(name: string): readonly Exchange[] {
  const file = new URL(`../../fixtures/cloudstack-4.22/${name}.jsonl`, import.meta.url);
  return readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Exchange);
}
