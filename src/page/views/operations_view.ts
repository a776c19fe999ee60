/** The operations of whatever machine runs: each as a form, with what it answered. */
import { h, type VNode } from "../element.ts";
import { useEffect, useState } from "preact/hooks";
import { base64Of } from "../../base/json_value.ts";
import type { Word } from "../../base/quoting.ts";
import type { OperationInfo } from "../../net/client_answers.ts";
import type { Api } from "../api.ts";
import { argumentsOf, type Field, fieldsOf, OPTIONS, optionsHint, type Values } from "../fields.ts";
import { countText } from "../words.ts";
import { Failure, Labelled, View } from "./parts.ts";
import { useTask } from "./use.ts";

/** Answers that are kept on the page. */
const RUNS_MAX = 20;

/** One operation that was run. */
interface Run {
  readonly number: number;
  readonly command: readonly Word[];
  readonly result: unknown;
  readonly index: number;
}

export function OperationsView({ api }: { readonly api: Api }): VNode {
  const [operations, setOperations] = useState<readonly OperationInfo[] | null>(null);
  const [wanted, setWanted] = useState("");
  const [name, setName] = useState<string | null>(null);
  const [runs, setRuns] = useState<readonly Run[]>([]);
  const loading = useTask();
  useEffect(() => loading.run(async () => setOperations((await api.json<{ operations: OperationInfo[] }>("/v1/operations")).operations)), []);
  const shown = (operations ?? []).filter((each) => `${each.name} ${each.summary}`.toLowerCase().includes(wanted.toLowerCase()));
  const chosen = operations?.find((each) => each.name === name) ?? null;
  const add = (run: Omit<Run, "number">): void => setRuns((before) => [{ ...run, number: (before[0]?.number ?? 0) + 1 }, ...before].slice(0, RUNS_MAX));
  return h(View, { title: "Operations" },
    h("div", { class: "toolbar" }, h("label", { class: "search" }, h("span", { class: "unseen" }, "Find an operation"),
      h("input", { type: "search", placeholder: "Find an operation", value: wanted, onInput: (event) => setWanted(event.currentTarget.value) }))),
    h(Failure, { text: loading.failure }),
    h("div", { class: `split split-operations${chosen === null ? "" : " split-chosen"}` },
      h("ul", { class: "keys split-list" }, shown.map((each) => h("li", { key: each.name }, h("button", { "type": "button", "class": "key", "aria-current": each.name === name ? "true" : undefined, "onClick": () => setName(each.name) },
        h("span", { class: "key-name" }, each.name), h("span", { class: "key-facts" }, each.kind), h("span", { class: "key-value" }, each.summary))))),
      h("div", { class: "split-pane" },
        chosen === null ? h("p", { class: "empty" }, "Choose an operation.") : h(OperationForm, { key: chosen.name, api, operation: chosen, onRun: add, onClose: () => setName(null) }),
        h("ol", { class: "runs", "aria-live": "polite", "aria-label": "Answers, the newest first" }, runs.map((run) => h("li", { key: run.number },
          h("p", { class: "facts" }, h("code", null, run.command.map(shownWord).join(" ")), ` at index ${countText(run.index)}`),
          h("pre", { class: "value", tabIndex: 0 }, JSON.stringify(run.result, null, 2))))),
      ),
    ),
  );
}

interface FormProps {
  readonly api: Api;
  readonly operation: OperationInfo;
  readonly onRun: (run: Omit<Run, "number">) => void;
  readonly onClose: () => void;
}

function OperationForm({ api, operation, onRun, onClose }: FormProps): VNode {
  const { name, kind, args, summary } = operation;
  const [values, setValues] = useState<Values>({});
  const running = useTask();
  const fields = fieldsOf(args);
  const run = (event: Event): void => {
    event.preventDefault();
    running.run(async () => {
      const command = [name, ...argumentsOf(fields, values)];
      // What the browser or a proxy sends again by itself is done once.
      const headers: Record<string, string> = kind === "write" ? { "idempotency-key": crypto.randomUUID() } : {};
      const { result, index } = await api.json<{ result: unknown; index: number }>("/v1/run", { method: "POST", headers, json: { command: command.map(jsonWord) } });
      onRun({ command, result, index });
    });
  };
  return h("form", { onSubmit: run, class: "operation" },
    h("div", { class: "pane-head" }, h("h2", null, name, " ", h("small", null, kind === "write" ? "writes" : "only reads")), h("button", { type: "button", class: "quiet", onClick: onClose }, "Close")),
    h("p", null, summary),
    fields.map((field) => h(FieldInput, { key: field.name, field, hint: field.name === OPTIONS ? optionsHint(args) : "", value: values[field.name] ?? "", onValue: (value) => setValues((before) => ({ ...before, [field.name]: value })) })),
    h(Failure, { text: running.failure }),
    h("div", { class: "answers" }, h("button", { type: "submit", disabled: running.isBusy }, running.isBusy ? "Running…" : `Run ${name}`)),
  );
}

function FieldInput({ field, hint, value, onValue }: { readonly field: Field; readonly hint: string; readonly value: string; readonly onValue: (value: string) => void }): VNode | null {
  const { name, kind, required } = field;
  if (kind === "literal") return h("p", { class: "literal" }, h("code", null, name));
  const common = { name, value, spellcheck: false, autocomplete: "off" };
  if (kind === "many") {
    return h(Labelled, { label: name, hint: `one a line${required ? "" : ", may be left out"}` }, h("textarea", { ...common, required, rows: 3, onInput: (event) => onValue(event.currentTarget.value) }));
  }
  const note = kind === "line" ? `${hint}, quoted as in the prompt` : required ? undefined : "may be left out";
  return h(Labelled, { label: name, ...(note === undefined ? {} : { hint: note }) }, h("input", { ...common, onInput: (event) => onValue(event.currentTarget.value) }));
}

function jsonWord(word: Word): unknown {
  return typeof word === "string" ? word : { base64: base64Of(word) };
}

function shownWord(word: Word): string {
  return typeof word === "string" && /^[^\s"']+$/.test(word) ? word : JSON.stringify(jsonWord(word));
}
