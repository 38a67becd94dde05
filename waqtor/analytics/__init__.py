"""Queries over the traffic log (``.sql`` files) and the frames made of them."""
