/** Two lists of ids that could belong together: everything that is linked by any chain of pairs. */
export interface Component {
  readonly left: readonly string[];
  readonly right: readonly string[];
}

/**
 * Splits two lists into what could belong together: each id is in exactly one component, alone where no pair names it.
 *
 * Shape: sorted, whatever the order of the lists and pairs. Ids of pairs that are in no list are left out.
 */
export function componentsOf(
  left: readonly string[],
  right: readonly string[],
  pairs: readonly (readonly [left: string, right: string])[],
): readonly Component[] {
  const nodes = [...left.map((id) => `l ${id}`), ...right.map((id) => `r ${id}`)];
  const parents = new Map(nodes.map((node) => [node, node]));
  const rootOf = (node: string): string => {
    const above = parents.get(node) ?? node;
    if (above === node) return node;
    const root = rootOf(above);
    parents.set(node, root);
    return root;
  };
  for (const [l, r] of pairs) {
    if (!parents.has(`l ${l}`) || !parents.has(`r ${r}`)) continue;
    parents.set(rootOf(`l ${l}`), rootOf(`r ${r}`));
  }
  const found = new Map<string, { left: string[]; right: string[] }>();
  for (const node of nodes.toSorted()) {
    const root = rootOf(node);
    const component = found.get(root) ?? { left: [], right: [] };
    component[node.startsWith("l ") ? "left" : "right"].push(node.slice(2));
    found.set(root, component);
  }
  return [...found.values()];
}
