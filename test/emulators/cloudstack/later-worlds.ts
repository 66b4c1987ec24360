import type { CloudStackEmulator, CloudStackEmulatorOptions } from "../../../emulators/cloudstack/server.ts";
import type { LaterScenario } from "./recordings.ts";

/** Ids of the installation of recordings 16 to 34 that no recorded answer gives before they are used. */
export const RECORDED_LATER = {
  parent: "7d732e4e-06a1-46b5-b725-dcb161cced3a",
  base: {
    zone: "563e1672-abac-4822-9ffb-0877b0673444",
    serviceOffering: "29b2030d-3713-404d-9343-66bb217313b9",
    networkOffering: "44b387f7-6afd-4b9d-9d9d-0d74de973143",
    diskOffering: "4078ef6f-356f-4ecb-a02d-f3571e254666",
    osType: "6b343f14-eb38-11f1-983c-02fc00000001",
    builtinTemplate: "d68077ae-eb38-11f1-983c-02fc00000001",
    rootDomain: "6b3dfb1b-eb38-11f1-983c-02fc00000001",
    userRole: "81e2046e-eb38-11f1-983c-02fc00000001",
  },
} as const;

/** What one recorded scenario needs beside an empty installation. */
export interface LaterWorld {
  readonly options?: CloudStackEmulatorOptions;
  /** Makes what was there before; gives our ids by the recorded ones. */
  readonly seed?: (emulator: CloudStackEmulator) => Readonly<Record<string, string>>;
  readonly before?: (emulator: CloudStackEmulator, index: number) => void;
  /** Exchanges before which the expunge delay passed. */
  readonly waits?: readonly number[];
  /** Exchanges that came before the jobs then running ended. */
  readonly atOnce?: readonly number[];
}

/** The scenarios that need something; what each leaves out is said beside it. */
export const LATER_WORLDS: Readonly<Partial<Record<LaterScenario, LaterWorld>>> = {};
