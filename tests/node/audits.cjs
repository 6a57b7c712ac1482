// The audits of GraphQL over HTTP, one JSON line for each: {"id", "name", "status", "reason"}.
//
// Usage: node audits.cjs URL
"use strict";

const { serverAudits } = require("graphql-http");

(async () => {
  for (const audit of serverAudits({ url: process.argv[2] })) {
    const { id, name, status, reason } = await audit.fn();
    process.stdout.write(`${JSON.stringify({ id, name, status, reason })}\n`);
  }
})();
