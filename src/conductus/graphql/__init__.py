"""GraphQL over the same queries, permissions and writer as REST. graphql-core comes late."""
