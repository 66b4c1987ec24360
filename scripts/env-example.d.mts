import type { listVariables } from "../src/config/variables.ts";

/** The text of `.env.example` for this table of variables. */
export function renderEnvExample(variables: ReturnType<typeof listVariables>): string;
