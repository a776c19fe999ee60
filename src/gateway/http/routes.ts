/** All that can be asked over HTTP. */
import { ADMIN_ROUTES } from "./admin_routes.ts";
import { BACKUP_ROUTES } from "./backup_routes.ts";
import { CLUSTER_ROUTES } from "./cluster_routes.ts";
import { KV_ROUTES } from "./kv_routes.ts";
import { jsonAnswer } from "./message.ts";
import { openApi } from "./openapi.ts";
import { PAGE_ROUTE } from "./page_route.ts";
import type { Route } from "./route.ts";
import { RUN_ROUTES } from "./run_routes.ts";
import { STATUS_ROUTES } from "./status_routes.ts";
import { WATCH_ROUTES } from "./watch_routes.ts";

const DESCRIBED: readonly Route[] = [...KV_ROUTES, ...RUN_ROUTES, ...WATCH_ROUTES, ...STATUS_ROUTES, ...CLUSTER_ROUTES, ...ADMIN_ROUTES, ...BACKUP_ROUTES];

/** The routes of a node's port. */
export const ROUTES: readonly Route[] = [
  ...DESCRIBED,
  PAGE_ROUTE,
  {
    method: "GET", path: "/openapi.json", id: "openApi", summary: "this description",
    query: [],
    answer: { description: "OpenAPI 3.1", json: { type: "object" } },
    codes: [],
    run: ({ cluster }) => Promise.resolve(jsonAnswer(openApi(DESCRIBED, cluster.api.identity().version))),
  },
];
