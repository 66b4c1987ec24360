/** The names under which people keep what they download. */

/** Endings by which tools know a file. Source: facts/cloudstack §5: what is exported has the format of the hypervisor's disks. */
const OF_HYPERVISOR: Readonly<Record<string, string>> = { kvm: "qcow2", vmware: "ova", xenserver: "vhd", hyperv: "vhdx", lxc: "tar" };

/** A file's name with the ending of its format. It needs no quotes in a shell: letters, digits, dots, hyphens and underscores only. */
export function fileNameOf(name: string, format: string | null, hypervisor: string | null = null): string {
  const plain = [
    ...name
      .normalize("NFC")
      .replace(/[^\p{L}\p{M}\p{N}._-]/gu, "_")
      .replace(/^[.-]+/, "_"),
  ]
    .slice(0, 100)
    .join("");
  const known = format?.toLowerCase() ?? "";
  const ending = /^[a-z0-9]{2,10}$/.test(known) ? known : OF_HYPERVISOR[hypervisor?.toLowerCase() ?? ""];
  const whole = plain === "" ? "file" : plain;
  return ending === undefined || whole.toLowerCase().endsWith(`.${ending}`) ? whole : `${whole}.${ending}`;
}

/** A file's name as a header of HTTP names it, twice where it has other letters than ASCII's. Source: RFC 6266 §5, RFC 8187 §3.2. */
export function dispositionOf(name: string): string {
  const ascii = name.replace(/[^\x20-\x7e]/g, "_");
  const encoded = encodeURIComponent(name).replace(/['()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
  return `attachment; filename="${ascii}"${ascii === name ? "" : `; filename*=UTF-8''${encoded}`}`;
}
