// What `npm run demo` runs: builds what is missing and starts the demo in this very process, so that a signal to npm reaches the demo itself
// and not a shell in between.
import { prepare } from "./prepare.mjs";

if (prepare()) await import("../dist/demo/main.js");
else {
  process.stderr.write("The build has errors, listed above.\n");
  process.exitCode = 1;
}
