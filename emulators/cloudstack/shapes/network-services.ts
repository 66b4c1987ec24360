import type { JsonObject } from "../json.ts";

/** The services of an isolated network, as the recorded server describes them. Source: recording 05, `createNetwork`. */
export const NETWORK_SERVICES: readonly JsonObject[] = [
  service("SourceNat", [capability("SupportedSourceNatTypes", "peraccount", true), capability("RedundantRouter", "false", true)]),
  service("Lb", [
    capability("SupportedLBIsolation", "dedicated", true),
    capability("LbSchemes", "Public"),
    capability("AutoScaleCounters", JSON.stringify(["CPU", "MEMORY", "VIRTUALROUTER"].map((name) => stickiness(name, [])))),
    capability("SupportedLbAlgorithms", "roundrobin,leastconn,source"),
    capability("SupportedStickinessMethods", JSON.stringify([stickiness("LbCookie", ["cookie-name", "mode"])])),
    capability("SupportedProtocols", "tcp, udp, tcp-proxy, ssl"),
    capability("SslTermination", "true"),
    capability("VmAutoScaling", "true"),
    capability("ElasticLb", "false"),
    capability("InlineMode", "false"),
  ]),
  service("StaticNat", [capability("ElasticIp", "false"), capability("AssociatePublicIP", "true")]),
  service("Dns", [capability("AllowDnsSuffixModification", "true")]),
  service("PortForwarding", [capability("SupportedProtocols", "tcp,udp")]),
  service("Vpn", [capability("SupportedVpnTypes", "pptp,l2tp,ipsec"), capability("VpnTypes", "remoteaccessvpn")]),
  service("Dhcp", [capability("DhcpAccrossMultipleSubnets", "true")]),
  service("Firewall", [
    capability("SupportedTrafficDirection", "ingress, egress"),
    capability("MultipleIps", "true"),
    capability("SupportedProtocols", "tcp,udp,icmp"),
    capability("TrafficStatistics", "per public ip"),
    capability("SupportedEgressProtocols", "tcp,udp,icmp, all"),
  ]),
  service("UserData", []),
];

/** The services of a tier of a VPC. Source: recording 33, `createNetwork`. */
export const TIER_SERVICES: readonly JsonObject[] = [
  tierService("Dns", [capability("AllowDnsSuffixModification", "true")]),
  tierService("Dhcp", [capability("DhcpAccrossMultipleSubnets", "true")]),
  tierService("StaticNat", [capability("ElasticIp", "false"), capability("AssociatePublicIP", "true")]),
  tierService("NetworkACL", [capability("SupportedProtocols", "tcp,udp,icmp")]),
  tierService("Vpn", [capability("SupportedVpnTypes", "pptp,l2tp,ipsec"), capability("VpnTypes", "s2svpn")]),
  tierService("SourceNat", [capability("SupportedSourceNatTypes", "peraccount", true), capability("RedundantRouter", "false", true)]),
  tierService("PortForwarding", [capability("SupportedProtocols", "tcp,udp")]),
  tierService("UserData", []),
];

function tierService(name: string, capabilities: readonly JsonObject[]): JsonObject {
  return { ...service(name, capabilities), provider: [{ name: "VpcVirtualRouter" }] };
}

function service(name: string, capabilities: readonly JsonObject[]): JsonObject {
  return { name, provider: [{ name: "VirtualRouter" }], capability: capabilities };
}

function capability(name: string, value: string, choice = false): JsonObject {
  return { name, value, canchooseservicecapability: choice };
}

function stickiness(methodname: string, names: readonly string[]): JsonObject {
  return { methodname, paramlist: names.map((paramname) => ({ paramname, required: false, isflag: false, description: " " })) };
}
