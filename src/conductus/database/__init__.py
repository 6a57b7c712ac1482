"""Drivers, pools, transactions, dialect facts, introspection, DDL. The only door to SQL."""
