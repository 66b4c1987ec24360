/** Who belonged to what was deleted: one rule for all that former members are told or given. */

/**
 * SQL that holds where `user` was a member to the end of what a row of `deletion` is about: with an account in its domain that Twokey made
 * or adopted, that no pass locked because they had left, and that was enabled in the inventory that was approved, where one was.
 *
 * `row` and `user` are SQL: an alias of a row with `id`, `project_id` and `domain_id`, and a parameter.
 */
export function wasMember(row: string, user: string): string {
  return `exists (
    select from managed_account m
    where m.project_id = ${row}.project_id and m.domain_id = ${row}.domain_id and m.ci_user_id = ${user} and not m.locked_by_us
      and not exists (
        select from approved_inventory a where a.deletion_id = ${row}.id and not exists (
          select from jsonb_array_elements(a.body -> 'items') item
          where item ->> 'kind' = 'account' and item ->> 'id' = m.account_id::text and item ->> 'state' = 'enabled')))`;
}
