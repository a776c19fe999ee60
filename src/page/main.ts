/** The page of a node: what runs in the browser begins here. */
import { render } from "preact";
import { Api } from "./api.ts";
import { h } from "./element.ts";
import { Live } from "./live.ts";
import { applyTheme, savedTheme } from "./theme.ts";
import { App } from "./views/app.ts";

const root = document.getElementById("page");
if (root === null) throw new Error("the page has no place to be shown in");
applyTheme(savedTheme());
const api = new Api();
const live = new Live(api);
root.replaceChildren();
render(h(App, { api, live }), root);
live.start();
