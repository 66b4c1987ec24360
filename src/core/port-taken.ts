/** Another process listens on the port; the message names the variable to change. */
export class PortTaken extends Error {
  override readonly name = "PortTaken";
}

/** What was thrown while listening; a taken port by the name of its variable. */
export function listenError(thrown: unknown, port: number, variable: string): unknown {
  const isTaken = (thrown as NodeJS.ErrnoException | null)?.code === "EADDRINUSE";
  return isTaken ? new PortTaken(`Port ${port} is taken: set ${variable} to another one, or 0 for any.`) : thrown;
}
