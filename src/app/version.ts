import { readFileSync } from "node:fs";

/** The version of the package that this file belongs to, in a checkout, in its dist/ and where it is installed. */
export function readVersion(): string {
  for (let folder = new URL(".", import.meta.url); ; folder = new URL("..", folder)) {
    try {
      const { version: found } = JSON.parse(readFileSync(new URL("package.json", folder), "utf8")) as { readonly version: string };
      return found;
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code !== "ENOENT" || folder.pathname === "/") throw thrown;
    }
  }
}
