import type { LaterScenario } from "./recordings.ts";

/** Exchanges of the later recordings that the emulator does not yet answer as recorded: exactly these, so that the list can only shrink. */
export const STILL_DIFFERENT: Readonly<Partial<Record<LaterScenario, readonly number[]>>> = {
  "17-hidden-templates": [4, 5, 37, 38, 39, 40, 41, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 67],
  "20-isos": [2, 3, 4, 5, 6, 7, 8, 10, 13, 14, 16, 17, 18, 19, 20, 25, 26, 27, 28, 30, 32, 33, 34, 35, 36, 37, 38, 39, 42, 44],
  "21-volumes-out-and-in": [2, 3, 11, 19, 23, 25, 27, 28],
  "22-for-a-restore": [0, 1, 3, 4, 5, 6, 7, 8, 44, 45],
  "23-while-disabled": [6, 19, 20, 22, 24, 27, 28, 31, 34, 36, 37, 38, 41, 42, 43],
  "24-used-by-others": [11, 15, 30, 31, 32, 33, 35, 39, 40, 41, 43, 48, 54],
  "27-case-and-letters": [5, 6, 7, 9, 12, 17, 29, 33, 39],
  "28-events-and-usage": [48, 49, 50, 51],
  "29-least-privilege": [9, 11],
  "30-page-size": [1, 2, 3],
  "34-no-secondary-storage-vm": [0, 1, 2, 3, 4, 5, 6, 7, 8],
};
