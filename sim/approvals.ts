/** One person's approval, by the world's clock. `isSure`: the bot said that it took it; else its process died before it could say so. */
export interface Approval {
  readonly at: number;
  readonly isSure: boolean;
}

/** The approvals of one deletion by person, in the order in which they were given: a clock that jumps must not turn it round. */
export type Approvals = Map<string, Approval>;

/** Notes a click before it is answered; what it gives back is forgotten by `settle` if it was refused. */
export function noteClick(approvals: Approvals, who: string, at: number): Approval {
  const click = { at, isSure: false };
  if (approvals.get(who)?.isSure !== true) put(approvals, who, click);
  return click;
}

/** Notes what the bot answered to a click. Another click of the same person may have come meanwhile: that one stays. */
export function settle(approvals: Approvals, who: string, click: Approval, isTaken: boolean, at: number): void {
  if (isTaken) put(approvals, who, { at, isSure: true });
  else if (approvals.get(who) === click) approvals.delete(who);
}

function put(approvals: Approvals, who: string, approval: Approval): void {
  approvals.delete(who);
  approvals.set(who, approval);
}

/** The earliest moment at which the second of these may have been taken: those of which nobody is sure count or not. Null: there are fewer than two. */
export function earliestSecond(approvals: readonly Approval[]): number | null {
  const moments: number[] = [];
  let sureBefore = 0;
  for (const [i, { at, isSure }] of approvals.entries()) {
    if (i > 0 && sureBefore < 2) moments.push(at);
    if (isSure) sureBefore += 1;
  }
  return moments.length === 0 ? null : Math.min(...moments);
}
