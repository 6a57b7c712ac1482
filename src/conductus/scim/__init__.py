"""SCIM 2.0 (RFC 7643, RFC 7644, RFC 9865): identity providers keep users and groups.

Users are rows of `directus_users`, groups those of `directus_roles`; they are read and
written as any item is. Endpoints stand in `endpoints/scim.py`. scim2-models, which reads
filters and paths, is imported by `grammar` alone, when the first of them comes.
"""
