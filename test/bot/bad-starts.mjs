// Tries to start the bot on each environment of standard input, one after the other in one process; writes what each attempt said.
import { parseConfig } from "../../dist/src/config/config.js";
import { createEvents } from "../../dist/src/events.js";
import { serve } from "../../dist/src/main.js";

const chunks = [];
for await (const chunk of process.stdin) chunks.push(chunk);
const said = [];
for (const env of JSON.parse(Buffer.concat(chunks).toString())) {
  const config = parseConfig(env);
  if (!config.ok) {
    said.push(`${config.error.message}\n${config.error.remedy ?? ""}`);
    continue;
  }
  said.push(
    await serve(config.value, createEvents("silent", "bad-start")).then(
      () => "it started",
      (error) => error.message,
    ),
  );
}
process.stdout.write(JSON.stringify(said), () => process.exit(0));
