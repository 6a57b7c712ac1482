// GraphiQL for the project whose `gql` this page is. The token lives in this module alone:
// it is in no storage and in no address, and leaves with the page.
import { GraphiQL } from "graphiql";
import "graphiql/style.css";
import { createElement } from "react";
import { createRoot } from "react-dom/client";

const byId = (id) => document.getElementById(id);
const root = createRoot(byId("ui"));
// Their addresses hold their digests, so the page says them.
const workers = { ...byId("ui").dataset };
globalThis.MonacoEnvironment = {
  getWorker: (_, label) => new Worker(workers[label] ?? workers.editor),
};
let token = "";

const call = async (path, body, more = {}) => {
  const headers = { ...more, "Content-Type": "application/json" };
  if (token && !headers.Authorization) headers.Authorization = `Bearer ${token}`;
  const options = { method: "POST", headers, body: JSON.stringify(body) };
  return (await fetch(path, { ...options, credentials: "same-origin" })).json();
};

// What somebody may ask hangs on who it is: a new asker gets a new console.
const show = () => {
  const fetcher = (asked, options) => call("gql", asked, options?.headers);
  root.render(createElement(GraphiQL, { key: token, fetcher }));
  for (const id of ["sign-in", "with-token"]) byId(id).hidden = token !== "";
  byId("sign-out").hidden = token === "";
};

const onSubmit = (id, work) =>
  byId(id).addEventListener("submit", async (event) => {
    event.preventDefault();
    const given = Object.fromEntries(new FormData(event.target));
    event.target.reset();
    byId("trouble").textContent = "";
    try {
      token = await work(given);
      show();
    } catch (error) {
      byId("trouble").textContent = error.message;
    }
  });

onSubmit("sign-in", async ({ email, password, otp }) => {
  const answer = await call("auth/authenticate", { email, password, ...(otp && { otp }) });
  if (answer.error) throw new Error(answer.error.message);
  return answer.data.token;
});
onSubmit("with-token", async (given) => given.token);
onSubmit("sign-out", async () => "");
show();
