/** One person's approval, by the time that has `passed`. `isSure`: the bot said that it took it; else its process died before it could say so. */
export interface Approval {
  readonly at: number;
  readonly isSure: boolean;
}

/** The approvals of one deletion by person, in the order in which they were given: a clock that jumps must not turn it round. */
export type Approvals = Map<string, Approval>;

/** Notes a click before it is answered; what it gives back is forgotten by `settle` if it was refused. */
export function noteClick(approvals: Approvals, who: string, at: number): Approval {
  const click = { at, isSure: false };
  const before = approvals.get(who);
  if (before === undefined) approvals.set(who, click);
  // An earlier click may have been taken, or this one may be while that one is still asked: neither refusal tells of the other.
  else if (!before.isSure) approvals.set(who, { ...before });
  return click;
}

/** Notes what the bot answered to a click. A refusal forgets only a click beside which there was no other of the same person. */
export function settle(approvals: Approvals, who: string, click: Approval, isTaken: boolean, at: number): void {
  if (isTaken) put(approvals, who, { at, isSure: true });
  else if (approvals.get(who) === click) approvals.delete(who);
}

function put(approvals: Approvals, who: string, approval: Approval): void {
  approvals.delete(who);
  approvals.set(who, approval);
}

/** The earliest moment at which the second of these may have been taken, the unsure ones counted or not. Null: fewer than two. */
export function earliestSecond(approvals: readonly Approval[]): number | null {
  const moments: number[] = [];
  let sureBefore = 0;
  for (const [i, { at, isSure }] of approvals.entries()) {
    if (i > 0 && sureBefore < 2) moments.push(at);
    if (isSure) sureBefore += 1;
  }
  return moments.length === 0 ? null : Math.min(...moments);
}
