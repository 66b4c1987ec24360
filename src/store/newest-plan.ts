/**
 * A statement for the newest plan over everything, to be put in parentheses: the newest by the order in which passes began, whatever the
 * clocks of the replicas say. It gives no row before the first such plan.
 *
 * @param columns of the plan, which is `p`.
 * @param where what else must hold for it.
 */
export function newestFleetPlan(columns: string, where = "true"): string {
  return `select ${columns} from pass join plan p on p.pass_id = pass.id
    where pass.scope ->> 'kind' = 'fleet' and ${where} order by pass.seq desc, p.planned_at desc, p.id limit 1`;
}
