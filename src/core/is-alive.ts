/** Whether a process of this machine is there, whoever's it is. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: the process exists, and is another user's.
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
