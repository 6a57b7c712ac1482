// A whole session of the published JavaScript client, one JSON line for each step.
//
// Usage: node session.cjs URL PROJECT EMAIL PASSWORD
//
// A line is {"step", "gave"} with what the client's call returned, or {"step", "failed"}
// with the code and the message that the client made of an error. A step that nobody
// expected to fail does not end the session: the tests look at every line.
"use strict";

const { SDK } = require("@directus/sdk-js");

const [url, project, email, password] = process.argv.slice(2);

// The client rejects the promise that a refused login gave, and another one that nobody holds.
process.on("unhandledRejection", (error) => {
  if (error.url !== "/auth/authenticate") throw error;
});

async function step(name, call) {
  let line;
  try {
    const gave = await call();
    line = { step: name, gave: gave === undefined ? null : gave };
  } catch (error) {
    line = { step: name, failed: { code: error.code, message: error.message } };
  }
  process.stdout.write(`${JSON.stringify(line)}\n`);
  return line.gave && line.gave.data !== undefined ? line.gave.data : line.gave;
}

// What a browser does for a page of the server's own origin, which node does not: it keeps
// cookies and says where a request comes from.
function inBrowser(client) {
  const jar = new Map();
  client.api.xhr.interceptors.request.use((request) => {
    request.headers["Origin"] = new URL(url).origin;
    request.headers["Sec-Fetch-Site"] = "same-origin";
    if (request.withCredentials && jar.size > 0) {
      request.headers["Cookie"] = [...jar].map((pair) => pair.join("=")).join("; ");
    }
    return request;
  });
  client.api.xhr.interceptors.response.use((response) => {
    for (const line of response.headers["set-cookie"] || []) {
      const [, name, value] = line.match(/^([^=]+)=([^;]*)/);
      const expires = line.match(/expires=([^;]+)/i);
      if (expires && new Date(expires[1]) <= new Date()) jar.delete(name);
      else jar.set(name, value);
    }
    return response;
  });
  return client;
}

const key = {
  field: "id", type: "integer", datatype: "INT", length: 11,
  primary_key: true, auto_increment: true, interface: "primary-key",
};
const text = (field, more) => ({
  field, type: "string", datatype: "VARCHAR", length: 200, interface: "text-input", ...more,
});
const link = (field, type = "m2o") => ({ field, type, datatype: "INT", interface: "many-to-one" });
const list = (field, type = "o2m") => ({ field, type, interface: "one-to-many" });
const status_mapping = {
  published: { name: "Published", published: true, soft_delete: false },
  draft: { name: "Draft", published: false, soft_delete: false },
  deleted: { name: "Deleted", published: false, soft_delete: true },
};

async function schema(sdk) {
  const collections = {
    authors: [key, text("name"), list("articles")],
    texts: [key, link("article"), text("lang", { type: "lang" }), text("title")],
    articles: [
      key, text("status", { type: "status", options: { status_mapping } }), text("title"),
      { field: "views", type: "integer", datatype: "INT", interface: "numeric" },
      link("owner", "owner"), link("author"), list("texts", "translation"),
    ],
  };
  for (const [collection, fields] of Object.entries(collections)) {
    await step(`createCollection ${collection}`, () => sdk.createCollection({ collection, fields }));
  }
  const relation = (collection_many, field_many, collection_one, field_one) =>
    step(`createRelation ${field_many}`, () =>
      sdk.createRelation({ collection_many, field_many, collection_one, field_one }));
  await relation("articles", "author", "authors", "articles");
  await relation("texts", "article", "articles", "texts");
  await step("createField", () => sdk.createField("authors", text("mail")));
  await step("updateField", () => sdk.updateField("authors", "mail", { note: "Where to write" }));
  await step("getField", () => sdk.getField("authors", "mail"));
  await step("deleteField", () => sdk.deleteField("authors", "mail"));
  await step("getFields", () => sdk.getFields("authors"));
  await step("getAllFields", () => sdk.getAllFields({ limit: -1 }));
  await step("updateCollection", () => sdk.updateCollection("authors", { note: "Who writes" }));
  await step("getCollection", () => sdk.getCollection("authors"));
  await step("getCollections", () => sdk.getCollections());
  await step("getRelations", () => sdk.getRelations());
  await step("getCollectionRelations", () => sdk.getCollectionRelations("articles"));
}

async function items(sdk) {
  await step("createItem", () => sdk.createItem("authors", { name: "Ada" }));
  await step("createItems", () => sdk.createItems("articles", [
    { status: "published", title: "One", views: 10, author: 1 },
    { status: "published", title: "Two", views: 20, author: 1 },
    { status: "draft", title: "Three", views: 30 },
    { status: "deleted", title: "Four", views: 40 },
  ]));
  await step("createItem nested", () => sdk.createItem("articles", {
    status: "published", title: "Five", views: 50, author: { name: "Bob" },
    texts: [{ lang: "en", title: "Five" }, { lang: "nl", title: "Vijf" }],
  }));
  const read = (name, query) =>
    step(`getItems ${name}`, () => sdk.getItems("articles", { fields: ["id"], sort: "id", ...query }));
  await step("getItems plain", () => sdk.getItems("articles"));
  await read("fields", { fields: ["title", "author.name", "texts.lang"] });
  await read("fields as text", { fields: "id,author.*" });
  await read("filter", { filter: { views: { gte: 20 }, title: { neq: "Two" } } });
  await read("filter by a relation", { filter: { "author.name": { eq: "Ada" } } });
  await read("filter by a list", { filter: { id: { in: [1, 5] } } });
  await read("filter by either", {
    filter: { id: { eq: 1 }, title: { eq: "Two", logical: "or" } },
  });
  await read("sort", { sort: "-views" });
  await read("sort by two", { sort: ["status", "-id"] });
  await read("limit", { limit: 2 });
  await read("offset", { limit: 2, offset: 1 });
  await read("page", { limit: 2, page: 2 });
  await read("meta", { limit: 1, meta: "*" });
  await read("meta by name", { meta: ["total_count", "filter_count"], filter: { id: { lt: 3 } } });
  await read("q", { q: "wo" });
  await read("status", { status: "draft" });
  await read("status, several", { status: ["draft", "deleted"] });
  await read("status, any", { status: "*" });
  await read("single", { single: true, sort: "-id" });
  const five = (name, lang) =>
    step(`getItem ${name}`, () => sdk.getItem("articles", 5, { fields: "texts.title", lang }));
  await five("lang", "nl");
  await five("lang, several", ["nl", "en"]);
  await step("getItem", () => sdk.getItem("articles", 5, { fields: ["title", "author.name"] }));
  await step("getItem several", () => sdk.getItem("articles", [1, 2], { fields: ["title"] }));
  await step("getItem of none", () => sdk.getItem("articles", 99));
  await step("getItems of an unknown field", () => sdk.getItems("articles", { fields: "nope" }));
  await step("updateItem", () =>
    sdk.updateItem("articles", 1, { title: "First", author: { id: 1, name: "Ada L." } },
      { fields: ["title", "author.name"] }));
  await step("updateItems", () =>
    sdk.updateItems("articles", [{ id: 1, views: 11 }, { id: 2, views: 21 }], { fields: "id,views" }));
  await step("updateItem nested", () =>
    sdk.updateItem("articles", 5,
      { texts: [{ id: 1, title: "Number five" }, { id: 2, $delete: true }, { lang: "fr", title: "Cinq" }] },
      { fields: "texts.lang,texts.title" }));
  await step("deleteItem", () => sdk.deleteItem("articles", 3));
  await step("deleteItems", () => sdk.deleteItems("articles", [2, 4]));
  await read("what is left", { status: "*" });
}

async function history(sdk) {
  await step("getItemRevisions", () => sdk.getItemRevisions("articles", 1, { sort: "id" }));
  await step("revert", async () => {
    const { data } = await sdk.getItemRevisions("articles", 1, { sort: "id" });
    return sdk.revert("articles", 1, data[0].id);
  });
  await step("getItem reverted", () => sdk.getItem("articles", 1, { fields: "title,views" }));
  await step("getActivity", () => sdk.getActivity({
    filter: { collection: { eq: "articles" }, item: { eq: 1 } }, fields: "action,item", sort: "id",
  }));
  // The client has no method for comments: its general door is what there is.
  const made = await step("comment", () => sdk.api.post("/activity/comment", {
    collection: "articles", item: 1, comment: "Well done",
  }));
  const path = `/activity/comment/${made && made.id}`;
  await step("comment edited", () => sdk.api.patch(path, { comment: "Better" }));
  await step("comments", () => sdk.getActivity({
    filter: { action: { eq: "comment" } }, fields: "comment,item,action_by",
  }));
  await step("comment withdrawn", () => sdk.api.delete(path));
}

async function people(sdk) {
  await step("getMe", () => sdk.getMe({ fields: ["id", "email", "role.id", "role.name"] }));
  const role = await step("createRole", () => sdk.createRole({ name: "Writers" }));
  await step("updateRole", () => sdk.updateRole(role.id, { description: "Who write" }));
  await step("getRole", () => sdk.getRole(role.id));
  await step("getRoles", () => sdk.getRoles({ fields: "name", sort: "id" }));
  const user = await step("createUser", () => sdk.createUser({
    first_name: "Wren", last_name: "Writer", email: "wren@example.com", password,
    status: "active", role: role.id,
  }));
  await step("updateUser", () => sdk.updateUser(user.id, { title: "Writer" }));
  await step("getUser", () => sdk.getUser(user.id, { fields: "email,title,role.name" }));
  await step("getUsers", () => sdk.getUsers({ fields: "email", sort: "id" }));
  const rows = await step("createPermissions", () => sdk.createPermissions([
    { role: role.id, collection: "articles", status: "published", read: "full" },
    { role: role.id, collection: "articles", status: "draft",
      create: "full", read: "mine", update: "mine" },
    { role: role.id, collection: "articles", status: "$create", create: "full" },
    { role: role.id, collection: "authors", read: "full" },
  ]));
  await step("updatePermissions", () => sdk.updatePermissions(
    rows.filter((row) => row.collection === "authors" || row.status === "draft").map((row) => (
      row.status === "draft" ? { id: row.id, delete: "mine" }
        : { id: row.id, read_field_blacklist: ["articles"] }))));
  await step("getPermissions", () => sdk.getPermissions({ filter: { role: { eq: role.id } } }));
  await step("getMyPermissions", () => sdk.getMyPermissions());
}

async function presets(sdk) {
  const preset = await step("createCollectionPreset", () => sdk.createCollectionPreset({
    collection: "articles", title: "Mine", user: 1, view_type: "tabular",
  }));
  await step("createCollectionPreset without a title", () => sdk.createCollectionPreset({
    collection: "articles", user: 1, view_type: "cards", view_options: { cards: { title: "title" } },
  }));
  await step("updateCollectionPreset", () =>
    sdk.updateCollectionPreset(preset.id, { title: "Ours" }));
  await step("getCollectionPresets", () => sdk.getCollectionPresets());
  await step("getMyBookmarks", () => sdk.getMyBookmarks());
  await step("getMyListingPreferences", () => sdk.getMyListingPreferences("articles"));
  await step("deleteCollectionPreset", () => sdk.deleteCollectionPreset(preset.id));
}

async function about(sdk) {
  await step("getSettings", () => sdk.getSettings());
  await step("getSettingsFields", () => sdk.getSettingsFields());
  await step("projectInfo", () => sdk.projectInfo());
  await step("ping", () => sdk.ping());
  await step("getThirdPartyAuthProviders", () => sdk.getThirdPartyAuthProviders());
}

async function byToken() {
  const sdk = new SDK({ url, project, mode: "jwt" });
  await step("isLoggedIn before", () => sdk.isLoggedIn());
  await step("getMe before", () => sdk.getMe());
  await step("login, wrong password", () => sdk.login({ email, password: "wrong" }));
  await step("login", () => sdk.login({ email, password }));
  await step("isLoggedIn", () => sdk.isLoggedIn());
  await step("refresh", async () => {
    const { data } = await sdk.refresh(sdk.config.token);
    return new SDK({ url, project, token: data.token }).getMe({ fields: "email" });
  });
  await step("refreshIfNeeded", async () => {
    // Nearly over, as far as the client can tell; what it answers is whether it got a new one.
    sdk.config.localExp = Date.now() + 1000;
    const renewed = await sdk.refreshIfNeeded();
    return { renewed, me: await sdk.getMe({ fields: "email" }) };
  });
  await schema(sdk);
  await items(sdk);
  await history(sdk);
  await people(sdk);
  await presets(sdk);
  await about(sdk);
  await step("logout", () => sdk.logout());
  await step("isLoggedIn after", () => sdk.isLoggedIn());
  await step("getMe after", () => sdk.getMe());
}

async function byCookie() {
  const sdk = inBrowser(new SDK({ url, project, mode: "cookie" }));
  await step("cookie: getMe before", () => sdk.getMe());
  await step("cookie: login", () => sdk.login({ email, password }));
  await step("cookie: has no token", () => sdk.config.token || null);
  await step("cookie: isLoggedIn", () => sdk.isLoggedIn());
  await step("cookie: getMe", () => sdk.getMe({ fields: "email" }));
  await step("cookie: createItem", () => sdk.createItem("authors", { name: "Cem" }));
  await step("cookie: getItems", () =>
    sdk.getItems("authors", { fields: "name", filter: { name: { eq: "Cem" } } }));
  await step("cookie: logout", () => sdk.logout());
  await step("cookie: getMe after", () => sdk.getMe());
}

async function asWriter() {
  const sdk = new SDK({ url, project, mode: "jwt" });
  await step("writer: login", () => sdk.login({ email: "wren@example.com", password }));
  await step("writer: getMe", () => sdk.getMe({ fields: "email,role.name" }));
  await step("writer: getMyPermissions", () => sdk.getMyPermissions());
  await step("writer: getItems", () => sdk.getItems("articles", { fields: "title", sort: "id" }));
  await step("writer: getItems with a hidden field", () =>
    sdk.getItems("authors", { fields: "name,articles" }));
  await step("writer: getItems elsewhere", () => sdk.getItems("texts"));
  const own = await step("writer: createItem", () =>
    sdk.createItem("articles", { status: "draft", title: "Own" }, { fields: "title" }));
  await step("writer: updateItem", () =>
    sdk.updateItem("articles", own && own.id, { title: "My own" }, { fields: "title,owner" }));
  await step("writer: updateItem of others", () => sdk.updateItem("articles", 1, { title: "x" }));
  await step("writer: createItem elsewhere", () => sdk.createItem("authors", { name: "x" }));
  await step("writer: createPermissions", () =>
    sdk.createPermissions([{ role: 3, collection: "authors", create: "full" }]));
  await step("writer: getMyListingPreferences", () => sdk.getMyListingPreferences("articles"));
  await step("writer: deleteItem", () => sdk.deleteItem("articles", own && own.id));
  await step("writer: logout", () => sdk.logout());
}

async function session() {
  await byToken();
  await byCookie();
  await asWriter();
}

// Said aloud, as a client that is signed in goes on looking after its token for ever.
session().then(() => process.exit(0), (error) => {
  process.stderr.write(`${error.stack}\n`);
  process.exit(1);
});
