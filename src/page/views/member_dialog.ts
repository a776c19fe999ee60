/** A change of the members, or of who leads: what it would mean first, and only then a button that does it. */
import { h, type VNode } from "../element.ts";
import { useEffect, useState } from "preact/hooks";
import { decidersText, lengthText, mayFailText, rehearsalNotes } from "../../gateway/rehearsal_words.ts";
import type { MemberRehearsal, RehearsedStep } from "../../net/member_rehearsal.ts";
import type { Api, Asked } from "../api.ts";
import { Dialog, Failure, Labelled } from "./parts.ts";
import { type Task, useTask } from "./use.ts";

/** What is asked for. */
export type MemberAction =
  | { readonly kind: "transfer" | "remove" | "promote" | "demote"; readonly id: string }
  | { readonly kind: "add" };

interface MemberDialogProps {
  readonly api: Api;
  readonly action: MemberAction;
  /** Who leads now, if anybody does. */
  readonly leaderId: string | null;
  readonly onClose: () => void;
  /** It was done; in words. */
  readonly onDone: (words: string) => void;
}

/** A request, how it is called, and what is said once it is done. */
interface Plan {
  readonly title: string;
  readonly verb: string;
  readonly done: string;
  readonly path: string;
  readonly asked: Asked;
}

/** A newcomer is dialled, and asked who it is, before anything is answered. */
const CHANGE_TIMEOUT_MS = 25_000;

export function MemberDialog(props: MemberDialogProps): VNode {
  const { action } = props;
  if (action.kind === "add") return h(AddDialog, props);
  if (action.kind === "transfer") return h(TransferDialog, { ...props, id: action.id });
  return h(ChangeDialog, { ...props, plan: planOf(action.kind, action.id) });
}

function planOf(kind: "remove" | "promote" | "demote", id: string): Plan {
  const path = `/v1/members/${encodeURIComponent(id)}`;
  switch (kind) {
    case "remove": return { title: `Remove ${id}`, verb: `Remove ${id}`, done: `${id} is being removed`, path, asked: { method: "DELETE" } };
    case "promote": return { title: `Promote ${id} to voter`, verb: `Promote ${id}`, done: `${id} becomes a voter once it has caught up`, path: `${path}/promote`, asked: { method: "POST" } };
    case "demote": return { title: `Demote ${id} to learner`, verb: `Demote ${id}`, done: `${id} becomes a learner`, path: `${path}/demote`, asked: { method: "POST" } };
  }
}

/** What it would mean, as the leader tried it out, and the button. */
function ChangeDialog({ api, plan, onClose, onDone }: MemberDialogProps & { readonly plan: Plan }): VNode {
  const [rehearsal, setRehearsal] = useState<MemberRehearsal | null>(null);
  const asking = useTask();
  const doing = useTask();
  useEffect(() => asking.run(async () => setRehearsal(await rehearsed(api, plan))), []);
  const change = (): void => doing.run(async () => {
    await api.json(plan.path, { ...plan.asked, timeoutMs: CHANGE_TIMEOUT_MS });
    onDone(plan.done);
  });
  return h(Dialog, { title: plan.title, onClose },
    rehearsal === null && asking.failure === "" && h("p", { role: "status" }, "The leader tries it out on a copy of its state…"),
    rehearsal !== null && h(Rehearsed, { rehearsal }),
    h(Failure, { text: asking.failure }), h(Failure, { text: doing.failure }),
    h(Answers, { verb: plan.verb, task: doing, isReady: rehearsal?.changed === true, onClose, onDo: change }),
  );
}

async function rehearsed(api: Api, { path, asked }: Plan): Promise<MemberRehearsal> {
  const { result } = await api.json<{ result: MemberRehearsal }>(`${path}?dry_run=true`, { ...asked, timeoutMs: CHANGE_TIMEOUT_MS });
  return result;
}

function Rehearsed({ rehearsal }: { readonly rehearsal: MemberRehearsal }): VNode {
  const { now, steps, changed } = rehearsal;
  if (!changed) return h("p", { role: "status" }, "It is so already: there is nothing to change.");
  const last = steps.at(-1) ?? now;
  return h("div", { role: "status" },
    h("p", { class: "lead" }, `Quorum now ${decidersText(now)}; afterwards ${decidersText(last)}.`),
    h("div", { class: "scroll", tabIndex: 0 }, h("table", null,
      h("caption", { class: "unseen" }, "The steps of this change"),
      h("thead", null, h("tr", null, ["Step", "Who decides", "Learn", "May fail", "For about"].map((name) => h("th", { scope: "col", key: name }, name)))),
      h("tbody", null, [now, ...steps].map((step, at) => h(StepRow, { key: at, name: at === 0 ? "now" : String(at), step }))),
    )),
    h("ul", { class: "notes" }, rehearsalNotes(rehearsal).map((note) => h("li", { key: note }, note))),
  );
}

function StepRow({ name, step }: { readonly name: string; readonly step: RehearsedStep }): VNode {
  const { learners, aboutMs } = step;
  return h("tr", null, h("th", { scope: "row" }, name),
    [decidersText(step), learners.join(" ") || "–", mayFailText(step), aboutMs === null ? "–" : lengthText(aboutMs)].map((text, at) => h("td", { key: at }, text)));
}

function AddDialog(props: MemberDialogProps): VNode {
  const { onClose } = props;
  const [id, setId] = useState("");
  const [address, setAddress] = useState("");
  const [role, setRole] = useState("voter");
  const [plan, setPlan] = useState<Plan | null>(null);
  if (plan !== null) return h(ChangeDialog, { ...props, plan });
  const go = (event: Event): void => {
    event.preventDefault();
    setPlan({
      title: `Add ${id}`, verb: `Add ${id}`, done: `${id} joins as a learner${role === "learner" ? "" : `, and becomes a ${role} once it has caught up`}`,
      path: "/v1/members", asked: { method: "POST", json: { add: [`${id}@${address}`], role } },
    });
  };
  return h(Dialog, { title: "Add a member", onClose },
    h("form", { onSubmit: go },
      h("p", null, "The node has to run already, on an empty directory: ", h("code", null, `draft serve --id ${id || "ID"} --listen ${address || "HOST:PORT"}`)),
      h(Labelled, { label: "Id" }, h("input", { name: "id", required: true, pattern: "[a-z0-9._\\-]{1,64}", title: "1 to 64 of a-z 0-9 . _ -", value: id, autocomplete: "off", spellcheck: false, onInput: (event) => setId(event.currentTarget.value) })),
      h(Labelled, { label: "Address", hint: "host:port" }, h("input", { name: "address", required: true, value: address, autocomplete: "off", spellcheck: false, onInput: (event) => setAddress(event.currentTarget.value) })),
      h("fieldset", { class: "choices" }, h("legend", null, "Role"),
        ([["voter", "voter: keeps the data and decides"], ["learner", "learner: keeps the data only"], ["witness", "witness: decides, keeps no data"]] as const).map(([value, words]) =>
          h("label", { key: value }, h("input", { type: "radio", name: "role", value, checked: role === value, onChange: () => setRole(value) }), ` ${words}`))),
      h("div", { class: "answers" }, h("button", { type: "button", class: "quiet", onClick: onClose }, "Cancel"), h("button", { type: "submit" }, "See what it means")),
    ),
  );
}

function TransferDialog({ api, id, leaderId, onClose, onDone }: MemberDialogProps & { readonly id: string }): VNode {
  const doing = useTask();
  const transfer = (): void => doing.run(async () => {
    await api.json("/v1/transfer", { method: "POST", json: { to: id }, timeoutMs: CHANGE_TIMEOUT_MS });
    onDone(`${id} leads`);
  });
  return h(Dialog, { title: `Make ${id} the leader`, onClose },
    h("p", { class: "lead" }, `${leaderId ?? "Nobody"} leads now. ${id} catches up, and then takes over.`),
    h("p", null, "Writes wait meanwhile, for an election timeout at most. If it comes to nothing, whoever leads now goes on. Who decides stays as it is."),
    h(Failure, { text: doing.failure }),
    h(Answers, { verb: `Make ${id} the leader`, task: doing, isReady: true, onClose, onDo: transfer }),
  );
}

function Answers({ verb, task, isReady, onClose, onDo }: { readonly verb: string; readonly task: Task; readonly isReady: boolean; readonly onClose: () => void; readonly onDo: () => void }): VNode {
  return h("div", { class: "answers" },
    h("button", { type: "button", class: "quiet", onClick: onClose }, isReady ? "Cancel" : "Close"),
    isReady && h("button", { type: "button", disabled: task.isBusy, onClick: onDo }, task.isBusy ? "Working…" : verb),
  );
}
