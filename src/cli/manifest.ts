import { readFileSync } from "node:fs";
import { refuseUse, type CliCommand } from "./command.ts";

/** The address in the manifest for HTTP, which is replaced. */
const EXAMPLE = "https://twokey.example.org";

/** `twokey manifest`: prints the manifest to paste at api.slack.com/apps. */
export const runManifest: CliCommand = async (io, given) => {
  const address = given.values["http"];
  if (address === undefined) {
    io.out(readManifest("docs/slack-app-manifest.yaml"));
    return 0;
  }
  const base = baseOf(address);
  if (base === null)
    return refuseUse(
      io,
      given,
      "--http takes the address that Slack reaches, such as https://twokey.example.org or https://example.org/twokey.",
    );
  io.out(readManifest("docs/slack-app-manifest-http.yaml").replaceAll(EXAMPLE, base));
  return 0;
};

/** The address without what Twokey appends, a query or a name and password; null: Slack takes no such address. */
function baseOf(address: string): string | null {
  if (!URL.canParse(address)) return null;
  const { protocol, origin, pathname, username, search, hash } = new URL(address);
  if (protocol !== "https:" || username !== "" || search !== "" || hash !== "" || /["'\\\s]/.test(address)) return null;
  return `${origin}${pathname.replace(/(?:\/slack\/events)?\/*$/, "")}`;
}

/** The file of the package that this one belongs to: in a checkout, in its dist/, and where it is installed. */
function readManifest(file: string): string {
  for (let folder = new URL(".", import.meta.url); ; folder = new URL("..", folder)) {
    try {
      return readFileSync(new URL(file, folder), "utf8");
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code !== "ENOENT" || folder.pathname === "/") throw thrown;
    }
  }
}
