"""Campaigns: audience, plan, runner, report."""
