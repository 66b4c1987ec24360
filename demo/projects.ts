import { cast, extras } from "./cast.ts";

/** One project of the demo: its row in the CI database and, when `standing`, what its domain holds from before. */
export interface DemoProject {
  readonly id: string;
  readonly slug: string;
  readonly name: string;
  readonly members: readonly { readonly userId: string; readonly role: "admin" | "member" }[];
  /** Null: the project is new, and the first pass will make its domain. */
  readonly standing: {
    readonly machines: readonly { readonly name: string; readonly owner: string; readonly stopped?: boolean; readonly disk?: boolean }[];
    readonly snapshots: readonly { readonly machine: string; readonly name: string }[];
    readonly templates: readonly { readonly name: string; readonly owner: string; readonly bytes: number }[];
  } | null;
}

const [noor, ivan, lena, omar, yuki] = extras;
const KIB = 1024;

/** The projects the demo starts with. */
export const demoProjects: readonly DemoProject[] = [
  {
    id: "p-101",
    slug: "aurora",
    name: "Aurora IDE",
    members: [
      { userId: cast.mia.id, role: "admin" },
      { userId: noor.id, role: "member" },
    ],
    standing: {
      machines: [
        { name: "aurora-linux-1", owner: cast.mia.username, disk: true },
        { name: "aurora-win-1", owner: noor.username },
      ],
      snapshots: [{ machine: "aurora-linux-1", name: "before-upgrade" }],
      templates: [
        { name: "aurora-linux-builder", owner: cast.mia.username, bytes: 1536 * KIB },
        { name: "aurora-win-builder", owner: noor.username, bytes: 2560 * KIB },
      ],
    },
  },
  {
    id: "p-102",
    slug: "borealis",
    name: "Borealis Modeling",
    members: [
      { userId: ivan.id, role: "admin" },
      { userId: lena.id, role: "member" },
    ],
    standing: {
      machines: [
        { name: "borealis-1", owner: ivan.username, disk: true },
        { name: "borealis-2", owner: lena.username, stopped: true },
      ],
      snapshots: [{ machine: "borealis-1", name: "nightly" }],
      templates: [
        { name: "borealis-base", owner: ivan.username, bytes: 1024 * KIB },
        { name: "borealis-gpu", owner: lena.username, bytes: 768 * KIB },
      ],
    },
  },
  {
    id: "p-103",
    slug: "cumulus",
    name: "Cumulus Server",
    members: [
      { userId: omar.id, role: "admin" },
      { userId: yuki.id, role: "member" },
    ],
    standing: {
      machines: [{ name: "cumulus-arm-1", owner: omar.username }],
      snapshots: [],
      templates: [{ name: "cumulus-arm", owner: omar.username, bytes: 512 * KIB }],
    },
  },
  {
    id: "p-104",
    slug: "drizzle",
    name: "Drizzle Test Tools",
    members: [{ userId: yuki.id, role: "admin" }],
    standing: {
      machines: [{ name: "drizzle-1", owner: yuki.username, stopped: true }],
      snapshots: [],
      templates: [{ name: "drizzle-runner", owner: yuki.username, bytes: 640 * KIB }],
    },
  },
  {
    id: "p-105",
    slug: "ember",
    name: "Ember Framework",
    members: [{ userId: lena.id, role: "admin" }],
    standing: { machines: [], snapshots: [], templates: [] },
  },
  {
    id: "p-106",
    slug: "fjord",
    name: "Fjord Data",
    members: [
      { userId: noor.id, role: "admin" },
      { userId: omar.id, role: "member" },
    ],
    standing: null,
  },
];

/** Projects the button "add a project" adds, in this order, then numbered ones. */
export const newProjects = [
  { slug: "glacier", name: "Glacier Storage" },
  { slug: "harbor", name: "Harbor Registry" },
  { slug: "iris", name: "Iris Vision" },
] as const;
