"""Items as files: exports and imports in JSON, CSV and Parquet. Source: projects page §2."""
