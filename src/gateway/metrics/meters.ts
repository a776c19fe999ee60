/** What a node counts from its first moment on, for whoever asks later: made before the node is, and handed to its parts. */
import { Buckets } from "../../base/buckets.ts";
import { meteredDisk, type DiskCounts } from "../../host/metered_disk.ts";
import type { Host } from "../../host/host.ts";
import { GroupCounts } from "../../node/group_counts.ts";
import { DoorCounts } from "../door_counts.ts";

/** Kinds of files that are told apart. */
export type FileKind = "wal" | "snapshots" | "other";

/** The counts of one process. */
export class Meters {
  /** The host, its disk counted: the node is to be run on this one. */
  readonly host: Host;
  readonly groups: GroupCounts;
  readonly files: Readonly<Record<FileKind, DiskCounts>> = { wal: diskCounts(), snapshots: diskCounts(), other: diskCounts() };
  readonly doors: Readonly<Record<"client" | "http", DoorCounts>> = { client: new DoorCounts(), http: new DoorCounts() };

  constructor(host: Host) {
    this.groups = new GroupCounts(host.clock);
    this.host = { ...host, disk: meteredDisk(host.disk, host.clock, (path) => this.files[kindOf(path)]) };
  }
}

function diskCounts(): DiskCounts {
  return { syncs: new Buckets(), writtenBytes: 0 };
}

function kindOf(path: string): FileKind {
  if (/[/\\]wal[/\\][^/\\]*$/.test(path)) return "wal";
  return /[/\\]snapshots[/\\][^/\\]+[/\\][^/\\]*$/.test(path) ? "snapshots" : "other";
}
