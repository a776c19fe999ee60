/** INFO: what tools and libraries look for when they connect. */
import { parseAddress } from "../../base/address.ts";
import { version } from "../../base/version.ts";
import type { Talk } from "./talk.ts";

/** The release of Redis whose strings, expiry and protocol the door has. */
const REDIS_VERSION = "7.0.0";

/** What this node is to the client's group, in Redis's words. */
export function roleOf({ door, state }: Pick<Talk, "door" | "state">): "master" | "slave" {
  return door.api.leads(state.group) ? "master" : "slave";
}

type Section = (talk: Talk) => Readonly<Record<string, string | number>>;

const SECTIONS: Readonly<Record<string, Section>> = {
  Server: ({ door }) => {
    const { address, nodeId, clusterId } = door.api.identity();
    const uptimeSeconds = Math.floor((door.clock.monotonicMs() - door.startedMs) / 1000);
    return {
      redis_version: REDIS_VERSION, redis_mode: "standalone", draft_version: version, draft_node: nodeId, draft_cluster: clusterId,
      tcp_port: parseAddress(address).port, uptime_in_seconds: uptimeSeconds,
    };
  },
  Clients: ({ door }) => ({ connected_clients: door.clients().length }),
  // Nothing is answered before it is loaded, and nothing but the log is written.
  Persistence: () => ({ loading: 0, async_loading: 0, aof_enabled: 1, rdb_bgsave_in_progress: 0, aof_rewrite_in_progress: 0 }),
  Replication: replication,
  Cluster: ({ state }) => ({ cluster_enabled: state.asksCluster ? 1 : 0 }),
};

function replication(talk: Talk): Readonly<Record<string, string | number>> {
  const role = roleOf(talk);
  if (role === "master") return { role };
  const leader = talk.door.api.leaderOf(talk.state.group);
  if (leader === null) return { role, master_link_status: "down" };
  const { host, port } = parseAddress(leader.address);
  return { role, master_host: host, master_port: port, master_link_status: "up", master_sync_in_progress: 0, slave_read_only: 0 };
}

/** The sections that are asked for; all, if none is named, or `all`, `default` or `everything`. */
export function infoText(talk: Talk, wanted: readonly string[]): string {
  const names = new Set(wanted.map((word) => word.toLowerCase()));
  const isAll = names.size === 0 || ["all", "default", "everything"].some((word) => names.has(word));
  const sections = Object.entries(SECTIONS).filter(([name]) => isAll || names.has(name.toLowerCase()));
  return sections.map(([name, section]) => {
    const lines = Object.entries(section(talk)).map(([field, value]) => `${field}:${value}\r\n`);
    return `# ${name}\r\n${lines.join("")}`;
  }).join("\r\n");
}
