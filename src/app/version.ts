import { existsSync, readFileSync } from "node:fs";
import path from "node:path";

/** The version of this package, from its package.json: beside src/, or beside dist/. */
export function readVersion(): string {
  for (let folder = import.meta.dirname; folder !== path.dirname(folder); folder = path.dirname(folder)) {
    const file = path.join(folder, "package.json");
    if (existsSync(file)) return String((JSON.parse(readFileSync(file, "utf8")) as { readonly version?: string }).version ?? "unknown");
  }
  return "unknown";
}
