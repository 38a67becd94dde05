"""What every feature needs, knowing no feature: bus, hooks, plugins, clock, tasks, telemetry, readers."""
