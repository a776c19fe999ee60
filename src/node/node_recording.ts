/** What a node recorded, of one group for whoever asks, and of all of them when it ends. */
import { version } from "../base/version.ts";
import type { Group } from "./group.ts";
import type { Node } from "./node.ts";
import { encodeRecording, recordingFile } from "./recording.ts";

/** What `group` recorded, as the body of a recording. */
export function groupRecording(node: Node, group: Group, storyOnly: boolean): Uint8Array {
  const { identity: { clusterId, nodeId }, parts: { host } } = node;
  return encodeRecording({ version, clusterId, nodeId, group: group.name, wallMs: host.clock.wallMs() }, group.recorder, storyOnly);
}

/**
 * What all groups of a node recorded before it came to its end, as a file.
 *
 * @param why what ended it, in words
 */
export function lastRecording(node: Node, why: string): Uint8Array {
  const { identity: { nodeId }, parts: { host } } = node;
  return recordingFile([...node.groups.values()].map((group) => {
    group.recorder.ended(nodeId, why, host.clock.wallMs());
    return groupRecording(node, group, false);
  }));
}
