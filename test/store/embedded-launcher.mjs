// Starts (or attaches to) the server on the folder given, says so, and stops it when told to; for embedded.test.ts.
import { startEmbeddedPostgres } from "../../dist/src/store/embedded.js";

const server = await startEmbeddedPostgres(process.argv[2], { fast: true });
process.stdout.write(`${JSON.stringify({ owned: server.owned, url: server.url() })}\n`);
process.stdin.once("data", () => {
  void server.stop().then(() => process.exit(0));
});
