/** All properties of a run. */
import type { Property } from "../property.ts";
import { AckedDurable } from "./acked_durable.ts";
import { AppendOnly } from "./append_only.ts";
import { Applying } from "./applying.ts";
import { ChangeAnswers } from "./change_answers.ts";
import { ClusterModel } from "./cluster_model.ts";
import { Committed } from "./committed.ts";
import { Configurations } from "./configurations.ts";
import { DurableFirst } from "./durable_first.ts";
import { EqualStates } from "./equal_states.ts";
import { ExactlyOnce } from "./exactly_once.ts";
import { Expiry } from "./expiry.ts";
import { Identities } from "./identities.ts";
import { IndexOracle } from "./index_oracle.ts";
import { LeaderCompleteness } from "./leader_completeness.ts";
import { Learners } from "./learners.ts";
import { Lease } from "./lease.ts";
import { Linearizability } from "./linearizability.ts";
import { LogMatching } from "./log_matching.ts";
import { LogTime, type TrueTime } from "./log_time.ts";
import { Matches } from "./matches.ts";
import { Monotonic } from "./monotonic.ts";
import { OneChange } from "./one_change.ts";
import { OneLeader } from "./one_leader.ts";
import { Queues } from "./queues.ts";
import { refinementProperty } from "../refinement/refinement.ts";
import { ReadIndex } from "./read_index.ts";
import { RealTime } from "./real_time.ts";
import { RemovedLeaders } from "./removed_leaders.ts";
import { SealedPayloads } from "./sealed_payloads.ts";
import { Terms } from "./terms.ts";
import { Verdicts } from "./verdicts.ts";
import { Versions } from "./versions.ts";
import { Votes } from "./votes.ts";
import { Watches } from "./watches.ts";
import { Witnesses } from "./witnesses.ts";

/** What is known of a run. */
export interface PropertyOptions {
  /** The true time, if the run has clocks that may be wrong. */
  readonly trueTime?: TrueTime;
  /** Whether machines keep their state on disk. */
  readonly engines?: boolean;
}

/** Every property, new for one run. They share a model of the cluster: each must hear of every event, in this order. */
export function allProperties(options: PropertyOptions = {}): Property[] {
  const model = new ClusterModel();
  const committed = new Committed(model);
  const payloads = new SealedPayloads();
  const equal = new EqualStates();
  return [
    model,
    payloads,
    new Identities(),
    new OneLeader(model),
    new Votes(model),
    new Terms(model),
    new Monotonic(model),
    new AppendOnly(model),
    new LogMatching(model),
    new LeaderCompleteness(model, committed),
    committed,
    new Configurations(model, committed),
    new OneChange(model),
    new Learners(model),
    new Witnesses(),
    new RemovedLeaders(model, committed),
    new ChangeAnswers(committed),
    new Applying(model, committed),
    new DurableFirst(model, committed),
    new Matches(model),
    new Versions(),
    equal,
    new Verdicts(),
    new ExactlyOnce(committed),
    new Queues(),
    new ReadIndex(committed),
    new Lease(),
    new RealTime(),
    new LogTime(model, options.trueTime ?? null),
    new Expiry(model, committed),
    new Watches(options.engines === true),
    new AckedDurable(committed),
    // The oracle first: what it finds it can name, and a search that must fail takes long.
    new IndexOracle({ model, committed, payloads, equal }),
    new Linearizability({ model, committed, payloads }),
    refinementProperty(),
  ];
}
