/** The page at `/`: one document for every node, which holds nothing of the cluster until it has asked for it. */
import { COMMON_HEADERS, type HttpAnswer } from "./message.ts";
import { PAGE_HTML, PAGE_POLICY } from "./page_asset.ts";
import type { Route } from "./route.ts";

/** The document, with what a browser is to forbid it. */
export function pageAnswer(): HttpAnswer {
  return {
    status: 200,
    headers: {
      ...COMMON_HEADERS,
      "content-type": "text/html; charset=utf-8",
      "content-security-policy": PAGE_POLICY,
      "cross-origin-opener-policy": "same-origin",
      "cross-origin-resource-policy": "same-origin",
      "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
      "referrer-policy": "no-referrer",
    },
    body: PAGE_HTML,
  };
}

/** Not in openapi.json: it is for people. */
export const PAGE_ROUTE: Route = {
  method: "GET", path: "/", id: "page", summary: "a page for people", role: null,
  query: [],
  answer: { description: "the page" },
  codes: [],
  run: () => Promise.resolve(pageAnswer()),
};
