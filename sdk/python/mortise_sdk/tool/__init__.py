"""The tools of the kit: types from `plugin.json`, the build, the tests. Never part of a component."""
