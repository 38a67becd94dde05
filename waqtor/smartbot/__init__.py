"""The matching pipeline and everything around its rules. No web, no database."""
