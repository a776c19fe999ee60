/**
 * The command line around nodes without Raft: the first node of `--initial` leads and holds the state.
 */
import { formatAddress } from "../../src/base/address.ts";
import { main } from "../../src/cli/main.ts";
import type { StartServer } from "../../src/gateway/run_server.ts";
import { fakeCluster, serveFake } from "../gateway/fake_node.ts";

const startFake: StartServer = async (config, host) => {
  const cluster = fakeCluster("fake");
  cluster.members.push(...config.initial.map((node) => ({ id: node.id, address: formatAddress(node) })));
  cluster.leader = cluster.members[0] ?? null;
  const id = config.id ?? "a";
  const server = await serveFake(cluster, id, config.listen.port);
  host.log.write("info", "listens", { address: server.address });
  let tell = (): void => {};
  const closed = new Promise<void>((resolve) => (tell = resolve));
  const stop = async (): Promise<void> => {
    await server.stop();
    tell();
  };
  const role = cluster.leader?.id === id ? "leader" : "follower";
  return { nodeId: id, listen: server.address, address: server.address, clusterId: "fake", role, closed, reload: () => {}, stop };
};

main(startFake);
