/**
 * The next command to type, for errors that come without one.
 */
import { DraftError, type ErrorCode } from "../base/errors.ts";

const HINTS: Partial<Readonly<Record<ErrorCode, string>>> = {
  BAD_REQUEST: "draft client help lists the operations",
  UNKNOWN_OPERATION: "draft client help lists them",
  NOT_FOUND: "draft admin states lists the groups",
  TOO_LARGE: "draft serve --help tells the limits",
  NO_LEADER: "draft admin states shows who is missing",
  NOT_LEADER: "draft admin states shows who leads",
  BUSY: "try again",
  DISK_FULL: "draft admin states shows whose disk",
  STOPPING: "try again",
  FENCED: "draft admin states shows which node",
  TIMEOUT: "draft admin states shows how the cluster is",
  LOST: "draft admin states shows how the cluster is",
  MACHINE_FAULT: "the node's log has the stack",
  UNREACHABLE: "draft dev starts a cluster, -c names one",
  WRONG_IDENTITY: "name nodes of one cluster with -c",
  DAMAGED: "draft log last --data DIR",
  IN_USE: "stop the node first",
  STORAGE_FAILED: "check the disk, then start the node again with draft serve",
  BAD_PLUGIN: "correct it and start again, or see what draft plugin new NAME writes",
  ADDRESS_IN_USE: "choose another with --listen",
  BAD_CONFIG: "draft serve --help",
};

/** What there is in their place to type at a prompt. */
const PROMPT_HINTS: Partial<Readonly<Record<ErrorCode, string>>> = {
  BAD_REQUEST: ".help lists the operations",
  UNKNOWN_OPERATION: ".help lists them",
};

/** `error` with what to do next, unless its message says so already. */
export function hintFor(error: DraftError, isAtPrompt: boolean = false): DraftError {
  const hint = (isAtPrompt ? PROMPT_HINTS[error.code] : undefined) ?? HINTS[error.code];
  if (hint === undefined || /draft [a-z]|\?$|\.help|\s-c\b|\s--[a-z]/.test(error.message)) return error;
  const unknown = error.outcome === "unknown" ? "; it may have been done, read before you repeat it" : "";
  return new DraftError(error.code, `${error.message}${unknown}: ${hint}`, {
    outcome: error.outcome,
    leader: error.leader,
    cause: error,
  });
}
