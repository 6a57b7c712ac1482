"""Receivers of webhooks are told what happened: signed, again and again, and on record."""
