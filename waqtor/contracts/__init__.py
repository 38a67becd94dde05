"""Pure data that crosses boundaries: ids, messages, events, commands, rules, the wire. Imports pydantic and stdlib."""
