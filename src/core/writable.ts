/** Whether a folder can be written, before something in the middle of the work finds that it cannot. */
import { constants } from "node:fs";
import { access, stat } from "node:fs/promises";
import path from "node:path";

/** Why files cannot be made in this folder, or it cannot be made itself, as a sentence; null: they can. Nothing is written. */
export async function whyNotWritable(folder: string, mayEnter: typeof access = access): Promise<string | null> {
  const wanted = path.resolve(folder);
  const there = await nearest(wanted);
  const name = there === wanted ? `the folder ${wanted}` : `${there}, in which ${wanted} would be made,`;
  if (!(await stat(there)).isDirectory()) return `${there} is a file, and no folder`;
  try {
    await mayEnter(there, constants.W_OK | constants.X_OK);
    return null;
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException;
    return code === "EROFS"
      ? `${name} is on a disk that is mounted read-only`
      : `${name} cannot be written by this user (${code ?? "unknown"})`;
  }
}

/** The folder itself, or the nearest one above it that exists. */
async function nearest(wanted: string): Promise<string> {
  for (let at = wanted; ; at = path.dirname(at)) {
    const found = await stat(at).catch(() => null);
    if (found !== null || at === path.dirname(at)) return at;
  }
}
