import type { listVariables } from "../src/config.ts";

/** The text of `.env.example` for this table of variables. */
export function renderEnvExample(variables: ReturnType<typeof listVariables>): string;
