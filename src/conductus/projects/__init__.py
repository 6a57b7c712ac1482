"""Projects: their registry, creation and adoption, the live project and its coherence."""
