"""What holds for users, roles, permission rows and presets besides what rows grant.

Pure: each guard sees a row as it was and as it is to be. Who runs them is the writer's
hook (`projects.guards`), for every way of writing: direct, nested, batch, revert.
"""
