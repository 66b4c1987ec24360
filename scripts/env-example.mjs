#!/usr/bin/env node
// Writes .env.example from the configuration's own table (src/config/variables.ts).
import fs from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";
import { prepare } from "./prepare.mjs";

/** Of these and another one each, one must be set; their hints say which. */
const ONE_OF_TWO = ["SLACK_APP_TOKEN", "SLACK_APPROVER_GROUP"];

const HEAD = `# Copy to .env, fill in what stands without a #, and start with: node --env-file=.env scripts/twokey.mjs serve
# What begins with # shows its default. docs/configuration.md says what each means. Made by: npm run env-example
# A secret may stand in a file instead: SLACK_BOT_TOKEN_FILE=/run/secrets/slack-bot-token. Times may be written as 14d, 12 h, 30 min.
`;

/** The file's text for this table of variables. */
export function renderEnvExample(variables) {
  let group = "";
  const lines = variables.flatMap(({ name, fallback, hint }) => {
    const isNew = name.split("_")[0] !== group;
    group = name.split("_")[0];
    const mustBeSet = fallback === null || ONE_OF_TWO.includes(name);
    return [...(isNew ? [""] : []), ...(hint === null ? [] : [`# ${hint}`]), `${mustBeSet ? "" : "#"}${name}=${fallback ?? ""}`];
  });
  return `${HEAD}${lines.join("\n")}\n`;
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(fs.realpathSync(process.argv[1])).href) {
  if (!prepare()) process.exit(1);
  const { listVariables } = await import(new URL("../dist/src/config/variables.js", import.meta.url));
  fs.writeFileSync(fileURLToPath(new URL("../.env.example", import.meta.url)), renderEnvExample(listVariables()));
}
