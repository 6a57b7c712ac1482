"use strict";

// Shows the project's OpenAPI document and lets requests be tried. The token lives in this
// closure alone: it is in no storage and in no address, and leaves with the page.
(() => {
  const byId = (id) => document.getElementById(id);
  let token = "";

  const call = async (path, options = {}) => {
    const headers = { ...options.headers };
    if (token) headers.Authorization = `Bearer ${token}`;
    const answer = await fetch(path, { ...options, headers, credentials: "omit" });
    const body = await answer.json();
    if (!answer.ok) throw new Error(body.error?.message ?? `Status ${answer.status}`);
    return body;
  };

  const show = async () => {
    const spec = await call("specs/oas");
    document.title = `${spec.info.title}: API`;
    // Addresses in the document are relative to it, not to this page.
    for (const server of spec.servers) server.url = new URL(server.url, location.href).href;
    // A place of its own for each document: Swagger UI does not leave one it has taken.
    const place = document.createElement("div");
    byId("ui").replaceChildren(place);
    const ui = SwaggerUIBundle({
      spec,
      domNode: place,
      deepLinking: true,
      docExpansion: "none",
      validatorUrl: null,
      persistAuthorization: false,
      onComplete: () => token && ui.preauthorizeApiKey("bearer", token),
    });
    const signedIn = token !== "";
    byId("sign-in").hidden = signedIn;
    byId("with-token").hidden = signedIn;
    byId("sign-out").hidden = !signedIn;
  };

  const attempt = async (work) => {
    byId("trouble").textContent = "";
    try {
      await work();
    } catch (error) {
      byId("trouble").textContent = error.message;
    }
  };

  const onSubmit = (id, work) =>
    byId(id).addEventListener("submit", (event) => {
      event.preventDefault();
      const given = Object.fromEntries(new FormData(event.target));
      event.target.reset();
      attempt(() => work(given));
    });

  onSubmit("sign-in", async ({ email, password, otp }) => {
    const body = JSON.stringify({ email, password, ...(otp && { otp }) });
    const headers = { "Content-Type": "application/json" };
    const answer = await call("auth/authenticate", { method: "POST", headers, body });
    token = answer.data.token;
    await show();
  });
  onSubmit("with-token", async (given) => {
    token = given.token;
    await show();
  });
  onSubmit("sign-out", async () => {
    token = "";
    await show();
  });
  attempt(show);
})();
