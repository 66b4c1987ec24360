import type { Params } from "../api/signature.ts";

/**
 * What is not for display is in no list without its flag, so both ways have to be asked. Only a root administrator's flag counts: other keys
 * get the usual list again.
 *
 * Source: CloudStack 4.22, `BaseListCmd.getDisplay`.
 */
export const notForDisplay = {
  machine: { displayvm: "false" },
  volume: { displayvolume: "false" },
  network: { displaynetwork: "false" },
  other: { fordisplay: "false" },
} as const satisfies Readonly<Record<string, Params>>;
