// What `npm pack` runs before and after (prepack, postpack): builds dist/, and lays package-lock.json beside it as npm-shrinkwrap.json, since
// npm puts no package-lock.json into a tarball. `npm ci --omit=dev` in the unpacked tarball then installs the very packages that were tested.
import fs from "node:fs";
import { fileURLToPath } from "node:url";
import { prepare } from "./prepare.mjs";

const at = (name) => fileURLToPath(new URL(`../${name}`, import.meta.url));

if (process.argv.includes("--after")) fs.rmSync(at("npm-shrinkwrap.json"), { force: true });
else if (prepare()) fs.copyFileSync(at("package-lock.json"), at("npm-shrinkwrap.json"));
else {
  process.stderr.write("The build has errors, listed above. No tarball was made.\n");
  process.exitCode = 1;
}
